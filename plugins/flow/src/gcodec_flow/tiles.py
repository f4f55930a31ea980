"""Tiles: a large image in overlapping pieces, so that memory is bounded by the tile.

Along each axis a tile contributes with a weight that rises linearly over the middle half of its
overlap with a neighbour and is zero in the outer quarter, where the tile's own border shows. The
weights of all tiles add up to one at every pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Tile:
    """Rows [top, top + len(rows)) and columns [left, left + len(columns)) with their weights."""

    top: int
    left: int
    rows: FloatArray
    columns: FloatArray

    @property
    def window(self) -> tuple[slice, slice]:
        """The tile's place in the (padded) image."""
        return (
            slice(self.top, self.top + len(self.rows)),
            slice(self.left, self.left + len(self.columns)),
        )

    @property
    def weight(self) -> FloatArray:
        """float32 [h, w]; over all tiles of an image it sums to one."""
        return self.rows[:, None] * self.columns[None, :]


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin so that they cover [0, length), overlapping by at least `overlap`."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    # The last tile ends at the end; the step stays a multiple of the grid of 16 for the others.
    return [*range(0, (count - 1) * (tile - overlap), tile - overlap), length - tile]


def profiles(length: int, tile: int, overlap: int) -> list[tuple[int, FloatArray]]:
    """(start, weights) of each tile along one axis."""
    size = min(length, tile)
    quarter = overlap / 4
    inward = np.arange(size, dtype=np.float32) + np.float32(0.5)
    ramp = np.clip((inward - quarter) / (2 * quarter), 0, 1)
    begins = starts(length, tile, overlap)
    weights = []
    for start in begins:
        left = np.ones(size, np.float32) if start == 0 else ramp
        right = np.ones(size, np.float32) if start + size == length else ramp[::-1]
        weights.append(left * right)
    total = np.zeros(length, np.float32)
    for start, weight in zip(begins, weights, strict=True):
        total[start : start + size] += weight
    return [
        (start, weight / total[start : start + size])
        for start, weight in zip(begins, weights, strict=True)
    ]


def tiles(height: int, width: int, tile: int, overlap: int) -> Iterator[Tile]:
    """The tiles of an image whose sides are multiples of the network's alignment.

    tile and overlap are in pixels and multiples of that alignment too, 0 < overlap < tile.
    """
    for top, rows in profiles(height, tile, overlap):
        for left, columns in profiles(width, tile, overlap):
            yield Tile(top, left, rows, columns)
