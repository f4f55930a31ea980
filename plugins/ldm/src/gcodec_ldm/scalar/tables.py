"""Under which table a symbol is coded. Integers only; NumPy.

Anchored symbols, differences from a mean, and hyper-latents take the tables that `gcodec.entropy.integer_model` names. A
plain symbol s, a multiple of the step, has a mean m = 16 n + f in 1/16 steps, -8 <= f < 8: what is coded is s - n, under a
density that lies f / 16 off zero, mirrored so that it lies to the right. Where the scale is 2**(36/6 - 5) = 2 steps or more,
that offset is worth nothing, and the table of its anchored twin serves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import MEAN_BITS, SCALES, Ints

__all__ = ["FINE", "OFFSETS", "TABLES", "mirrored", "nearest", "offset_of", "sharpened"]

FINE = 36  # scales whose offset counts
OFFSETS = (1 << (MEAN_BITS - 1)) + 1  # 0, 1/16, ..., 1/2
_KNEE, _SMALLEST = 20, 4  # of `sharpened`
_BEFORE = 2 * SCALES  # tables of latents, then of hyper-latents
TABLES = _BEFORE + FINE * OFFSETS


def nearest(mean: Ints) -> Ints:
    """n of a mean in 1/16 steps, the nearest whole step, half up."""
    return (mean + (1 << (MEAN_BITS - 1))) >> MEAN_BITS


def mirrored(mean: Ints, index: NDArray[Any]) -> tuple[Ints, NDArray[np.int64]]:
    """Sign (1 or -1) that s - n is coded with, and its table, from means in 1/16 steps and scale indices."""
    offset = mean - (nearest(mean) << MEAN_BITS)
    fine = _BEFORE + index.astype(np.int64) * OFFSETS + np.abs(offset)
    sign: Ints = np.where(offset < 0, -1, 1).astype(np.int32)
    return sign, np.where(index < FINE, fine, index)


def sharpened(index: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Scale indices for dithered symbols, from those that the model says.

    Under plain rounding latents within a bin are zeros but for a few, and scales below 2**(-10/6) of a bin are learned as
    large as those few want; dither shows how small the others are. Saves 2 % of the bytes at Delta 0.5, 8 at 2, 12 at 4.
    """
    i = index.astype(np.int64)
    return np.maximum(np.minimum(i, 2 * i - _KNEE), _SMALLEST)


def offset_of(table: int) -> tuple[int, Any]:
    """(scale index, offset in 1/16 steps or None for the symmetric tables) that a table is made for."""
    if table < _BEFORE:
        return table % SCALES, None
    return divmod(table - _BEFORE, OFFSETS)
