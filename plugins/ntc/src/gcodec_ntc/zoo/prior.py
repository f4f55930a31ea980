"""What symbols are coded under, in integers: bin widths, means, and the table of each symbol. NumPy only.

The zoo's models were trained for latents y rounded to whole numbers. Here a latent is mean + Delta * symbol, with Delta = 1
at level 128, bin widths Delta down to 1/8 above it and up to 8 below; a Gaussian's table is that of its deviation divided
by Delta. Latents, means, deviations and Delta are integers in units of 2**-12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import FrequencyTables
from gcodec.entropy.integers import UNIT_BITS, Ints, limited
from gcodec_ntc.zoo.architectures import Architecture
from gcodec_ntc.zoo.hyper import LIMIT, VALUE_BITS, Context, HyperSynthesis, layer_names

__all__ = ["STEPS", "WIDTHS", "Prior", "Visitor"]

#: Delta of each level L, and of one more: 8**((128 - L) / 128), in units of 2**-12, rounded.
STEPS: NDArray[np.int64] = np.rint(2.0 ** (VALUE_BITS + 3 * (128 - np.arange(257)) / 128)).astype(
    np.int64
)

#: Levels for which models without hyper-latents have tables; the others use those of the nearest.
WIDTHS = np.arange(0, 257, 8)

#: Given flat positions of a batch of latents, their means in units of 2**-12 and their tables, [positions, M] each, returns
#: their symbols, int32: an encoder's or a decoder's half.
Visitor: TypeAlias = Callable[[NDArray[np.int64], NDArray[Any], NDArray[Any]], Ints]


class Prior:
    """The part of a model folder that decides bits: N, M and its integer tensors.

    Raises KeyError for a missing tensor, ValueError for one that does not fit or could not compute exactly.
    """

    def __init__(
        self, which: Architecture, n: int, m: int, tensors: Mapping[str, NDArray[Any]]
    ) -> None:
        self._hyper, self._channels = which.hyper, m
        self._median = tensors["integer.median"].astype(np.int64)
        self._context = Context(m, tensors) if which.context else None
        known = {"integer.median", "tables.values", "tables.length"}
        known |= {f"{x}.{part}" for x in layer_names(which) for part in ("weight", "bias", "shift")}
        if which.hyper:
            known |= {"integer.scales", "integer.bound"}
            self._synthesis = HyperSynthesis(which, n, m, tensors)
            self._scales = tensors["integer.scales"].astype(np.int64)
            self._bound = int(tensors["integer.bound"][0])
            self._first = len(self._scales) + 1  # table of the first channel of z
            channels, count = n, self._first + n
        else:
            channels, count = m, len(WIDTHS) * m
        extra = {name for name in tensors if not name.startswith(("g_a.", "g_s.", "h_a."))} - known
        lengths = tensors["tables.length"]
        if extra or self._median.shape != (channels,) or lengths.shape != (count,):
            raise ValueError(
                f"{self._median.size} medians for {channels} channels, {lengths.size} tables instead of {count},"
                f" {len(extra)} tensors too many"
            )
        self._rows = np.split(tensors["tables.values"], np.cumsum(lengths)[:-1])
        self._made: dict[int, FrequencyTables] = {}

    def tables(self, level: int) -> FrequencyTables:
        """The tables that indices are of."""
        start = 0 if self._hyper else self._level(level) // 8 * self._channels
        if start not in self._made:
            stop = len(self._rows) if self._hyper else start + self._channels
            self._made[start] = FrequencyTables(self._rows[start:stop])
        return self._made[start]

    def step(self, level: int) -> int:
        """Delta, in units of 2**-12."""
        return int(STEPS[self._level(level)])

    def median(self) -> NDArray[np.float64]:
        """What symbols under factorized densities are differences from, [C]."""
        return self._median / (1 << UNIT_BITS)

    def hyper_index(self, h: int, w: int) -> NDArray[np.int64]:
        """Tables of hyper-latents [h, w, N]."""
        channels = self._first + np.arange(len(self._median))
        return np.broadcast_to(channels, (h, w, len(channels)))

    def told(self, z: Ints) -> NDArray[Any]:
        """What h_s makes of the symbols of the hyper-latents [h/4, w/4, N]; see `HyperSynthesis`."""
        values = z.astype(np.float64) * (1 << UNIT_BITS) + self._median
        return self._synthesis(limited(values))

    def latents(
        self, level: int, told: NDArray[Any] | None, h: int, w: int, visit: Visitor
    ) -> Ints:
        """Visit all latents in coding order; encoder and decoder differ in `visit` alone.

        told  by the hyper-latents, None where there are none.

        Returns the latents, int32 [h, w, M] in units of 2**-12.
        """
        step, channels = self.step(level), self._channels
        y = np.empty((h * w, channels), np.int32)
        for where, mean, index in self._batches(level, told, y.reshape(h, w, channels)):
            symbols = visit(where, mean, index)
            made = symbols.astype(np.int64) * step + mean
            y[where] = np.clip(made, -LIMIT, LIMIT)
        return y.reshape(h, w, channels)

    def _batches(
        self, level: int, told: NDArray[Any] | None, y: Ints
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]]:
        """Positions, means and tables of one batch after the other; `y` holds the latents of those before."""
        h, w, channels = y.shape
        everywhere = np.arange(h * w)
        if told is None:
            mean = self._median << (VALUE_BITS - UNIT_BITS)
            index = np.arange(channels)
            shape = (h * w, channels)
            yield (
                everywhere,
                np.broadcast_to(mean, shape),
                np.broadcast_to(index, shape),
            )
        elif self._context is None:
            yield everywhere, *self._gaussians(told.reshape(h * w, -1), level)
        else:
            # What lies in a wavefront, column + 3 * row = t, depends on earlier ones alone.
            seen = np.zeros((h + 2, w + 4, channels), np.float32)
            flat = told.reshape(h * w, -1)
            for t in range(w + 3 * (h - 1)):
                row = np.arange(max(0, -(-(t - w + 1) // 3)), min(h - 1, t // 3) + 1)
                column = t - 3 * row
                where = row * w + column
                taps = [seen[row + i // 5, column + i % 5] for i in range(12)]
                before = np.concatenate(taps, 1).astype(np.float64)
                made = self._context(before, flat[where].astype(np.float64))
                yield where, *self._gaussians(made, level)
                units = 1 << (VALUE_BITS - UNIT_BITS)
                values = np.floor(y[row, column].astype(np.float64) / units + 0.5)
                seen[row + 2, column + 2] = limited(values)

    def _gaussians(self, made: Ints, level: int) -> tuple[Ints, NDArray[np.uint8]]:
        """Means and tables [P, M] of deviations, or of deviations and means, [P, M] or [P, 2 M]."""
        scale, mean = made[:, : self._channels], made[:, self._channels :]
        thresholds = self._scales * self.step(level) >> VALUE_BITS
        index = np.searchsorted(thresholds, np.maximum(scale, self._bound)).astype(np.uint8)
        return (mean if mean.size else np.zeros_like(scale)), index

    def _level(self, level: int) -> int:
        return level if self._hyper else int(WIDTHS[(level + 4) // 8])
