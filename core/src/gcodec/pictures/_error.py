"""Squared error of pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import InvalidArgument
from gcodec.pictures._arrays import check_pixels, check_values

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
        check_pixels(pixels)
        check_values(pixels)
    sizes = {pixels.shape for pixels in pictures}
    if len(sizes) > 1:
        raise InvalidArgument(f"pictures of different sizes: {' and '.join(map(str, sizes))}")


def to_bytes(pixels: FloatArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Round samples in [0, 1] to what a file of 8 bits holds."""
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
