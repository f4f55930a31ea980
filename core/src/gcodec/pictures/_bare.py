"""PNG and JPEG files without what only describes the picture, for when that is what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from gcodec.pictures._sound import PNG_SIGNATURE, png_chunks

__all__ = ["barer"]

_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cICP")
_COLOUR = (b"iCCP", b"sRGB", b"eXIf")

_SOI, _SOS = b"\xff\xd8", 0xDA
_APP0, _APP1, _APP2, _ADOBE, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE


def barer(data: bytes) -> Iterator[bytes]:
    """Yield the file with profile and EXIF left of its metadata, then with none; nothing for other formats."""
    if data.startswith(PNG_SIGNATURE):
        yield _png(data, _NEEDED + _COLOUR)
        yield _png(data, _NEEDED)
    elif data.startswith(_SOI):
        yield _jpeg(data, (_APP1, _APP2))
        yield _jpeg(data, ())


def _png(data: bytes, kept: tuple[bytes, ...]) -> bytes:
    chunks = [data[at:end] for kind, at, end in png_chunks(data) if kind in kept]
    return b"".join([PNG_SIGNATURE, *chunks])


def _jpeg(data: bytes, kept: tuple[int, ...]) -> bytes:
    """Adobe's segment says how the colours are stored, so it stays where it is whole."""
    parts, at = [_SOI], len(_SOI)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOS:
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        telling = _APP0 <= marker <= _APP15 or marker == _COMMENT
        whole = marker == _ADOBE and data[at + 4 : at + 9] == b"Adobe" and end - at >= 14
        if not telling or marker in kept or whole:
            parts.append(data[at:end])
        at = end
    return b"".join([*parts, data[at:]])
