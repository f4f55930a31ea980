"""In which order samples are coded, and where a pixel finds its neighbours. spec/embeddings/lossless.md, section 2.

Pixel (y, x) belongs to wave t = x + 3 y. All that lies up to two columns to the right in the row above, or up to three in
the rows before that, is in an earlier wave, so that the pixels of one wave, one of each row, are coded side by side.
A *plane* holds what is known of the last 16 waves, [16, 3 + rows, values]: slot t mod 16, lane 3 + y.

Beyond its borders the picture goes on: to the left of a row with the first pixel of the row above, to the right with the
last pixel of the row, and above the first row with the pixel of the first row that is in the same wave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABOVE", "SKEW", "Ints", "Plane", "Wave", "in_strips", "waves"]

Ints: TypeAlias = NDArray[np.int64]

#: A row is so many waves behind the row above.
SKEW = 3
#: Rows and columns that may be looked at: above, and to the left.
ABOVE = 3
_BESIDE = 3
_SLOTS = 16
#: Pixels of a strip.
_STRIP = 1 << 18


@dataclass(frozen=True)
class Wave:
    """Rows `first` to `stop` - 1; of row y the column is `time` - 3 y."""

    time: int
    first: int
    stop: int
    width: int

    @property
    def rows(self) -> Ints:
        """The rows, [n]."""
        return np.arange(self.first, self.stop)

    @property
    def columns(self) -> Ints:
        """The column in each row, [n]."""
        return self.time - SKEW * self.rows


def waves(height: int, width: int) -> Iterator[Wave]:
    """All waves of a picture, in order."""
    for time in range(width + SKEW * (height - 1)):
        first = max(0, -(-(time - width + 1) // SKEW))
        stop = min(height, time // SKEW + 1)
        if first < stop:
            yield Wave(time, first, stop, width)


class Plane:
    """What is known of each pixel: `values` integers.

    start  values of what lies above and to the left of the first pixel.
    """

    def __init__(self, height: int, values: int, start: Any) -> None:
        self._lanes = ABOVE + height
        self._kept = np.empty((_SLOTS, self._lanes, values), np.int64)
        self._kept[:] = start
        self._flat = self._kept.reshape(_SLOTS * self._lanes, values)

    def near(self, wave: Wave, neighbours: Ints) -> Ints:
        """Values at (rows up, columns to the right) `neighbours` [k, 2] of a wave's n pixels: [k, values, n]."""
        up, right = neighbours.T
        slot = (wave.time + right - SKEW * up) % _SLOTS
        lane = slot * self._lanes + ABOVE - up
        found: Ints = self._flat[lane[:, None] + wave.rows]
        return found.transpose(0, 2, 1)

    def put(self, wave: Wave, values: Ints) -> None:
        """What a wave's pixels turned out to be, [values, n], and with them the borders that they decide."""
        time, kept = wave.time, self._kept
        kept[time % _SLOTS, ABOVE + wave.first : ABOVE + wave.stop] = values.T
        if wave.first == 0:  # above the picture
            kept[time % _SLOTS, :ABOVE] = kept[time % _SLOTS, ABOVE]
        last = wave.stop - 1
        if (
            time == SKEW * last and ABOVE + last + 1 < self._lanes
        ):  # the left border of the next row
            for ahead in range(_BESIDE):
                kept[(time + ahead) % _SLOTS, ABOVE + last + 1] = values[:, -1]
        if time - SKEW * wave.first == wave.width - 1:  # the right border of this one
            for ahead in range(1, _BESIDE + 1):
                kept[(time + ahead) % _SLOTS, ABOVE + wave.first] = values[:, 0]


def in_strips(change: Callable[[Ints], Ints], planes: NDArray[Any], channels: int) -> NDArray[Any]:
    """`change` of planes [k, H, W], [channels, H, W]: kept in 32 bits, computed in 64, some rows at a time."""
    made = np.empty((channels, *planes.shape[1:]), np.int32)
    rows = max(1, _STRIP // planes.shape[2])
    for first in range(0, planes.shape[1], rows):
        some = slice(first, first + rows)
        made[:, some] = change(planes[:, some].astype(np.int64))
    return made


def offsets(pairs: Sequence[tuple[int, int]]) -> Ints:
    """(rows up, columns to the right) as an array [k, 2]."""
    return np.array(pairs, np.int64).reshape(-1, 2)
