"""The size and the depth that a JPEG XL file declares, read without decoding it.

Pillow's JPEG XL plugin decodes the whole image as it opens it, so a limit has to be checked before.
ISO/IEC 18181-1, D.2 (SizeHeader) and D.3 (ImageMetadata); 18181-2 (container).
"""

from __future__ import annotations

__all__ = ["is_jxl", "jxl_depth", "jxl_size"]

#: Bytes that hold size and depth, with room to spare.
_HEADER = 40

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"

#: Bits of a dimension less one, by its two-bit selector.
_DIMENSION_BITS = (9, 13, 18, 30)

#: Width : height, by the three-bit ratio; ratio 0 means that the width is written out.
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def is_jxl(data: bytes) -> bool:
    """Say whether these bytes begin like JPEG XL, bare or in its container."""
    return data.startswith((_CODESTREAM, _CONTAINER))


class _Bits:
    """A header as the little-endian bit string that it is."""

    def __init__(self, data: bytes) -> None:
        stream = data if data.startswith(_CODESTREAM) else _first_codestream_bytes(data)
        if not stream.startswith(_CODESTREAM) or len(stream) < 3:
            raise ValueError("no JPEG XL codestream")
        self.bits = int.from_bytes(stream[2:_HEADER], "little")

    def take(self, count: int) -> int:
        value = self.bits & ((1 << count) - 1)
        self.bits >>= count
        return value

    def size(self) -> tuple[int, int]:
        small = self.take(1)
        height = self._dimension(small)
        ratio = self.take(3)
        across, down = _RATIOS[ratio]
        return height, height * across // down if ratio else self._dimension(small)

    def _dimension(self, small: int) -> int:
        if small:
            return 8 * (self.take(5) + 1)
        return self.take(_DIMENSION_BITS[self.take(2)]) + 1


def jxl_size(data: bytes) -> tuple[int, int]:
    """Return (height, width) as declared, before any rotation.

    Raises ValueError where no size is to be found.
    """
    return _Bits(data).size()


def jxl_depth(data: bytes) -> int:
    """Return the bits of a sample as declared; 0 for floating point, and where a preview or a film hides them.

    Raises ValueError.
    """
    header = _Bits(data)
    header.size()
    if header.take(1):  # everything as usual
        return 8
    if header.take(1):
        header.take(3)  # orientation
        if header.take(1):
            header.size()  # the size to show it at
        if header.take(1) or header.take(1):  # preview, animation
            return 0
    if header.take(1):
        return 0
    return (8, 10, 12)[which] if (which := header.take(2)) < 3 else 1 + header.take(6)


def _first_codestream_bytes(data: bytes) -> bytes:
    """Find the codestream's beginning among the boxes of the container."""
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        header = 8
        if length == 1:
            length, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if kind == b"jxlc":
            return data[at + header : at + header + _HEADER]
        if kind == b"jxlp":  # a 4-byte part number comes first
            return data[at + header + 4 : at + header + 4 + _HEADER]
        if length < header:  # 0: the last box; less than its own header: damaged
            break
        at += length
    return b""
