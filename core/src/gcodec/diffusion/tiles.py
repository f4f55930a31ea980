"""Tiles: a large image in overlapping pieces, so that memory is bounded by the tile.

Along each axis a tile contributes with a weight that rises linearly over the middle half of its overlap with a neighbour
and is zero in the outer quarter, where the tile's own border shows. The weights of all tiles add up to one at every
pixel. Noise belongs to its place in the image, so that tiles agree where they overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gcodec.randomness import Domain
from gcodec_formats import Size

if TYPE_CHECKING:
    from gcodec.models.networks import LatentSpace
    from gcodec.progress import Progress
    from gcodec.randomness import Randomness
    from gcodec.signals import FloatArray

__all__ = ["Tile", "cut", "noise", "through_latents", "tiles"]

#: Pixels by which the tiles of `through_latents` overlap.
OVERLAP = 128


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


def cut(length: int, tile: int, overlap: int) -> tuple[int, list[int]]:
    """Side of the tiles that cover [0, length), overlapping by at least `overlap`, and where they begin.

    They are as few as can be, and of one side, the least that does: at most `tile`, in steps of a quarter of the overlap.
    """
    if length <= tile:
        return length, [0]
    count = -(-(length - overlap) // (tile - overlap))
    grid = max(overlap // 4, 1)
    side = min(-(-(length + (count - 1) * overlap) // (count * grid)) * grid, tile)
    step = side - overlap
    return side, [*range(0, (count - 1) * step, step), length - side]


def profiles(length: int, tile: int, overlap: int) -> list[tuple[int, FloatArray]]:
    """(start, weights) of each tile along one axis."""
    size, begins = cut(length, tile, overlap)
    quarter = overlap / 4
    inward = np.arange(size, dtype=np.float32) + np.float32(0.5)
    ramp = np.clip((inward - quarter) / (2 * quarter), 0, 1)
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

    tile and overlap are in pixels, tile and a quarter of the overlap multiples of that alignment too, 0 < overlap < tile.
    """
    for top, rows in profiles(height, tile, overlap):
        for left, columns in profiles(width, tile, overlap):
            yield Tile(top, left, rows, columns)


def noise(
    randomness: Randomness, window: tuple[slice, slice], channels: int, step: int = 0
) -> FloatArray:
    """Standard normals of a window of the picture, rows and columns, float32 [channels, h, w].

    Channel c of position (y, x) is element channels x + c of row (DECODER_NOISE, a=step, b=y), whatever the tiling.
    """
    rows, columns = (range(part.start, part.stop) for part in window)
    shape = (len(columns), channels)
    eps = randomness.normal(Domain.DECODER_NOISE, step, rows, shape, start=channels * columns.start)
    return np.ascontiguousarray(eps.transpose(2, 0, 1))


def through_latents(
    space: LatentSpace,
    size: Size,
    side: int,
    solve: Callable[[Tile], FloatArray],
    progress: Progress,
    name: str,
    shows: Sequence[Callable[[Tile, FloatArray], FloatArray] | None] = (),
) -> FloatArray:
    """Pictures, float32 [B, 3, H, W] in [0, 1], that are made in a latent space, tile by tile.

    side   largest side of a tile in pixels, a multiple of the space's factor.
    solve  makes the latents [B, C, h, w] of a tile; its rows and columns are latent positions.
    name   for `progress`, which is called before every tile and after the last.
    shows  for each picture what a tile's latent looks like, float32 [3, factor h, factor w]; None decodes it.
    """
    factor = space.factor
    h, w = (-(-length // factor) for length in size)
    result: FloatArray | None = None
    pieces = list(tiles(h, w, side // factor, OVERLAP // factor))
    for done, tile in enumerate(pieces):
        progress(name, done, len(pieces))
        several = solve(tile)
        if result is None:
            result = np.zeros((len(several), 3, h * factor, w * factor), np.float32)
        inside = Size(factor * len(tile.rows), factor * len(tile.columns))
        rows, columns = (slice(factor * s.start, factor * s.stop) for s in tile.window)
        weight = np.kron(tile.weight, np.ones((factor, factor), np.float32))
        for made, z, show in zip(result, several, shows or [None] * len(several), strict=True):
            shown = space.decode(z, inside) if show is None else show(tile, z)
            made[:, rows, columns] += weight * shown
    progress(name, len(pieces), len(pieces))
    assert result is not None, "a picture has a tile"
    return np.clip(result[..., : size.height, : size.width], 0, 1)
