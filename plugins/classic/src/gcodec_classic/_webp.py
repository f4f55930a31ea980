"""WebP: lossy VP8 without the RIFF container (spec/embeddings/webp.md).

    file  "RIFF" length "WEBP" "VP8 " length | frame tag (3) 9D 01 2A width height (2+2) partitions
    body  LEB128 length of the first partition | partitions

The frame tag (RFC 6386, section 9.1) holds that length, a profile, which goes to the flags, and two constants.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from gcodec.interfaces import Size
from gcodec_classic._stream import FORM, WHOLE, Stream

__all__ = ["FORMAT", "compress", "restore"]

FORMAT = "WEBP"

_STRIPPED = 1
_PROFILE_SHIFT = 2  # two bits of the flags
_START_CODE = b"\x9d\x01\x2a"


def compress(image: Image.Image, quality: float, options: dict[str, Any]) -> Stream:
    """Encode. libwebp's own scale is steep at its lower end: the square makes the steps of the rate even."""
    buffer = BytesIO()
    image.save(buffer, FORMAT, quality=100 * quality**2, method=options["effort"])
    file = buffer.getvalue()
    frame = file[20:]
    if file[12:16] != b"VP8 " or frame[3:6] != _START_CODE:
        return Stream(file, WHOLE, file)
    tag = int.from_bytes(frame[:3], "little")
    flags = _STRIPPED | (tag >> 1 & 3) << _PROFILE_SHIFT
    if int.from_bytes(file[16:20], "little") % 2:
        frame = frame[:-1]  # RIFF pads chunks to even lengths
    return Stream(file, flags, _leb128(tag >> 5) + frame[10:])


def restore(flags: int, body: bytes, size: Size) -> bytes:
    """Return the file. Raises ValueError."""
    if flags & FORM != _STRIPPED or flags >> 4:
        raise ValueError(f"unknown flags {flags:#x}")
    if max(size) > 0x3FFF:
        raise ValueError("WebP ends at 16383 pixels a side")
    first, at = _take_leb128(body)
    tag = first << 5 | 1 << 4 | (flags >> _PROFILE_SHIFT & 3) << 1
    frame = tag.to_bytes(3, "little") + _START_CODE
    frame += size.width.to_bytes(2, "little") + size.height.to_bytes(2, "little") + body[at:]
    chunk = b"VP8 " + len(frame).to_bytes(4, "little") + frame + b"\0" * (len(frame) % 2)
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _take_leb128(data: bytes) -> tuple[int, int]:
    value = 0
    for at, byte in enumerate(data[:3]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            if value >> 19 or (at and not byte):  # too long, or not in its shortest form
                break
            return value, at + 1
    raise ValueError("bad length of the first partition")
