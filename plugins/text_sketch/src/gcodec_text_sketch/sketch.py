"""The sketch: mean edge strength of square cells, in 13 levels, under an adaptive model of its neighbourhood.

spec/embeddings/text_sketch.md, section 3, is normative.

    level = floor(12 sqrt(e) + 1/2),    e the mean of `gcodec.builtin.edges.edge_strength` over the cell

The square root gives faint edges their share of the levels. A receiver interpolates the levels between the centres of the
cells and squares. Soft strength on a grid serves better than thin lines of two levels: at equal bytes the means over 4 x 4
pixels, which is what `base/denoiser` looks at, come out with half the squared error (README.md).

Levels are coded wave by wave: wave t has the cells of row y and column x = t - 2 y, for all of which the cells W, N, NW, NE,
WW and NN are known (3 outside of the picture). Two contexts have a table of counts each: the neighbourhood's weighted
mean with its unrest, and the pair (W, N); a cell's frequencies are the sum of the two. Counts start from the frozen table
`_prior`, 256 to a context, and each coded cell adds 16. Everything is in integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, RowDecoder, RowEncoder
from gcodec.interfaces import Size
from gcodec_text_sketch._prior import PRIOR

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["analyse", "get", "put", "shape", "synthesize"]

IntArray = NDArray[np.int64]

#: Levels run from 0 to TOP.
TOP = 12
_OUTSIDE = 3
_INCREMENT = 16

#: Neighbours (down, right) with their weights in the mean.
_NEIGHBOURS = {
    "W": (0, -1, 4),
    "N": (-1, 0, 4),
    "NW": (-1, -1, 2),
    "NE": (-1, 1, 2),
    "WW": (0, -2, 1),
    "NN": (-2, 0, 1),
}
#: Class of the weighted sum s, at most 14 * TOP: the integer part of sqrt(2 s).
_MEANS = np.array([isqrt(2 * s) for s in range(14 * TOP + 1)])
#: Class of the unrest |W - NW| + |N - NW| + |N - NE|: 0, 1 to 2, 3 to 4, more.
_UNREST = np.minimum((np.arange(3 * TOP + 1) + 1) // 2, 3)
_PAIR = 8
_CONTEXTS = 4 * (int(_MEANS[-1]) + 1), _PAIR * _PAIR


def shape(size: Size, cell: int) -> tuple[int, int]:
    """Rows and columns of cells of `cell` pixels a side, the last ones cut off by the picture; 0 is one cell."""
    side = cell or max(size)
    return -(-size.height // side), -(-size.width // side)


def analyse(edges: FloatArray, cell: int) -> IntArray:
    """Levels [h, w] of edge strength [1, H, W]."""
    plane = edges[0].astype(np.float64)
    for axis, side in enumerate(edges.shape[1:]):
        starts = np.arange(0, side, cell or max(edges.shape))
        lengths = np.diff(starts, append=side).reshape((-1, 1) if axis == 0 else (1, -1))
        plane = np.add.reduceat(plane, starts, axis) / lengths
    return np.minimum(np.floor(TOP * np.sqrt(plane) + 0.5), TOP).astype(np.int64)


def synthesize(levels: IntArray, size: Size, cell: int) -> FloatArray:
    """Edge strength [1, H, W] in [0, 1] of levels [h, w]."""
    root = levels.astype(np.float32) / TOP
    for axis, side in enumerate(size):
        root = _stretched(root, axis, side, cell or max(size))
    return np.square(root)[None]


def _stretched(plane: FloatArray, axis: int, side: int, cell: int) -> FloatArray:
    """Interpolate linearly between the centres of cells along one axis, flat beyond the outer ones."""
    place = (np.arange(side) + 0.5) / cell - 0.5
    low = np.floor(place)
    part = (place - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    first, second = (
        plane.take(np.clip(index.astype(np.int64), 0, plane.shape[axis] - 1), axis)
        for index in (low, low + 1)
    )
    stretched: FloatArray = first + part * (second - first)
    return stretched


def put(levels: IntArray, stream: RowEncoder) -> None:
    """Code levels [h, w]."""
    model = _Model(levels.shape)
    for y, x in _waves(levels.shape):
        frequencies = model.frequencies(y, x)
        stream.put(levels[y, x], frequencies)
        model.learn(levels[y, x])


def get(shape: tuple[int, int], stream: RowDecoder) -> IntArray:
    """Decode levels [h, w]."""
    model = _Model(shape)
    for y, x in _waves(shape):
        model.learn(stream.get(model.frequencies(y, x)))
    return model.levels


def _waves(shape: tuple[int, ...]) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows and columns of the cells that can be coded together, wave by wave."""
    h, w = shape
    for t in range(w + 2 * (h - 1)):
        y = np.arange(max(0, (t - w) // 2 + 1), min(h - 1, t // 2) + 1)
        if y.size:
            yield y, t - 2 * y


class _Model:
    """What has been coded, and the counts that come of it."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        h, w = shape
        self._known = np.full((h + 2, w + 4), _OUTSIDE)
        rows = np.array(PRIOR, np.int64)
        self._counts = rows[: _CONTEXTS[0]].copy(), rows[_CONTEXTS[0] :].copy()

    @property
    def levels(self) -> IntArray:
        """Levels [h, w] so far."""
        return self._known[2:, 2:-2]

    def frequencies(self, y: IntArray, x: IntArray) -> IntArray:
        """Rows [N, 13] of sum 2**24 for the cells of a wave."""
        self._cells = y + 2, x + 2
        near = {
            name: self._known[y + 2 + down, x + 2 + right]
            for name, (down, right, _) in _NEIGHBOURS.items()
        }
        total = sum(near[name] * weight for name, (_, _, weight) in _NEIGHBOURS.items())
        w, n, nw, ne = (near[name] for name in ("W", "N", "NW", "NE"))
        unrest = abs(w - nw) + abs(n - nw) + abs(n - ne)
        last = _PAIR - 1
        self._contexts = (
            4 * _MEANS[total] + _UNREST[unrest],
            _PAIR * np.minimum(w, last) + np.minimum(n, last),
        )
        counts = sum(
            table[context] for table, context in zip(self._counts, self._contexts, strict=True)
        )
        spare = (1 << PRECISION) - TOP - 1
        rows: IntArray = 1 + counts * spare // counts.sum(1, keepdims=True)
        rows[:, 0] += (1 << PRECISION) - rows.sum(1)
        return rows

    def learn(self, symbols: IntArray) -> None:
        """Take note of the levels of the wave that frequencies were asked for last."""
        self._known[self._cells] = symbols
        for table, context in zip(self._counts, self._contexts, strict=True):
            np.add.at(table, (context, symbols), _INCREMENT)
