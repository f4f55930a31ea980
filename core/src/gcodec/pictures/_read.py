"""Reading pictures: any usual file to upright float32 planes, with limits checked before anything is allocated."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from gcodec.errors import ImageError
from gcodec.files import read_bounded
from gcodec.pictures._arrays import foreign
from gcodec.pictures._bare import barer
from gcodec.pictures._colour import is_srgb, profile_space, to_srgb
from gcodec.pictures._colour_codes import colour_warning
from gcodec.pictures._deep import deep_samples
from gcodec.pictures._jxl_size import is_jxl, jxl_size
from gcodec.pictures._picture import AlphaArray, Picture, check_picture
from gcodec.pictures._pillow import load_tiff, pillow_guard
from gcodec.pictures._sound import check_end, check_sound
from gcodec.pictures._turned import turned
from gcodec_formats import DEFAULT_LIMITS, Limits

__all__ = ["as_picture", "from_pil", "is_picture", "load_image", "pictures_among"]

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

_GRAY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")

#: The orientation that XMP repeats, as attribute or as element.
_XMP_ORIENTATION = re.compile(
    rb'tiff:Orientation="[0-9]"|<tiff:Orientation>[0-9]</tiff:Orientation>'
)


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
        image, frames, picture = _read_all(name, data, limits.pixels, lost)
    except ImageError as error:
        if error.__cause__ is None:  # refused on purpose, not stumbled over
            raise
        for bare in barer(data):
            with suppress(ImageError):
                lost = []
                image, frames, picture = _read_all(name, bare, limits.pixels, lost)
                lost.append("metadata in it cannot be read and is left out")
                break
        else:
            raise
    if frames > 1 and image.format in _FILMS:
        lost.append(f"only the first of {frames} frames is taken")
    _warn(name, lost)
    return picture


def _read_all(
    name: str, data: bytes, pixels: int, lost: list[str]
) -> tuple[Image.Image, int, Picture]:
    with _told(name, pixels):
        image = _open(name, data, pixels)
        frames = getattr(image, "n_frames", 1)
        return image, frames, _to_picture(name, image, data, lost)


def from_pil(image: Image.Image) -> Picture:
    """Return the picture of a PIL image; see `Picture.from_pil`."""
    if not isinstance(image, Image.Image):
        raise foreign(image, "the image is a PIL.Image.Image")
    name = str(getattr(image, "filename", "") or "the image")
    lost: list[str] = []
    with _told(name, DEFAULT_LIMITS.pixels):
        _check_size(name, image.height, image.width, DEFAULT_LIMITS.pixels)
        picture = _to_picture(name, image, b"", lost)
    _warn(name, lost)
    return picture


def _warn(name: str, lost: list[str]) -> None:
    for what in lost:
        warnings.warn(f"{name}: {what}", stacklevel=3)


def as_picture(source: object, limits: Limits) -> Picture:
    """Return a picture, sound, of a Picture, a PIL image, a path or the bytes of a file.

    Raises ImageError, and InvalidArgument for what is none of them or has samples outside [0, 1].
    """
    if isinstance(source, Image.Image):
        return from_pil(source)
    if isinstance(source, str | Path | bytes | bytearray | memoryview):
        return load_image(
            source if isinstance(source, str | Path) else bytes(source), limits=limits
        )
    check_picture(source)
    return cast(Picture, source)


@contextmanager
def _told(name: str, pixels: int) -> Iterator[None]:
    """Turn whatever Pillow raises into an ImageError about `name`."""
    try:
        with pillow_guard(pixels):
            yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(name, f"more pixels than the limit of {pixels}") from error
    # Pillow raises nearly everything on damaged files: OSError, ValueError, SyntaxError, struct.error, IndexError...
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(name, f"the image is damaged or cannot be read: {text}") from error


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
        _check_size(name, *jxl_size(data), pixels)
    try:
        image = Image.open(BytesIO(data), formats=[f for f in _READABLE if _known(f)])
    except UnidentifiedImageError as error:
        raise ImageError(
            name, "not a picture that can be read (PNG, JPEG, WebP, AVIF, JPEG XL, TIFF, GIF, ...)"
        ) from error
    _check_size(name, image.height, image.width, pixels)
    return image


def _known(name: str) -> bool:
    Image.init()
    return name in Image.OPEN


def _check_size(name: str, height: int, width: int, pixels: int) -> None:
    if height < 1 or width < 1:
        raise ImageError(name, f"it is {width}x{height}, so there is nothing to code")
    if height * width > pixels:
        raise ImageError(
            name, f"{width}x{height} is more than the limit of {pixels} pixels; scale it down"
        )


def _to_picture(name: str, image: Image.Image, data: bytes, lost: list[str]) -> Picture:
    """Of an image that is open; `data` is its file, if it has one. What could not be kept is added to `lost`."""
    icc = image.info.get("icc_profile") or None
    warning = colour_warning(name, image.format, data, icc is not None) if data else None
    lost += [] if warning is None else [warning]
    orientation, exif, xmp = _beside(image, lost)
    if data and (told := check_sound(name, image, data)):
        lost.append(told)
    if image.format != "TIFF":
        stream = getattr(image, "fp", None)
        image.load()
        if data:
            check_end(name, image.format, stream, data)
    deep = deep_samples(name, image, data) if data else None
    if image.format == "TIFF" and deep is None:
        load_tiff(image)  # which turns it
        orientation = 1
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        # libjxl has turned the picture already, whatever its EXIF still says; a JPEG inside is handed out as it was.
        orientation = 1
    gray = image.mode in _GRAY_MODES if deep is None else deep.shape[2] < 3
    if deep is None and image.mode in ("CMYK", "LAB"):
        converted = to_srgb(image, icc if image.mode == "CMYK" else None)
        # Without a usable profile CMYK means nothing exact; this is what viewers do then.
        image, icc = converted or image.convert("RGB"), None
    if icc is not None and (profile_space(icc) not in ("RGB", "GRAY") or is_srgb(icc)):
        icc = None
    pixels, alpha, depth = (
        _planes(name, image, orientation) if deep is None else _of_samples(deep, gray, orientation)
    )
    if icc is not None and (profile_space(icc) == "GRAY") != gray:
        # A profile for the other number of channels cannot describe these samples.
        icc = None
    return Picture(pixels, alpha, icc, exif, xmp, 1 if gray else 3, depth)


def _planes(
    name: str, image: Image.Image, orientation: int
) -> tuple[NDArray[np.float32], AlphaArray | None, Literal[8, 16]]:
    """Planes of what Pillow reads exactly."""
    if image.mode.startswith("I;16"):
        samples = np.asarray(image).astype(np.uint16)
        return _deep_gray(samples, image.info.get("transparency"), orientation)
    if image.mode == "I":
        whole = np.asarray(image)
        if whole.min() < 0 or whole.max() > 65535:
            raise ImageError(name, "32-bit samples beyond 0..65535; convert it to 16 bits first")
        return _deep_gray(whole.astype(np.uint16), None, orientation)
    if image.mode == "F":
        real = turned(np.asarray(image, np.float32), orientation)
        # Also false for not-a-number.
        if not (real.min() >= 0 and real.max() <= 1):
            raise ImageError(name, "floating-point samples outside 0..1; scale them first")
        return np.repeat(real[None], 3, axis=0), None, 16
    gray = image.mode in _GRAY_MODES
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    wanted = ("L" if gray else "RGB") + "A" * image.has_transparency_data
    return _of_samples(np.asarray(image.convert(wanted)), gray, orientation)


def _of_samples(
    samples: NDArray[np.uint8] | NDArray[np.uint16], gray: bool, orientation: int
) -> tuple[NDArray[np.float32], AlphaArray | None, Literal[8, 16]]:
    """Planes of samples [H, W] or [H, W, C], gray or RGB, with alpha or without."""
    depth: Literal[8, 16] = 8 if samples.dtype == np.uint8 else 16
    samples = turned(samples.reshape(*samples.shape[:2], -1), orientation)
    colours = 1 if gray else 3
    alpha = np.ascontiguousarray(samples[..., colours]) if samples.shape[2] > colours else None
    top = 255 if depth == 8 else 65535
    planes = np.empty((colours, *samples.shape[:2]), np.float32)
    for channel, plane in enumerate(planes):
        np.multiply(samples[..., channel], np.float32(1 / top), out=plane, dtype=np.float32)
    return np.repeat(planes, 3, axis=0) if gray else planes, _unless_opaque(alpha), depth


def _deep_gray(
    samples: NDArray[np.uint16], transparent: int | None, orientation: int
) -> tuple[NDArray[np.float32], AlphaArray | None, Literal[8, 16]]:
    samples = turned(samples, orientation)
    alpha = None if transparent is None else np.where(samples == transparent, 0, 255)
    plane = samples.astype(np.float32) / np.float32(65535)
    opaque = None if alpha is None else _unless_opaque(alpha.astype(np.uint8))
    return np.repeat(plane[None], 3, axis=0), opaque, 16


def _unless_opaque(alpha: AlphaArray | None) -> AlphaArray | None:
    if alpha is None or alpha.min() == np.iinfo(alpha.dtype).max:
        return None
    return alpha


def _beside(image: Image.Image, lost: list[str]) -> tuple[int, bytes | None, bytes | None]:
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
