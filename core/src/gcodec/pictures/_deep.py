"""More than 8 bits a sample, where Pillow would keep 8, or get them wrong.

    PNG, PPM     read here: Pillow's own unpacking of the file gives all the bits, and PPM has nothing to unpack
    TIFF         tifffile: Pillow garbles planar samples, shows white as black where 0 is white, and leaves 12 bits dark
    JPEG 2000    imagecodecs (OpenJPEG): Pillow's white wraps to black
    JPEG XL      imagecodecs (libjxl); AVIF of 10 and 12 bits: imagecodecs (libavif)

The last three need `pip install gcodec[deep]`; without it such a file is refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gcodec.errors import ImageError
from gcodec.pictures._jxl_size import jxl_depth, jxl_moves

__all__ = ["Deep", "deep_samples"]

Deep = NDArray[np.uint16]

#: Largest difference, in 8-bit levels, between a deep reading and Pillow's of the same file.
_TOLERANCE = 3


def deep_samples(name: str, image: Image.Image, data: bytes) -> Deep | None:
    """Samples of a file that Pillow opened as `image`, as stored: uint16 [H, W, C], C of 1 (gray) to 4 (RGB, alpha).

    0..65535 whatever the depth of the file; alpha is not premultiplied. None where Pillow's own reading is exact.
    Raises ImageError where the file needs a library that is not installed, or is of a kind that none reads.
    """
    reader = _READERS.get(image.format or "")
    samples = None if reader is None else reader(name, image, data)
    # Pillow has turned the size of a TIFF already.
    if samples is not None and sorted(samples.shape[:2]) != sorted(image.size):
        raise ImageError(name, f"two readers disagree about its size; {_CONVERT}")
    return samples


_CONVERT = "convert it to a PNG of 16 bits first"


def _library(module: str, name: str, what: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImageError(name, f"{what} needs: pip install 'gcodec[deep]'") from None


@contextmanager
def _attentive() -> Iterator[None]:
    """Raise ValueError for what tifffile only logs of a page, such as strips without a length, and print nothing.

    What it says of a single tag, such as a name in another alphabet, does not matter to the samples.
    """
    said: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        said.append(record.getMessage())
        return False

    log = logging.getLogger("tifffile")
    log.addFilter(keep)
    try:
        yield
    finally:
        log.removeFilter(keep)
    for line in said:
        if line.startswith("<tifffile.TiffPage"):
            raise ValueError(line)


def _scaled(samples: NDArray[Any], bits: int) -> Deep:
    """Bring 0..2^bits-1 to 0..65535, rounded; gray gets its axis of channels."""
    deep = samples.reshape(*samples.shape[:2], -1).astype(np.uint32)
    top = (1 << bits) - 1
    if bits == 16:
        return deep.astype(np.uint16)
    return ((np.minimum(deep, top) * 65535 + top // 2) // top).astype(np.uint16)


def _check_like(name: str, samples: Deep, image: Image.Image) -> Deep:
    """Compare with Pillow's 8 bits, which are right for this kind of file."""
    seen = np.asarray(image).reshape(image.height, image.width, -1)
    if image.mode == "I;16":
        seen = seen >> 8
    if seen.shape != samples.shape or (
        np.abs((samples >> 8).astype(np.int16) - seen.astype(np.int16)).max() > _TOLERANCE
    ):
        raise ImageError(name, f"two readers disagree about its samples; {_CONVERT}")
    return samples


def _png(name: str, image: Image.Image, data: bytes) -> Deep | None:
    """Pillow keeps the high byte of each sample; unpacked as if of the other byte order, the low one.

    Gray with alpha is as long as 8-bit RGBA, and unpacked as that gives both bytes at once.
    """
    other = Image.open(BytesIO(data), formats=["PNG"])
    rawmode = str(other.tile[0].args) if other.tile else ""

    def unpacked(other_rawmode: str) -> NDArray[np.uint16]:
        other.tile = [other.tile[0]._replace(args=other_rawmode)]
        other.load()
        return np.asarray(other).astype(np.uint16)

    if rawmode == "LA;16B":
        both = unpacked("RGBA")
        return (both[..., ::2] << 8 | both[..., 1::2]).astype(np.uint16)
    if rawmode not in ("RGB;16B", "RGBA;16B"):
        return None
    low = unpacked(rawmode.replace("16B", "16L"))
    samples = (np.asarray(image).astype(np.uint16) << 8 | low).astype(np.uint16)
    clear = image.info.get("transparency")
    if clear is None:
        return samples
    alpha = np.where((samples == np.array(clear)).all(-1), 0, 65535)
    return np.concatenate([samples, alpha[..., None].astype(np.uint16)], -1)


_PPM = re.compile(rb"P6(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")


def _ppm(name: str, image: Image.Image, data: bytes) -> Deep | None:
    found = _PPM.match(data)
    if found is None or int(found[3]) < 256:
        return None
    width, height, top = map(int, found.groups())
    whole = np.frombuffer(data, ">u2", width * height * 3, found.end()).reshape(height, width, 3)
    if top == 65535:
        return whole.astype(np.uint16)
    return ((np.minimum(whole, top).astype(np.uint32) * 65535 + top // 2) // top).astype(np.uint16)


_BITS, _PHOTOMETRIC, _COUNT, _EXTRA, _FORMAT = 258, 262, 277, 338, 339
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _COLOURS = 0, 1, 2


def _tiff(name: str, image: Image.Image, data: bytes) -> Deep | None:
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits = max(tags.get(_BITS, (1,)))
    count, photometric = tags.get(_COUNT, 1), tags.get(_PHOTOMETRIC)
    formats = set(tags.get(_FORMAT, (1,)))
    if bits <= 8 or formats == {3}:
        return None
    if formats != {1} or bits > 16 or len(set(tags[_BITS])) > 1:
        raise ImageError(name, f"a TIFF of {bits}-bit samples, signed or unlike; {_CONVERT}")
    if count == 1 and bits == 16 and photometric == _BLACK_IS_ZERO:
        return None
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _COLOURS):
        raise ImageError(
            name, f"a TIFF of {bits} bits a sample that is neither gray nor RGB; {_CONVERT}"
        )
    tifffile = _library("tifffile", name, f"a TIFF of {bits} bits a sample")
    _library("imagecodecs", name, f"a TIFF of {bits} bits a sample")
    with _attentive(), tifffile.TiffFile(BytesIO(data)) as file:
        page = file.pages[0]
        if not (all(page.dataoffsets) and all(page.databytecounts)):
            raise ValueError("a strip or a tile is missing")  # it would come out black
        stored = page.asarray()
        planar = page.planarconfig == 2 and count > 1
    samples = _scaled(np.moveaxis(stored, 0, -1) if planar else stored, bits)
    colours = 3 if photometric == _COLOURS else 1
    if photometric == _WHITE_IS_ZERO:
        samples[..., 0] = 65535 - samples[..., 0]
    kinds = tags.get(_EXTRA, ())
    if not kinds or kinds[0] not in (1, 2):
        return samples[..., :colours]  # a further channel that is not said to be alpha is none
    samples = samples[..., : colours + 1]
    return _unmultiplied(samples) if kinds[0] == 1 else samples


def _unmultiplied(samples: Deep) -> Deep:
    alpha = np.maximum(samples[..., -1:].astype(np.uint64), 1)
    straight = np.minimum(
        (samples[..., :-1].astype(np.uint64) * 65535 + alpha // 2) // alpha, 65535
    )
    return np.concatenate([straight.astype(np.uint16), samples[..., -1:]], -1)


_SIZ = b"\xff\x4f\xff\x51"
_SRGB, _GRAY = 16, 17


def _jpeg2000(name: str, image: Image.Image, data: bytes) -> Deep | None:
    """ISO/IEC 15444-1, A.5.1 (SIZ) and I.5.3 (boxes of the header)."""
    at = data.find(_SIZ)
    count = int.from_bytes(data[at + 40 : at + 42], "big")
    parts = [data[at + 42 + 3 * k : at + 45 + 3 * k] for k in range(count)]
    depths = {part[0] for part in parts}
    bits = max(depths, default=7) + 1
    if len(depths) == 1 and bits <= 8:
        return None
    colour = data.find(b"colr", 0, at)
    space = int.from_bytes(data[colour + 7 : colour + 11], "big") if colour > 0 else None
    known = space is None or data[colour + 4] == 2 or space in (_SRGB, _GRAY)
    whole = all(part[1:] == b"\x01\x01" for part in parts)
    if len(depths) > 1 or bits > 16 or count > 4 or not (known and whole) or b"pclr" in data[:at]:
        raise ImageError(
            name, f"a JPEG 2000 of {bits} bits that is not plain gray or RGB; {_CONVERT}"
        )
    if count == 1:  # Pillow shifts to 16 bits, so that white falls short
        return _scaled(np.asarray(image) >> (16 - bits), bits)
    codecs = _library("imagecodecs", name, f"a JPEG 2000 of {bits} bits a sample")
    samples = codecs.jpeg2k_decode(data)
    if samples.dtype != np.uint16:
        raise ImageError(name, f"a JPEG 2000 of {samples.dtype} samples; {_CONVERT}")
    return _scaled(samples, bits)


def _jxl(name: str, image: Image.Image, data: bytes) -> Deep | None:
    if jxl_moves(data):  # Pillow's plugin hands out the last frame, and counts one
        raise ImageError(
            name, "a JPEG XL that is an animation is not read; save a frame of it first"
        )
    if getattr(image, "jpeg", False) or jxl_depth(data) == 8:
        return None
    if image.mode in ("I;16", "F"):
        return None
    codecs = _library("imagecodecs", name, "a JPEG XL of more than 8 bits a sample")
    samples = codecs.jpegxl_decode(data, index=0)
    if samples.dtype == np.uint8:
        return None
    if samples.dtype != np.uint16:
        # Not-a-number too.
        if not (samples.min() >= 0 and samples.max() <= 1):
            raise ImageError(name, "floating-point samples outside 0..1; scale them first")
        samples = np.rint(samples.astype(np.float64) * 65535).astype(np.uint16)
    deep = _scaled(samples, 16)
    # Pillow's plugin garbles gray with alpha of 16 bits.
    return deep if image.mode == "LA" else _check_like(name, deep, image)


def _avif(name: str, image: Image.Image, data: bytes) -> Deep | None:
    """AV1 image file format, 2.2.1: the flags of the configuration of each item."""
    flags = 0
    for found in re.finditer(rb"av1C\x81", data[: 1 << 16]):
        flags |= data[found.end() + 1]
    if not flags & 0x40:
        return None
    bits = 12 if flags & 0x20 else 10
    codecs = _library("imagecodecs", name, f"an AVIF of {bits} bits a sample")
    samples = codecs.avif_decode(data, index=0)
    return _check_like(name, _scaled(samples, bits), image)


_READERS: dict[str, Callable[[str, Image.Image, bytes], Deep | None]] = {
    "PNG": _png,
    "PPM": _ppm,
    "TIFF": _tiff,
    "JPEG2000": _jpeg2000,
    "JXL": _jxl,
    "AVIF": _avif,
}
