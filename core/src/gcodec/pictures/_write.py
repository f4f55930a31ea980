"""Writing pictures: whole files or none, with profile, EXIF and provenance inside."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gcodec.errors import InvalidArgument, OutputError
from gcodec.files import atomic_write, check_writable, why
from gcodec.pictures._colour import profile_space
from gcodec.pictures._credentials import Credentials, signed
from gcodec.pictures._deep_write import deep_jxl, deep_png, deep_tiff
from gcodec.pictures._picture import Picture, check_picture
from gcodec.pictures._pillow import saved
from gcodec.pictures._provenance import GENERATIVE, xmp_packet
from gcodec_formats import Size

__all__ = ["FORMATS", "check_holds", "format_of", "save_image"]

#: Suffix -> Pillow's name of the format.
FORMATS: Mapping[str, str] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".jxl": "JXL",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}

#: A reconstruction is a result to look at and to measure, so each format loses nothing, or as little as it can.
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "PNG": {"compress_level": 4},  # level 6 takes 2.4 times as long for 2.6 % fewer bytes
    # Not "optimize": all coefficients would have to be kept, as much memory again as the samples take.
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True, "exact": True},
    # On one thread: libaom writes other bytes on more.
    "AVIF": {"quality": 95, "subsampling": "4:4:4", "max_threads": 1},
    "JXL": {"lossless": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}

_DEEP = ("PNG", "TIFF", "JXL")

#: Largest side that a format, or the library that writes it, can hold.
_LARGEST = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65536}

_XMP_TAG = 700


def save_image(
    picture: Picture,
    target: str | Path | BinaryIO,
    *,
    format: str | None = None,
    parameters: Mapping[str, str] | None = None,
    generative: bool = False,
    credentials: Credentials | None = None,
    force: bool = False,
) -> None:
    """Write a picture to a path, whole or not at all, or to a binary stream.

    format      a suffix of `FORMATS`, with or without the dot; without it the path's own, and PNG for a stream.
    parameters  what the codec did, for the XMP packet; names must be XML names.
    generative  claim IPTC's digital source type for media made with a generative model (`GENERATIVE`).
    credentials sign a C2PA manifest with them that says the same (`gcodec[sign]`).
    force       overwrite what is there.

    PNG, WebP, TIFF and JPEG XL keep 8-bit samples exactly, JPEG and AVIF nearly. Pictures of depth 16 are written with 16
    bits as PNG, TIFF and JPEG XL (which takes `gcodec[deep]`); everything else, alpha too, with 8 bits. Alpha is kept
    exactly, or refused where the format has none. EXIF and XMP that the format cannot hold are left out with a warning.

    Raises OutputExists; OutputError for a missing folder, an unknown format, a full disk, or a picture that the format
    cannot hold (alpha in JPEG, more than 16383 pixels a side in WebP); InvalidArgument for what is no picture, or not in
    [0, 1].
    """
    check_picture(picture)

    def file_of(kind: str) -> bytes:
        source_type, said = GENERATIVE if generative else None, parameters or {}
        data = _encode(picture, kind, name, source_type, said)
        if credentials is None:
            return data
        return signed(data, kind, name, credentials, source_type, said)

    if isinstance(target, str | Path):
        name = str(target)
        kind = format_of(name, format or Path(target).suffix)
        check_writable(target, force=force)
        data = file_of(kind)
        with atomic_write(target, force=force) as file:
            file.write(data)
        return
    if not hasattr(target, "write"):
        raise InvalidArgument(f"a picture is saved at a path or in a stream, not in {target!r:.60}")
    name = str(getattr(target, "name", "the stream"))
    data = file_of(format_of(name, format or "png"))
    try:
        target.write(data)
        target.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(name, why(error)) from error


def format_of(name: str, suffix: str) -> str:
    """Return Pillow's name of the format of a suffix, with or without the dot. Raises OutputError about `name`."""
    suffix = suffix.lower()
    kind = FORMATS.get(suffix if suffix.startswith(".") else f".{suffix}")
    if kind is None:
        known = ", ".join(FORMATS)
        raise OutputError(name, f"'{suffix}' names no format that can be written ({known})")
    return kind


def check_holds(
    name: str, kind: str, size: Size, *, alpha: bool, icc: bytes | None, depth: int
) -> None:
    """Raise OutputError about `name` unless a file of this kind (Pillow's name) can hold such a picture."""
    if kind == "JPEG" and alpha:
        raise OutputError(name, "JPEG cannot hold transparency; choose .png, .webp, .avif or .tiff")
    most = _LARGEST.get(kind)
    if most is not None and max(size) > most:
        raise OutputError(
            name,
            f"{kind} ends at {most} pixels a side, and this is {size.width}x{size.height}; choose .png or .tiff",
        )
    if kind != "JXL":
        return
    if importlib.util.find_spec("pillow_jxl") is None:
        raise OutputError(name, "writing JPEG XL needs: pip install pillow-jxl-plugin")
    if icc is not None:
        raise OutputError(
            name, "the JPEG XL writer cannot embed this picture's ICC profile; choose .png"
        )
    if depth == 16 and importlib.util.find_spec("imagecodecs") is None:
        raise OutputError(
            name,
            "JPEG XL of 16 bits a sample needs: pip install 'gcodec[deep]'; or choose .png or .tiff",
        )


def _encode(
    picture: Picture, kind: str, name: str, source_type: str | None, parameters: Mapping[str, str]
) -> bytes:
    has_alpha = picture.alpha is not None
    check_holds(name, kind, picture.size, alpha=has_alpha, icc=picture.icc, depth=picture.depth)
    if kind == "JXL":
        import pillow_jxl  # noqa: F401  (registers itself with Pillow)
    xmp = xmp_packet(picture.xmp, source_type, parameters)
    failure: Exception | None = None
    # The picture first: what describes it is left out where the format cannot hold it, EXIF before the claim in XMP.
    for exif, packet in dict.fromkeys([(picture.exif, xmp), (None, xmp), (None, None)]):
        try:
            data = _file(picture, kind, exif, packet)
        # Pillow raises nearly everything: OSError, ValueError, TypeError, SyntaxError, struct.error...
        except Exception as error:
            failure = failure or error
            continue
        if failure is not None:
            lost = "its EXIF is" if packet is not None or xmp is None else "its EXIF and XMP are"
            warnings.warn(f"{name}: {lost} left out: {failure}", stacklevel=3)
        return data
    raise OutputError(name, f"{kind} cannot hold this picture: {failure}") from failure


def _file(picture: Picture, kind: str, exif: bytes | None, xmp: bytes | None) -> bytes:
    settings = dict(_SETTINGS[kind])
    if kind == "AVIF" and picture.alpha is not None:
        settings["quality"] = 100  # below that libavif quantizes alpha as well
    if picture.icc is not None:
        settings["icc_profile"] = picture.icc
    settings |= _metadata(kind, exif, xmp)
    if picture.depth != 16 or kind not in _DEEP:
        image = _to_image(picture)
        if kind == "AVIF" and image.mode == "LA":
            image = image.convert("RGBA")
        return saved(image, kind, **settings)
    samples = np.concatenate([band for _, band in _bands(picture, 16)])
    if kind == "PNG":
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[samples.shape[2]]
        return deep_png(samples, saved(Image.new(mode, (1, 1)), kind, **settings))
    if kind == "TIFF":
        return deep_tiff(samples, settings.get("exif"), picture.icc)
    return deep_jxl(samples, exif, xmp)


def _metadata(kind: str, exif: bytes | None, xmp: bytes | None) -> dict[str, Any]:
    """Return Pillow's keywords for EXIF and XMP, which it wants in another form for each format."""
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        if xmp is not None:
            info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        return {"pnginfo": info} | ({"exif": exif} if exif else {})
    if kind == "TIFF":
        tags = Image.Exif()
        if exif is not None:
            tags.load(exif)
        if xmp is not None:
            tags[_XMP_TAG] = xmp
        return {"exif": tags} if len(tags) else {}
    found = {}
    if exif is not None:
        found["exif"] = b"Exif\x00\x00" + exif if kind == "JPEG" else exif
    if xmp is not None:
        found["xmp"] = xmp
    if kind == "JXL" and found:
        # Only the container has boxes for metadata.
        return {**found, "use_container": True}
    return found


#: Pixels that are rounded at a time: few enough to stay in a processor's cache.
_BAND = 1 << 17


def _bands(picture: Picture, depth: Literal[8, 16]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the first row of each of a picture's bands, and its samples [h, W, C] of that depth: gray or RGB, and alpha."""
    gray = picture.channels == 1
    if picture.icc is not None:
        # A profile fits only as many channels as it describes.
        gray = profile_space(picture.icc) == "GRAY"
    planes = picture.pixels[:1] if gray else picture.pixels
    top, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    height, width = picture.size
    step = max(1, _BAND // width)
    for first in range(0, height, step):
        rows = slice(first, first + step)
        band = (np.clip(planes[:, rows], 0, 1) * top + 0.5).astype(kind)
        if picture.alpha is not None:
            most = np.iinfo(picture.alpha.dtype).max
            alpha = (picture.alpha[rows].astype(np.uint32) * top + most // 2) // most
            band = np.concatenate([band, alpha[None].astype(kind)])
        yield first, band.transpose(1, 2, 0)


def _to_image(picture: Picture) -> Image.Image:
    image: Image.Image | None = None
    for first, band in _bands(picture, 8):
        samples = np.ascontiguousarray(band)
        part = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
        if image is None:
            image = Image.new(part.mode, picture.size[::-1], None)
        image.paste(part, (0, first))
    assert image is not None  # no picture is without rows
    return image
