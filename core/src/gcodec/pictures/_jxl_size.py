"""The size and the depth that a JPEG XL file declares, read without decoding it.

Pillow's JPEG XL plugin decodes the whole image as it opens it, so a limit has to be checked before.
ISO/IEC 18181-1, D.2 (SizeHeader) and D.3 (ImageMetadata); 18181-2 (container).
"""

from __future__ import annotations

__all__ = ["is_jxl", "jxl_depth", "jxl_moves", "jxl_size", "srgb_instead_of_linear"]

#: An Enum is a number of 0, 1, 2 + 4 bits or 18 + 6 bits; transfers are H.273's.
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_OFFSET_2, _LINEAR, _SRGB = 2, 8, 13

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
        self.at = 16  # bits of the codestream that have been read

    def take(self, count: int) -> int:
        value = self.bits & ((1 << count) - 1)
        self.bits >>= count
        self.at += count
        return value

    def choice(self, *ways: tuple[int, int]) -> int:
        """A number in one of four ways: an offset and a number of further bits."""
        offset, count = ways[self.take(2)]
        return offset + self.take(count)

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
    return 8 if header.take(1) else _depth(header)


def _depth(header: _Bits) -> int:
    if header.take(1):
        header.take(3)  # orientation
        if header.take(1):
            header.size()  # the size to show it at
        if header.take(1) or header.take(1):  # preview, animation
            return 0
    return _sample_depth(header)


def _sample_depth(header: _Bits) -> int:
    return 0 if header.take(1) else header.choice((8, 0), (10, 0), (12, 0), (1, 6))


def jxl_moves(data: bytes) -> bool:
    """Say whether a file declares to be an animation. Raises ValueError."""
    header = _Bits(data)
    header.size()
    if header.take(1) or not header.take(1):  # all as usual; no orientation, sizes or animation
        return False
    header.take(3)
    if header.take(1):
        header.size()
    return not header.take(1) and bool(header.take(1))  # behind a preview it is not looked for


def srgb_instead_of_linear(stream: bytes) -> bytes:
    """Return a bare codestream whose samples are marked as sRGB where they were marked as linear; both take as many bits.

    D.3 (ImageMetadata), D.3.6 (ExtraChannelInfo), E.2 (ColourEncoding). Raises ValueError where nothing says "linear".
    """
    header = _Bits(stream)
    header.size()
    if header.take(1) or not _depth(header):
        raise ValueError("no header of integer samples")
    header.take(1)  # 16-bit buffers suffice
    for _ in range(header.choice((0, 0), (1, 0), (2, 4), (1, 12))):
        if header.take(1):
            continue
        kind = header.choice(*_ENUM)
        _sample_depth(header)
        header.choice((0, 0), (3, 0), (4, 0), (1, 3))  # how much smaller
        name = header.choice((0, 0), (0, 4), (16, 5), (48, 10))
        if kind or name:
            raise ValueError("an extra channel other than alpha")
        header.take(1)  # multiplied or not
    if header.take(1) or header.take(1) or header.take(1):
        raise ValueError("XYB, the usual colours or a profile")
    gray = header.choice(*_ENUM) == 1
    header.choice(*_ENUM)  # white point; an own one would fail below
    if not gray:
        header.choice(*_ENUM)  # primaries
    if header.take(1) or header.take(2) != _OFFSET_2 or header.take(4) != _LINEAR - 2:
        raise ValueError("the transfer is not linear")
    at = header.at - 4
    bits = int.from_bytes(stream[:_HEADER], "little")
    bits += (_SRGB - _LINEAR) << at
    return bits.to_bytes(min(_HEADER, len(stream)), "little") + stream[_HEADER:]


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
