"""Reading pictures: any usual file to upright float32 planes, with limits checked before anything is allocated."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from gcodec.errors import ImageError
from gcodec.files import read_bounded
from gcodec.pictures._arrays import foreign
from gcodec.pictures._colour import is_srgb, profile_space, to_srgb
from gcodec.pictures._jxl_size import is_jxl, jxl_size
from gcodec.pictures._picture import AlphaArray, Picture, check_picture
from gcodec.pictures._pillow import pillow_guard
from gcodec_formats import DEFAULT_LIMITS, Limits

__all__ = ["as_picture", "from_pil", "is_picture", "load_image"]

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
_OTHER_BYTE_ORDER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}


def is_picture(path: Path) -> bool:
    """Whether a file of a folder is taken for a picture, by its name; those that macOS lays beside ("._a.jpg") are not."""
    name = path.name.lower()
    return name.endswith(_ENDINGS) and name not in _ENDINGS and not name.startswith("._")


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
    with _told(name, limits.pixels):
        image = _open(name, data, limits.pixels)
        frames = getattr(image, "n_frames", 1)
        image.load()
        picture = _to_picture(name, image, data)
    if frames > 1 and image.format in _FILMS:
        warnings.warn(f"{name}: only the first of {frames} frames is taken", stacklevel=2)
    return picture


def from_pil(image: Image.Image) -> Picture:
    """Return the picture of a PIL image; see `Picture.from_pil`."""
    if not isinstance(image, Image.Image):
        raise foreign(image, "the image is a PIL.Image.Image")
    name = str(getattr(image, "filename", "") or "the image")
    with _told(name, DEFAULT_LIMITS.pixels):
        _check_size(name, image.height, image.width, DEFAULT_LIMITS.pixels)
        image.load()
        return _to_picture(name, image, b"")


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


def _to_picture(name: str, image: Image.Image, data: bytes) -> Picture:
    icc = image.info.get("icc_profile") or None
    low_bytes = _low_bytes(image, data)
    # libjxl has turned the picture already, whatever its EXIF still says; a JPEG inside is handed out as it was.
    turned = image.format == "JXL" and not getattr(image, "jpeg", False)
    upright = image if turned else ImageOps.exif_transpose(image)
    if low_bytes is not None:
        low_bytes.info = dict(image.info)
        low_bytes = ImageOps.exif_transpose(low_bytes)
    exif, xmp = _exif(upright), upright.info.get("xmp") or None
    if upright.mode in ("CMYK", "LAB"):
        converted = to_srgb(upright, icc if upright.mode == "CMYK" else None)
        # Without a usable profile CMYK means nothing exact; this is what viewers do then.
        upright, icc = converted or upright.convert("RGB"), None
    if icc is not None and (profile_space(icc) not in ("RGB", "GRAY") or is_srgb(icc)):
        icc = None
    pixels, alpha, depth = _planes(name, upright, low_bytes)
    gray = image.mode in _GRAY_MODES
    if icc is not None and (profile_space(icc) == "GRAY") != gray:
        # A profile for the other number of channels cannot describe these samples.
        icc = None
    return Picture(pixels, alpha, icc, exif, xmp, 1 if gray else 3, depth)


def _low_bytes(image: Image.Image, data: bytes) -> Image.Image | None:
    """Return the low bytes of a 16-bit colour PNG as an 8-bit image of its own; None for every other image.

    Pillow keeps only the high byte of each sample. Unpacked as if the samples were of the other byte order, what it keeps
    is the low byte.
    """
    if image.format != "PNG" or not data:
        return None
    other = Image.open(BytesIO(data), formats=["PNG"])
    tile = other.tile[0] if other.tile else None
    raw = _OTHER_BYTE_ORDER.get(str(tile.args)) if tile is not None else None
    if tile is None or raw is None or "transparency" in other.info:
        return None
    other.tile = [tile._replace(args=raw)]
    other.load()
    return other


def _planes(
    name: str, image: Image.Image, low_bytes: Image.Image | None
) -> tuple[NDArray[np.float32], AlphaArray | None, Literal[8, 16]]:
    if image.mode.startswith("I;16"):
        return _deep_gray(np.asarray(image).astype(np.uint16), image.info.get("transparency"))
    if image.mode == "I":
        whole = np.asarray(image)
        if whole.min() < 0 or whole.max() > 65535:
            raise ImageError(name, "32-bit samples beyond 0..65535; convert it to 16 bits first")
        return _deep_gray(whole.astype(np.uint16), None)
    if image.mode == "F":
        real = np.asarray(image, np.float32)
        # Also false for not-a-number.
        if not (real.min() >= 0 and real.max() <= 1):
            raise ImageError(name, "floating-point samples outside 0..1; scale them first")
        return np.repeat(real[None], 3, axis=0), None, 16
    has_alpha = image.has_transparency_data
    gray = image.mode in _GRAY_MODES
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    wanted = ("LA" if has_alpha else "L") if gray else ("RGBA" if has_alpha else "RGB")
    samples = np.asarray(image.convert(wanted))
    depth: Literal[8, 16] = 8
    if low_bytes is not None and low_bytes.mode == wanted:
        samples, depth = samples.astype(np.uint16) << 8 | np.asarray(low_bytes), 16
    samples = samples.reshape(*samples.shape[:2], -1)
    colours = samples.shape[2] - has_alpha
    alpha = np.ascontiguousarray(samples[..., -1]) if has_alpha else None
    scale = np.float32(1 / (255 if depth == 8 else 65535))
    planes = np.ascontiguousarray(samples[..., :colours].transpose(2, 0, 1)).astype(np.float32)
    planes *= scale
    np.minimum(planes, 1, out=planes)
    return np.repeat(planes, 3, axis=0) if gray else planes, _unless_opaque(alpha), depth


def _deep_gray(
    samples: NDArray[np.uint16], transparent: int | None
) -> tuple[NDArray[np.float32], AlphaArray | None, Literal[8, 16]]:
    alpha = None if transparent is None else np.where(samples == transparent, 0, 255)
    plane = samples.astype(np.float32) / np.float32(65535)
    opaque = None if alpha is None else _unless_opaque(alpha.astype(np.uint8))
    return np.repeat(plane[None], 3, axis=0), opaque, 16


def _unless_opaque(alpha: AlphaArray | None) -> AlphaArray | None:
    if alpha is None or alpha.min() == np.iinfo(alpha.dtype).max:
        return None
    return alpha


def _exif(image: Image.Image) -> bytes | None:
    raw = image.info.get("exif")
    if not raw:
        return None
    tags = image.getexif()
    if ExifTags.Base.Orientation in tags:
        del tags[ExifTags.Base.Orientation]
        raw = tags.tobytes() if len(tags) else b""
    raw = bytes(raw).removeprefix(b"Exif\x00\x00")
    return raw or None
