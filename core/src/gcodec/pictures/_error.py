"""Squared error of pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import InvalidArgument

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["check_pictures", "psnr", "to_bytes"]


def psnr(a: FloatArray, b: FloatArray) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures, float32 [3, H, W] in [0, 1]; infinity for equal ones.

    Both are rounded to 8 bits first, because that is what a saved picture holds. Raises InvalidArgument.
    """
    check_pictures(a, b)
    difference = to_bytes(a).astype(np.int32) - to_bytes(b)
    error = float(np.mean(np.square(difference), dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def check_pictures(*pictures: FloatArray) -> None:
    """Raise InvalidArgument unless these are float32 [3, H, W] in [0, 1], all of one size, as metrics take them."""
    for pixels in pictures:
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.float32:
            kind = getattr(pixels, "dtype", type(pixels).__name__)
            raise InvalidArgument(f"a picture is a float32 array, not {kind}")
        if pixels.ndim != 3 or pixels.shape[0] != 3 or pixels.size == 0:
            raise InvalidArgument(f"a picture has shape [3, H, W], not {list(pixels.shape)}")
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0 and high <= 1):
            raise InvalidArgument(
                f"a picture lies in [0, 1]; this one goes from {low:g} to {high:g}"
            )
    sizes = {pixels.shape for pixels in pictures}
    if len(sizes) > 1:
        raise InvalidArgument(f"pictures of different sizes: {' and '.join(map(str, sizes))}")


def to_bytes(pixels: FloatArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Round samples in [0, 1] to what a file of 8 bits holds."""
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
