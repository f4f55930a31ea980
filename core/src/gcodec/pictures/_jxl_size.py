"""The size that a JPEG XL file declares, read without decoding it.

Pillow's JPEG XL plugin decodes the whole image as it opens it, so a limit has to be checked before.
ISO/IEC 18181-1, section 9.2.2 (SizeHeader); 18181-2 (container).
"""

from __future__ import annotations

__all__ = ["is_jxl", "jxl_size"]

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"

#: Bits of a dimension less one, by its two-bit selector.
_DIMENSION_BITS = (9, 13, 18, 30)

#: Width : height, by the three-bit ratio; ratio 0 means that the width is written out.
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def is_jxl(data: bytes) -> bool:
    """Say whether these bytes begin like JPEG XL, bare or in its container."""
    return data.startswith((_CODESTREAM, _CONTAINER))


def jxl_size(data: bytes) -> tuple[int, int]:
    """Return (height, width) as declared, before any rotation.

    Raises ValueError where no size is to be found.
    """
    stream = data if data.startswith(_CODESTREAM) else _first_codestream_bytes(data)
    if not stream.startswith(_CODESTREAM) or len(stream) < 3:
        raise ValueError("no JPEG XL codestream")
    # The header is a little-endian bit string; 2 + 2 * (2 + 30) + 3 bits at most.
    bits = int.from_bytes(stream[2:12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def dimension(small: int) -> int:
        return 8 * (take(5) + 1) if small else take(_DIMENSION_BITS[take(2)]) + 1

    small = take(1)
    height = dimension(small)
    ratio = take(3)
    across, down = _RATIOS[ratio]
    width = height * across // down if ratio else dimension(small)
    return height, width


def _first_codestream_bytes(data: bytes) -> bytes:
    """Find the codestream's beginning among the boxes of the container."""
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        header = 8
        if length == 1:
            length, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if kind == b"jxlc":
            return data[at + header : at + header + 12]
        if kind == b"jxlp":  # a 4-byte part number comes first
            return data[at + header + 4 : at + header + 16]
        if length < header:  # 0: the last box; less than its own header: damaged
            break
        at += length
    return b""
