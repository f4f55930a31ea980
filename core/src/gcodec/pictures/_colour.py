"""ICC profiles, judged by what they do rather than by what they are called."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

__all__ = ["is_srgb", "profile_space", "to_srgb"]

#: Largest difference, in 8-bit levels, at which two colours count as the same: the rounding of both conversions.
_TOLERANCE = 1


def profile_space(icc: bytes) -> str:
    """Return the colour space that an ICC profile's header declares, e.g. "RGB", "GRAY" or "CMYK"."""
    return icc[16:20].decode("latin-1").strip()


def is_srgb(icc: bytes) -> bool:
    """Say whether a profile means plain sRGB: it maps every colour of a 9x9x9 lattice, or every gray, to itself.

    False for a profile that cannot be understood.
    """
    space = profile_space(icc)
    if space == "RGB":
        axis = np.linspace(0, 255, 9).round().astype(np.uint8)
        sample = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(27, 27, 3)
    elif space == "GRAY":
        sample = np.arange(256, dtype=np.uint8).reshape(16, 16)
    else:
        return False
    shown = to_srgb(Image.fromarray(sample), icc)
    if shown is None:
        return False
    wanted = sample if sample.ndim == 3 else sample[..., None]
    return bool(np.abs(np.asarray(shown).astype(int) - wanted).max() <= _TOLERANCE)


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image | None:
    """Convert to RGB under sRGB, relative colorimetric; None where the profile is absent or cannot be used."""
    if icc is None and image.mode != "LAB":
        return None
    try:
        source = (
            ImageCms.ImageCmsProfile(BytesIO(icc))
            if icc is not None
            else ImageCms.createProfile("LAB")
        )
        return ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
