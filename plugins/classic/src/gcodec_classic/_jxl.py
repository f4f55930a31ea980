"""JPEG XL: the bare codestream without its signature and size (spec/embeddings/jxl.md).

    file  FF 0A | size, image metadata, padding to a byte | frame
    body  frame

The metadata of a lossy 8-bit sRGB picture, colour or gray, is a constant bit string; a stream with another stays whole.
ISO/IEC 18181-1, sections 9.2 and D.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from gcodec.interfaces import Size
from gcodec_classic._stream import FORM, WHOLE, Stream

__all__ = ["FORMAT", "compress", "restore"]

FORMAT = "JXL"

_COLOUR, _GRAY = 1, 2
_SIGNATURE = b"\xff\x0a"

#: Image metadata and transform data, in the order of the bits. Colour: everything at its default. Gray: 8 bits, XYB,
#: gray space, D65, sRGB transfer, relative intent, no extensions, default transforms.
_METADATA = {_COLOUR: "11", _GRAY: "000001001001010001110110001"}

#: What libjxl calls quality 100 is not a lossy mode.
_BEST_LOSSY = 99.5

#: The lowest quality that libjxl codes at full resolution (distance 10; it says so nowhere). The best of those at half
#: resolution takes more bytes and has 1 to 3 dB less.
_FULL = 18.1
_DIMENSION_BITS = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def compress(image: Image.Image, quality: float, options: dict[str, Any]) -> Stream:
    """Encode; quality 1 is lossless. Half the resolution is taken only where it saves bytes."""
    wanted = _BEST_LOSSY * quality
    if quality == 1:
        file = _encoded(image, options, lossless=True)
    else:
        file = _encoded(image, options, quality=wanted)
        if wanted < _FULL:
            file = min(_encoded(image, options, quality=_FULL), file, key=len)
    form = _GRAY if image.mode == "L" else _COLOUR
    header = _header(form, Size(image.height, image.width))
    if quality < 1 and file.startswith(header):
        return Stream(file, form, file[len(header) :])
    return Stream(file, WHOLE, file)


def _encoded(image: Image.Image, options: dict[str, Any], **how: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, FORMAT, effort=options["effort"], **how)
    return buffer.getvalue()


def restore(flags: int, body: bytes, size: Size) -> bytes:
    """Return the codestream. Raises ValueError."""
    if flags not in (_COLOUR, _GRAY):
        raise ValueError(f"unknown flags {flags:#x}")
    return _header(flags & FORM, size) + body


def _header(form: int, size: Size) -> bytes:
    """Build signature, SizeHeader and metadata as libjxl writes them: in the shortest way."""
    ratio = next(
        (n for n, (w, h) in enumerate(_RATIOS, 1) if size.height * w // h == size.width), 0
    )
    small = all(length % 8 == 0 and length <= 256 for length in size)
    text = _low_first(int(small), 1) + _dimension(size.height, small) + _low_first(ratio, 3)
    if ratio == 0:
        text += _dimension(size.width, small)
    text += _METADATA[form]
    text += "0" * (-len(text) % 8)
    return _SIGNATURE + int(text[::-1], 2).to_bytes(len(text) // 8, "little")


def _dimension(length: int, small: bool) -> str:
    if small:
        return _low_first(length // 8 - 1, 5)
    selector = next(n for n, bits in enumerate(_DIMENSION_BITS) if (length - 1) >> bits == 0)
    return _low_first(selector, 2) + _low_first(length - 1, _DIMENSION_BITS[selector])


def _low_first(value: int, count: int) -> str:
    return f"{value:0{count}b}"[::-1]
