"""Squared error of pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["psnr", "to_bytes"]


def psnr(a: FloatArray, b: FloatArray) -> float:
    """Return the peak signal-to-noise ratio in dB of two pictures, float32 [3, H, W] in [0, 1]; infinity for equal ones.

    Both are rounded to 8 bits first, because that is what a saved picture holds.
    """
    difference = to_bytes(a).astype(np.int32) - to_bytes(b)
    error = float(np.mean(np.square(difference), dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def to_bytes(pixels: FloatArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Round samples in [0, 1] to what a file of 8 bits holds."""
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
