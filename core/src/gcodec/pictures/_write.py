"""Writing pictures: whole files or none, with profile, EXIF and provenance inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from gcodec.errors import OutputError
from gcodec.files import atomic_write, check_writable
from gcodec.pictures._colour import profile_space
from gcodec.pictures._picture import Picture, check_picture
from gcodec.pictures._pillow import saved
from gcodec.pictures._provenance import GENERATIVE, xmp_packet

__all__ = ["FORMATS", "format_of", "save_image"]

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
    "JPEG": {"quality": 95, "subsampling": "4:4:4", "optimize": True},
    "WEBP": {"lossless": True, "exact": True},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "JXL": {"lossless": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}

_DEEP_GRAY = ("PNG", "TIFF", "JXL")
_XMP_TAG = 700


def save_image(
    picture: Picture,
    target: str | Path | BinaryIO,
    *,
    format: str | None = None,
    parameters: Mapping[str, str] | None = None,
    generative: bool = False,
    force: bool = False,
) -> None:
    """Write a picture to a path, whole or not at all, or to a binary stream.

    format      a suffix of `FORMATS`, with or without the dot; without it the path's own, and PNG for a stream.
    parameters  what the codec did, for the XMP packet; names must be XML names.
    generative  claim IPTC's digital source type for media made with a generative model (`GENERATIVE`).
    force       overwrite what is there.

    PNG, WebP, TIFF and JPEG XL keep 8-bit samples exactly, JPEG and AVIF nearly. Grayscale pictures of depth 16 are
    written with 16 bits as PNG, TIFF and JPEG XL unless they have alpha; everything else, 16-bit alpha too, with 8 bits.
    Alpha is kept exactly, or refused where the format has none.

    Raises OutputExists; OutputError for a missing folder, an unknown format, a full disk, or a picture that the format
    cannot hold (alpha in JPEG, more than 16383 pixels a side in WebP); InvalidArgument for what is no picture, or not in
    [0, 1].
    """
    check_picture(picture)
    source_type = GENERATIVE if generative else None
    if isinstance(target, str | Path):
        name = str(target)
        kind = format_of(name, format or Path(target).suffix)
        check_writable(target, force=force)
        data = _encode(picture, kind, name, source_type, parameters or {})
        with atomic_write(target, force=force) as file:
            file.write(data)
        return
    name = str(getattr(target, "name", "the stream"))
    data = _encode(picture, format_of(name, format or "png"), name, source_type, parameters or {})
    try:
        target.write(data)
        target.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(name, error.strerror or str(error)) from error


def format_of(name: str, suffix: str) -> str:
    """Return Pillow's name of the format of a suffix, with or without the dot. Raises OutputError about `name`."""
    suffix = suffix.lower()
    kind = FORMATS.get(suffix if suffix.startswith(".") else f".{suffix}")
    if kind is None:
        known = ", ".join(FORMATS)
        raise OutputError(name, f"'{suffix}' names no format that can be written ({known})")
    return kind


def _encode(
    picture: Picture, kind: str, name: str, source_type: str | None, parameters: Mapping[str, str]
) -> bytes:
    if kind == "JPEG" and picture.alpha is not None:
        raise OutputError(name, "JPEG cannot hold transparency; choose .png, .webp, .avif or .tiff")
    if kind == "JXL":
        try:
            import pillow_jxl  # noqa: F401  (registers itself with Pillow)
        except ImportError:
            raise OutputError(
                name, "writing JPEG XL needs: pip install pillow-jxl-plugin"
            ) from None
        if picture.icc is not None:
            raise OutputError(
                name, "the JPEG XL writer cannot embed this picture's ICC profile; choose .png"
            )
    settings = dict(_SETTINGS[kind])
    if kind == "AVIF" and picture.alpha is not None:
        settings["quality"] = 100  # below that libavif quantizes alpha as well
    if picture.icc is not None:
        settings["icc_profile"] = picture.icc
    settings |= _metadata(kind, picture.exif, xmp_packet(picture.xmp, source_type, parameters))
    try:
        return saved(_to_image(picture, kind), kind, **settings)
    except (OSError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise OutputError(name, f"{kind} cannot hold this picture: {error}") from error


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


def _to_image(picture: Picture, kind: str) -> Image.Image:
    gray = picture.channels == 1
    if picture.icc is not None:
        # A profile fits only as many channels as it describes.
        gray = profile_space(picture.icc) == "GRAY"
    planes = np.clip(picture.pixels[:1] if gray else picture.pixels, 0, 1)
    if gray and picture.depth == 16 and picture.alpha is None and kind in _DEEP_GRAY:
        return Image.fromarray((planes[0] * 65535 + 0.5).astype(np.uint16))
    samples = (planes * 255 + 0.5).astype(np.uint8)
    if picture.alpha is not None:
        alpha = picture.alpha
        if alpha.dtype == np.uint16:
            alpha = ((alpha.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
        samples = np.concatenate([samples, alpha[None]])
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(samples)]
    if mode == "LA" and kind == "AVIF":
        samples, mode = samples[[0, 0, 0, 1]], "RGBA"
    height, width = samples.shape[1:]
    return Image.frombytes(mode, (width, height), samples.transpose(1, 2, 0).tobytes())
