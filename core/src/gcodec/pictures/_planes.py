"""A PIL image, of a file or not, as what a picture is made of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gcodec.errors import ImageError
from gcodec.pictures._arrays import AlphaArray, foreign
from gcodec.pictures._beside import beside
from gcodec.pictures._colour import is_srgb, profile_space, to_srgb
from gcodec.pictures._colour_codes import colour_warning
from gcodec.pictures._deep import deep_samples
from gcodec.pictures._pillow import load_tiff, pillow_guard
from gcodec.pictures._sound import check_end, check_sound
from gcodec.pictures._turned import as_stored, turned
from gcodec_formats import DEFAULT_LIMITS

__all__ = ["Parts", "check_size", "of_file", "of_image", "told", "warn"]

_GRAY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")

#: Pixels that are converted at a time: few enough to stay in a processor's cache.
_BAND = 1 << 17

_Samples = tuple[NDArray[np.float32], AlphaArray | None, Literal[8, 16]]


class Parts(NamedTuple):
    """The fields of a `gcodec.Picture`, in their order."""

    pixels: NDArray[np.float32]
    alpha: AlphaArray | None
    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    channels: Literal[1, 3]
    depth: Literal[8, 16]


def of_image(image: Image.Image) -> Parts:
    """Return the parts of an image of any mode; see `Picture.from_pil`."""
    if not isinstance(image, Image.Image):
        raise foreign(image, "the image is a PIL.Image.Image")
    name = str(getattr(image, "filename", "") or "the image")
    lost: list[str] = []
    with told(name, DEFAULT_LIMITS.pixels):
        check_size(name, image.height, image.width, DEFAULT_LIMITS.pixels)
        parts = of_file(name, image, b"", lost)
    warn(name, lost)
    return parts


def warn(name: str, lost: list[str]) -> None:
    """Say what of a picture was lost, as of the caller's caller."""
    for what in lost:
        warnings.warn(f"{name}: {what}", stacklevel=4)


@contextmanager
def told(name: str, pixels: int) -> Iterator[None]:
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


def check_size(name: str, height: int, width: int, pixels: int) -> None:
    if height < 1 or width < 1:
        raise ImageError(name, f"it is {width}x{height}, so there is nothing to code")
    if height * width > pixels:
        raise ImageError(
            name, f"{width}x{height} is more than the limit of {pixels} pixels; scale it down"
        )


def of_file(name: str, image: Image.Image, data: bytes, lost: list[str]) -> Parts:
    """Return the parts of an image that is open; `data` is its file, if it has one.

    What could not be kept is added to `lost`. Raises ImageError, and whatever Pillow raises.
    """
    icc = image.info.get("icc_profile") or None
    warning = colour_warning(name, image.format, data, icc is not None) if data else None
    lost += [] if warning is None else [warning]
    orientation, exif, xmp = beside(image, lost)
    if data and (odd := check_sound(name, image, data)):
        lost.append(odd)
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
    if deep is None:
        pixels, alpha, depth = _planes(name, image, orientation)
    else:
        band = [deep[..., channel] for channel in range(deep.shape[2])]
        pixels, alpha, depth = _gathered([(0, band)], deep.shape[:2], len(band), 16, orientation)
    if icc is not None and (profile_space(icc) == "GRAY") != gray:
        # A profile for the other number of channels cannot describe these samples.
        icc = None
    return Parts(pixels, alpha, icc, exif, xmp, 1 if gray else 3, depth)


def _planes(name: str, image: Image.Image, orientation: int) -> _Samples:
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
    return _gathered(
        _bands(image, wanted), (image.height, image.width), len(wanted), 8, orientation
    )


def _bands(image: Image.Image, mode: str) -> Iterator[tuple[int, list[NDArray[Any]]]]:
    """Yield the first row of each of an image's bands, and its channels [h, W]."""
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        yield top, [np.asarray(plane) for plane in band.convert(mode).split()]


def _gathered(
    bands: Iterable[tuple[int, list[NDArray[Any]]]],
    size: tuple[int, ...],
    channels: int,
    depth: Literal[8, 16],
    orientation: int,
) -> _Samples:
    """Upright planes of stored bands of gray or RGB, with alpha or without."""
    colours = 1 if channels < 3 else 3
    shape = size[::-1] if orientation >= 5 else size
    kind: Any = np.uint8 if depth == 8 else np.uint16
    pixels = np.empty((3, *shape), np.float32)
    alpha: AlphaArray | None = np.empty(shape, kind) if channels > colours else None
    planes = [as_stored(plane, orientation) for plane in pixels[:colours]]
    clear = None if alpha is None else as_stored(alpha, orientation)
    share = np.float32(1 / np.iinfo(kind).max)
    for top, band in bands:
        rows = slice(top, top + len(band[0]))
        for plane, stored in zip(planes, band, strict=False):
            np.multiply(stored, share, out=plane[rows], dtype=np.float32)
        if clear is not None:
            clear[rows] = band[-1]
    pixels[colours:] = pixels[0]
    return pixels, _unless_opaque(alpha), depth


def _deep_gray(samples: NDArray[np.uint16], transparent: int | None, orientation: int) -> _Samples:
    samples = turned(samples, orientation)
    alpha = None if transparent is None else np.where(samples == transparent, 0, 255)
    plane = samples.astype(np.float32) / np.float32(65535)
    opaque = None if alpha is None else _unless_opaque(alpha.astype(np.uint8))
    return np.repeat(plane[None], 3, axis=0), opaque, 16


def _unless_opaque(alpha: AlphaArray | None) -> AlphaArray | None:
    if alpha is None or alpha.min() == np.iinfo(alpha.dtype).max:
        return None
    return alpha
