"""Reading pictures: any usual file to upright float32 planes, with limits checked before anything is allocated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image, UnidentifiedImageError

from gcodec.errors import ImageError
from gcodec.files import read_bounded
from gcodec.pictures._arrays import foreign
from gcodec.pictures._bare import barer
from gcodec.pictures._jxl_size import is_jxl, jxl_size
from gcodec.pictures._picture import Picture, check_picture
from gcodec.pictures._planes import Parts, check_size, of_file, told, warn
from gcodec_formats import DEFAULT_LIMITS, Limits

__all__ = ["as_picture", "is_picture", "load_image", "pictures_among"]

#: What Pillow may take a file for. Formats that run other programs (EPS) or hardly anyone tests are left out.
_READABLE = (
    "PNG", "JPEG", "MPO", "WEBP", "AVIF", "JXL", "TIFF", "JPEG2000", "GIF", "BMP", "PPM", "TGA", "QOI",
)  # fmt: skip

#: How the names of such files end.
_ENDINGS = (
    ".png", ".jpg", ".jpeg", ".webp", ".avif", ".jxl", ".tif", ".tiff", ".jp2", ".j2k", ".gif", ".bmp", ".pbm",
    ".pgm", ".ppm", ".pnm", ".tga", ".qoi",
)  # fmt: skip

#: Formats whose further frames are a film; those of the others are thumbnails, depth maps or stereo views.
_FILMS = ("PNG", "WEBP", "AVIF", "GIF", "TIFF")

#: Files that are named where more of them are counted.
_NAMED = 4


def is_picture(path: Path) -> bool:
    """Whether a file of a folder is taken for a picture, by its name; those that macOS lays beside ("._a.jpg") are not."""
    name = path.name.lower()
    return name.endswith(_ENDINGS) and name not in _ENDINGS and not name.startswith("._")


def pictures_among(files: Sequence[Path], folder: Path) -> list[Path]:
    """Return those of the files of a folder that are pictures by their names; a warning counts the others."""
    found = [path for path in files if is_picture(path)]
    others = [path.relative_to(folder).as_posix() for path in files if not is_picture(path)]
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        count = f"{len(others)} file{'s are' if len(others) > 1 else ' is'}"
        named = ", ".join(others[:_NAMED]) + more
        warnings.warn(
            f"{folder}: {count} no picture by name and passed over: {named}", stacklevel=3
        )
    return found


def load_image(source: str | Path | bytes | BinaryIO, *, limits: Limits | None = None) -> Picture:
    """Read a picture from a path, from bytes, or from a binary stream to its end.

    It is turned upright as EXIF says. An ICC profile that means plain sRGB is dropped, and so is an alpha plane that is
    opaque everywhere; CMYK and Lab are converted to sRGB. Of an animation the first frame is taken, with a warning.
    Without an ICC profile the samples are taken for sRGB; a PNG's gAMA and cHRM are not looked at.

    Raises ImageError where the source cannot be read, is no picture, is damaged, or has more pixels than `limits` allow;
    InvalidArgument for a source of another kind.
    """
    if limits is None:
        limits = DEFAULT_LIMITS
    name, data = _read(source)
    lost: list[str] = []
    try:
        image, frames, parts = _read_all(name, data, limits.pixels, lost)
    except ImageError as error:
        if error.__cause__ is None:  # refused on purpose, not stumbled over
            raise
        for bare in barer(data):
            with suppress(ImageError):
                lost = []
                image, frames, parts = _read_all(name, bare, limits.pixels, lost)
                lost.append("metadata in it cannot be read and is left out")
                break
        else:
            raise
    if frames > 1 and image.format in _FILMS:
        lost.append(f"only the first of {frames} frames is taken")
    warn(name, lost)
    return Picture(*parts)


def _read_all(
    name: str, data: bytes, pixels: int, lost: list[str]
) -> tuple[Image.Image, int, Parts]:
    with told(name, pixels):
        image = _open(name, data, pixels)
        frames = getattr(image, "n_frames", 1)
        return image, frames, of_file(name, image, data, lost)


def as_picture(source: object, limits: Limits) -> Picture:
    """Return a picture, sound, of a Picture, a PIL image, a path or the bytes of a file.

    Raises ImageError, and InvalidArgument for what is none of them or has samples outside [0, 1].
    """
    if isinstance(source, Image.Image):
        return Picture.from_pil(source)
    if isinstance(source, str | Path | bytes | bytearray | memoryview):
        return load_image(
            source if isinstance(source, str | Path) else bytes(source), limits=limits
        )
    check_picture(source)
    return cast(Picture, source)


def _read(source: str | Path | bytes | BinaryIO) -> tuple[str, bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        return "the image", bytes(source)
    if not isinstance(source, str | Path) and not hasattr(source, "read"):
        raise foreign(source, "an image is read from a path, bytes or a binary stream")
    try:
        if isinstance(source, str | Path):
            with Path(source).open("rb") as stream:
                return str(source), read_bounded(stream, str(source))
        named = getattr(source, "name", None)
        name = str(named) if isinstance(named, str | Path) else "the image"
        return name, read_bounded(source, name)
    except OSError as error:
        raise ImageError(str(source), (error.strerror or str(error)).lower()) from error


def _open(name: str, data: bytes, pixels: int) -> Image.Image:
    if not data:
        raise ImageError(name, "the file is empty")
    if is_jxl(data):
        try:
            import pillow_jxl  # noqa: F401  (registers itself with Pillow)
        except ImportError:
            raise ImageError(name, "reading JPEG XL needs: pip install pillow-jxl-plugin") from None
        check_size(name, *jxl_size(data), pixels)
    try:
        image = _identified(data)
    except UnidentifiedImageError as error:
        raise ImageError(
            name, "not a picture that can be read (PNG, JPEG, WebP, AVIF, JPEG XL, TIFF, GIF, ...)"
        ) from error
    check_size(name, image.height, image.width, pixels)
    return image


def _identified(data: bytes) -> Image.Image:
    """Open a file with as few of Pillow's plugins as will do: to import them all takes as long as to read a picture."""
    for load in (Image.preinit, Image.init):  # PNG, JPEG, GIF, BMP and PPM; all
        load()
        known = [kind for kind in _READABLE if kind in Image.OPEN]
        try:
            return Image.open(BytesIO(data), formats=known)
        except UnidentifiedImageError as error:
            unknown = error
    raise unknown
