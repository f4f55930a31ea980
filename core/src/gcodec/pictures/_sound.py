"""Damage that Pillow does not see: it would hand out a picture of which a part is wrong, and say nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, Any, Literal

from PIL import Image

from gcodec.errors import ImageError

__all__ = ["PNG_SIGNATURE", "check_end", "check_sound", "png_chunks"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, beginning and end of each chunk of a PNG; the last one may end beyond the data."""
    at = len(PNG_SIGNATURE)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, end
        at = end


def check_sound(name: str, image: Image.Image, data: bytes) -> str | None:
    """Look at a file that Pillow has opened and not loaded yet; return what readers see in different ways.

    Raises ImageError where it is damaged.
    """
    check = {"PNG": _png, "TIFF": _tiff, "QOI": _qoi}.get(image.format or "")
    wrong = None if check is None else check(image, data)
    if wrong:
        raise ImageError(name, f"the image is damaged: {wrong}")
    tiles = getattr(image, "tile", ())
    if image.format == "GIF" and tiles and tiles[0][1] != (0, 0, *image.size):
        return "its first frame does not fill it; around it is the background's colour"
    return None


def check_end(name: str, kind: str | None, stream: IO[bytes] | None, data: bytes) -> None:
    """Raise ImageError unless the samples of a file that was loaded from `stream` end where its format says."""
    if kind == "QOI" and stream is not None and data[stream.tell() :] != bytes(7) + b"\x01":
        raise ImageError(name, "the image is damaged: its samples do not end with the file")


def _png(image: Image.Image, data: bytes) -> str | None:
    """Checksums of all that a picture is made of (PNG, 5.3): Pillow passes over that of IDAT."""
    view = memoryview(data)
    for kind, at, end in png_chunks(data):
        if not kind.isalpha():
            return "there is no chunk where one has to be"
        critical = kind[:1].isupper()
        if critical and view[end - 4 : end] != zlib.crc32(view[at + 4 : end - 4]).to_bytes(
            4, "big"
        ):
            return f"the checksum of its {kind.decode('latin-1')} chunk is wrong"
        if kind == b"IEND":
            break
    return None


def _qoi(image: Image.Image, data: bytes) -> str | None:
    """Channels and colour space, of which Pillow takes any number."""
    sound = data[12:13] in (b"\x03", b"\x04") and data[13:14] in (b"\x00", b"\x01")
    return None if sound else "its header is that of no QOI"


#: Tags without which a TIFF has no picture, and those of them that have one value (TIFF 6.0; BigTIFF's types are 16 to 18).
_ONE = (256, 257, 259, 262, 274, 277, 278, 284, 317, 322, 323)
_SEVERAL = (258, 273, 279, 324, 325, 338, 339)
_PLANAR = 284
_PLACES = ((273, 279), (324, 325))  # of strips and of tiles, and their lengths
_WIDTHS = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


def _tiff(image: Any, data: bytes) -> str | None:
    """Tags that cannot be meant, of which Pillow takes no notice, and strips and tiles that end beyond the file."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(at: int, width: int) -> int:
        return int.from_bytes(data[at : at + width], order)

    big = number(2, 2) == 43
    if big and data[4:8] not in (b"\x08\x00\x00\x00", b"\x00\x08\x00\x00"):
        return "its header is that of no BigTIFF"
    wide, entry = (8, 20) if big else (4, 12)
    first = number(wide, wide)
    count = number(first, wide if big else 2)
    first += wide if big else 2
    if first + entry * count > len(data):
        return "its directory ends beyond the file"
    for at in range(first, first + entry * count, entry):
        tag, kind, values = number(at, 2), number(at + 2, 2), number(at + 4, wide)
        length = _WIDTHS.get(kind, 0) * values
        place = number(at + 4 + wide, wide)
        outside = length > wide and place + length > len(data)
        if (tag in _ONE and values != 1) or (tag in _ONE + _SEVERAL and (not length or outside)):
            return f"its tag {tag} cannot be read"
    tags = image.tag_v2
    if tags.get(_PLANAR, 1) not in (1, 2):
        return f"its planes are in the order {tags[_PLANAR]}, which there is not"
    if all(places in tags for places, _ in _PLACES):
        return "it is said to be of strips and of tiles"
    for places, lengths in _PLACES:
        for at, length in zip(tags.get(places, ()), tags.get(lengths, ()), strict=False):
            if at + length > len(data):
                return "a strip or a tile ends beyond the file"
    return None
