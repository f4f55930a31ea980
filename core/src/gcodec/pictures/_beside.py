"""What a PIL image has beside its samples: orientation, EXIF and XMP."""

from __future__ import annotations

import re

from PIL import ExifTags, Image

__all__ = ["beside"]

#: The orientation that XMP repeats, as attribute or as element.
_XMP_ORIENTATION = re.compile(
    rb'tiff:Orientation="[0-9]"|<tiff:Orientation>[0-9]</tiff:Orientation>'
)


def beside(image: Image.Image, lost: list[str]) -> tuple[int, bytes | None, bytes | None]:
    """Return the orientation that a file states, and its EXIF and XMP without it."""
    xmp = image.info.get("xmp") or None
    try:
        tags = image.getexif()
        orientation = tags.get(ExifTags.Base.Orientation, 1)
        raw = image.info.get("exif") or None
        if image.format == "TIFF":
            raw = _of_tiff(tags)
        elif raw:
            # A copy: the image may be the caller's. Pillow's own attempt at opening hides what was wrong.
            block = Image.Exif()
            block.load(raw)
            if ExifTags.Base.Orientation in block:
                del block[ExifTags.Base.Orientation]
                raw = block.tobytes() if len(block) else None
    # Pillow raises nearly everything: SyntaxError, struct.error, KeyError...
    except Exception as error:
        lost.append(f"its EXIF cannot be read and is left out ({' '.join(str(error).split())})")
        orientation, raw = 1, None
    if isinstance(xmp, str):
        xmp = xmp.encode()
    if xmp is not None:
        xmp = _XMP_ORIENTATION.sub(b"", xmp)
    if raw:
        raw = bytes(raw).removeprefix(b"Exif\x00\x00")
    return orientation if orientation in range(1, 9) else 1, raw or None, xmp


#: Tags of a TIFF that tell of the picture rather than of how the file stores it.
_TELLING = (270, 271, 272, 305, 306, 315, 33432)
_FOLDERS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


def _of_tiff(tags: Image.Exif) -> bytes | None:
    kept = Image.Exif()
    for tag in _TELLING:
        if tag in tags:
            kept[tag] = tags[tag]
    for folder in _FOLDERS:
        if found := tags.get_ifd(folder):
            kept[folder] = {k: v for k, v in found.items() if k != ExifTags.IFD.Interop}
    return kept.tobytes() if len(kept) else None
