"""Integer frequencies of the cells of a logistic density, within a support. Nothing here computes with rounding.

Positions are integers. The distribution function is a table, made by correctly rounded decimal arithmetic and so the same
everywhere, and linear between its points.
"""

from __future__ import annotations

from decimal import Context, Decimal
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION

Ints: TypeAlias = NDArray[np.int64]

__all__ = ["SCALES_PER_OCTAVE", "SCALE_MAX", "SCALE_MIN", "Ints", "frequencies", "uniform"]

SCALES_PER_OCTAVE = 8
SCALE_MIN, SCALE_MAX = -8, 5  # log2 of scales, in widths

_ONE_BITS = 26  # of the distribution function
_FLOOR = 1 << (_ONE_BITS - 14)  # what every cell gets besides its mass
_POINTS_BITS, _BETWEEN_BITS, _REACH = 6, 6, 12  # 64 points a scale, up to 12 scales
_INVERSE_BITS = 20
_CONTEXT = Context(prec=40)


@cache
def _table() -> Ints:
    """F(z) in units of 2**-26 at z = -12, -12 + 1/64, ..., 12."""
    points = range(-_REACH << _POINTS_BITS, (_REACH << _POINTS_BITS) + 1)
    one = Decimal(1 << _ONE_BITS)
    # Through the context, each of them: an operator would round as whoever calls this has set for his thread.
    powers = (_CONTEXT.exp(_CONTEXT.divide(-point, 1 << _POINTS_BITS)) for point in points)
    return np.array([int(_CONTEXT.divide(one, _CONTEXT.add(1, v))) for v in powers], np.int64)


@cache
def _inverse_scales(width: int) -> Ints:
    """Units of the table (2**-12 scales) in a unit of position, times 2**20, by index: scale 2**(i / 8 - 8) widths."""
    bits = _POINTS_BITS + _BETWEEN_BITS + _INVERSE_BITS - SCALE_MIN
    unit, step = _CONTEXT.divide(Decimal(1 << bits), Decimal(width)), Decimal(2)
    for _ in range(SCALES_PER_OCTAVE.bit_length() - 1):
        step = _CONTEXT.sqrt(step)
    steps = range(SCALES_PER_OCTAVE * (SCALE_MAX - SCALE_MIN) + 1)
    return np.array([int(_CONTEXT.divide(unit, _CONTEXT.power(step, i))) for i in steps], np.int64)


def _distribution(offset: Ints, inverse: Ints) -> Ints:
    z = (offset * inverse) >> _INVERSE_BITS
    limit = _REACH << (_POINTS_BITS + _BETWEEN_BITS)
    np.clip(z, -limit, limit - 1, out=z)
    z += limit
    point = z >> _BETWEEN_BITS
    table = _table()
    below = table[point]
    rise = table[point + 1] - below
    rise *= z & ((1 << _BETWEEN_BITS) - 1)
    rise >>= _BETWEEN_BITS
    return np.asarray(below + rise)


def frequencies(
    unit: int, mean: Ints, index: Ints, edge: Ints, width: Ints, counts: Ints, lo: Ints, hi: Ints
) -> Ints:
    """Frequencies [N, max(counts)] >= 1, of sum 2**24, of the cells of N symbols; those beyond `counts` are padding.

    mean, index    of the densities: position, and scale 2**(index / 8 - 8) units; a unit is at most 2**16 positions.
    edge, width    lower edge of the first cell, width of each; counts: cells, at least 1.
    lo, hi         where the densities are cut off: first and last cell may lie in part outside. All below 2**24.
    """
    most = int(counts.max())
    edges = np.minimum(edge[:, None] + np.arange(most + 1) * width[:, None], hi[:, None])
    np.maximum(edges, lo[:, None], out=edges)
    edges -= mean[:, None]
    below = _distribution(edges, _inverse_scales(unit)[index][:, None])
    masses = np.diff(below, axis=1) + _FLOOR
    masses *= np.arange(most) < counts[:, None]
    return _fitted(masses)


def uniform(counts: Ints) -> Ints:
    """Frequencies [N, max(counts)] of cells that are all alike."""
    return _fitted((np.arange(int(counts.max())) < counts[:, None]).astype(np.int64))


def _fitted(masses: Ints) -> Ints:
    """Integers >= 1 of sum 2**24 in proportion to masses [N, K]; what rounding leaves goes to the first."""
    spare = (1 << PRECISION) - masses.shape[1]
    fitted = masses * spare // masses.sum(1, keepdims=True)
    fitted += 1
    fitted[:, 0] += (1 << PRECISION) - fitted.sum(1)
    return fitted
