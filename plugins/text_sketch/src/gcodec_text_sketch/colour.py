"""The thumbnail: the lowest frequencies of the picture's cosine transform, luma finer than chroma.

spec/embeddings/text_sketch.md, section 2, is normative.

The orthonormal transform with the means of basis functions squared at 1,

    a[u, v] = 1 / (H W) sum over y, x of  X[y, x] c_u(y) c_v(x),    c_0 = 1,  c_u(y) = sqrt(2) cos(pi u (2 y + 1) / 2 H),

so that squared errors of coefficients add up to that of the picture. X is Y - 1/2, Cb or Cr (BT.601, full range).
Photographs have E|a| = C / r at the radius r = sqrt((u L / H)^2 + (v L / W)^2), L = max(H, W), with C = 54, 15 and 13
thousandths; where that is less than an eighth of a step 1 / n nothing is sent. A coefficient is a step's multiple, at
most 95 of them, under the two-sided geometric distribution of that mean. Everything but the transform is in integers.
"""

from __future__ import annotations

from functools import cache
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, RowDecoder, RowEncoder
from gcodec.interfaces import Size

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["NEAREST", "IntArray", "analyse", "get", "put", "synthesize"]

IntArray = NDArray[np.int64]

#: Of a step: from here on the next multiple is the nearer.
NEAREST = 0.5
#: Largest multiple of a step.
_MOST = 95
#: C of Y, Cb and Cr in thousandths, and E|a[0, 0]|.
_SPREADS = ((54, 150), (15, 55), (13, 45))

_TO_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
_TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]], np.float32)


def analyse(pixels: FloatArray, n: int, least: float = NEAREST) -> IntArray:
    """Multiples of the step 1 / n, for the coefficients of `_places` in their order, of pixels [3, H, W].

    least  of a step from a multiple on, 0.5 to 1, the next one up is taken; more sends fewer and smaller ones.
    """
    size = Size(*pixels.shape[1:])
    plane, u, v, _ = _places(size, n)
    rows, columns = (_basis(side, int(k.max()) + 1) for side, k in zip(size, (u, v), strict=True))
    a = np.einsum("chw,vw->chv", pixels, columns / size.width)
    a = np.einsum("dc,chv,uh->duv", _TO_YCC, a, rows / size.height, optimize=True)
    a[0, 0, 0] -= 0.5
    steps = a[plane, u, v] * n
    if least == NEAREST:
        steps = np.rint(steps)
    else:
        steps = np.copysign(np.floor(np.abs(steps) + (1 - least)), steps)
    return np.clip(steps, -_MOST, _MOST).astype(np.int64)


def synthesize(multiples: IntArray, size: Size, n: int) -> FloatArray:
    """Pixels [3, H, W] in [0, 1]; gray without any coefficients."""
    a = np.zeros((3, 1, 1), np.float32)
    if multiples.size:
        plane, u, v, _ = _places(size, n)
        a = np.zeros((3, int(u.max()) + 1, int(v.max()) + 1), np.float32)
        a[plane, u, v] = multiples / n
    a[0, 0, 0] += 0.5
    a = np.einsum("dc,cuv->duv", _TO_RGB, a)
    rows, columns = _basis(size.height, a.shape[1]), _basis(size.width, a.shape[2])
    # Not one product of three: NumPy's own loops, unlike a BLAS, add up in one order on any number of threads.
    pixels: FloatArray = np.einsum("cuw,uh->chw", np.einsum("cuv,vw->cuw", a, columns), rows)
    return np.clip(pixels, 0, 1, out=pixels)


def put(multiples: IntArray, size: Size, n: int, stream: RowEncoder) -> None:
    """Code what `analyse` made."""
    order = np.where(multiples > 0, 2 * multiples - 1, -2 * multiples)
    stream.put(order, _places(size, n)[3])


def get(size: Size, n: int, stream: RowDecoder) -> IntArray:
    """Decode what `put` coded."""
    order = stream.get(_places(size, n)[3])
    return np.where(order % 2 == 1, (order + 1) // 2, -(order // 2))


def _basis(side: int, count: int) -> FloatArray:
    """c_u at the samples, [count, side]."""
    u, y = np.arange(count)[:, None], np.arange(side)[None]
    c = np.cos(np.pi * u * (2 * y + 1) / (2 * side)) * np.where(u == 0, 1, np.sqrt(2))
    return c.astype(np.float32)


@cache
def _places(size: Size, n: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Plane, u and v of each coefficient that is sent, and its frequencies [N, 191] of sum 2**24.

    By plane, then u, then v. Orders are 0, 1, -1, ..., 95, -95 steps.
    """
    long, short = max(size), min(size)
    upright = size.height == long
    found = []
    for plane, (spread, mean) in enumerate(_SPREADS):
        reach = 8 * spread * n // 1000
        for u in range(min(size.height, reach + 1)):
            for v in range(min(size.width, reach + 1)):
                along, across = (u, v) if upright else (v, u)
                square = along**2 + across**2 * long**2 // short**2
                if square == 0:
                    found.append((plane, u, v, _row(mean * n, 1)))
                elif square * 1000**2 <= (8 * spread * n) ** 2:
                    found.append((plane, u, v, _row(spread * n, square)))
    planes, us, vs, rows = zip(*found, strict=True)
    return np.array(planes), np.array(us), np.array(vs), np.stack(rows)


@cache
def _row(mean: int, square: int) -> IntArray:
    """Frequencies of 0, 1, -1, 2, ... under P(k) ~ theta^|k| of E|k| = mean / (1000 sqrt(square)), with

    theta = (sqrt(E^2 + 1) - 1) / E    in 16 binary places.
    """
    unit = square * 1000**2
    theta = ((isqrt((mean**2 + unit) << 20) - isqrt(unit << 20)) << 16) // (mean << 10)
    weights = [1 << 30]
    for _ in range(_MOST):
        weights.append(weights[-1] * theta >> 16)
    both = np.array([weights[(i + 1) // 2] for i in range(2 * _MOST + 1)], np.int64)
    row: IntArray = 1 + both * ((1 << PRECISION) - both.size) // both.sum()
    row[0] += (1 << PRECISION) - row.sum()
    return row
