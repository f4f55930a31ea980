"""What symbols are coded under, in integers: bin widths, means, and the table of each symbol. NumPy only.

The zoo's models were trained for latents y rounded to whole numbers. Here a latent is mean + Delta * symbol, with Delta = 1
at level 128, bin widths Delta down to 1/8 above it and up to 8 below; a Gaussian's table is that of its deviation divided
by Delta. Latents, means, deviations and Delta are integers in units of 2**-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import FrequencyTables
from gcodec.integers import UNIT_BITS, Ints, limited
from gcodec_ntc.zoo.architectures import Architecture
from gcodec_ntc.zoo.hyper import LAYERS, LIMIT, VALUE_BITS, HyperSynthesis

__all__ = ["STEPS", "WIDTHS", "Gaussians", "Prior"]

#: Delta of each level L, and of one more: 8**((128 - L) / 128), in units of 2**-12, rounded.
STEPS: NDArray[np.int64] = np.rint(2.0 ** (VALUE_BITS + 3 * (128 - np.arange(257)) / 128)).astype(
    np.int64
)

#: Levels for which models without hyper-latents have tables; the others use those of the nearest.
WIDTHS = np.arange(0, 257, 8)

#: Means and deviations of latents, int32 [h, w, M] each.
Gaussians = tuple[Ints, Ints]


class Prior:
    """The part of a model folder that decides bits: N, M and its integer tensors.

    Raises KeyError for a missing tensor, ValueError for one that does not fit or could not compute exactly.
    """

    def __init__(
        self, which: Architecture, n: int, m: int, tensors: Mapping[str, NDArray[Any]]
    ) -> None:
        self._hyper = which.hyper
        self._median = tensors["integer.median"].astype(np.int64)
        known = {"integer.median", "tables.values", "tables.length"}
        if which.hyper:
            known |= {"integer.scales", "integer.bound"}
            known |= {f"{name}.{part}" for name in LAYERS for part in ("weight", "bias", "shift")}
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
        start = 0 if self._hyper else self._level(level) // 8 * len(self._median)
        if start not in self._made:
            stop = len(self._rows) if self._hyper else start + len(self._median)
            self._made[start] = FrequencyTables(self._rows[start:stop])
        return self._made[start]

    def hyper_index(self, h: int, w: int) -> NDArray[np.int64]:
        """Tables of hyper-latents [h, w, N]."""
        channels = self._first + np.arange(len(self._median))
        return np.broadcast_to(channels, (h, w, len(channels)))

    def gaussians(self, z: Ints) -> Gaussians:
        """Means and deviations of the latents, given the symbols of the hyper-latents [h/4, w/4, N]."""
        values = z.astype(np.float64) * (1 << UNIT_BITS) + self._median
        mean, scale = self._synthesis(limited(values))
        return mean, np.maximum(scale, self._bound)

    def index(self, given: Gaussians | None, h: int, w: int, level: int) -> NDArray[Any]:
        """Tables of latents [h, w, M]: as many as there are thresholds, times Delta, below the deviation."""
        if given is None:
            return np.broadcast_to(np.arange(len(self._median)), (h, w, len(self._median)))
        thresholds = self._scales * int(STEPS[level]) >> VALUE_BITS
        return np.searchsorted(thresholds, given[1]).astype(np.uint8)

    def step(self, level: int) -> int:
        """Delta, in units of 2**-12."""
        return int(STEPS[self._level(level)])

    def means(self, given: Gaussians | None) -> NDArray[Any]:
        """Means [h, w, M] of Gaussians, medians [M] of factorized densities, in units of 2**-12."""
        return self._median << (VALUE_BITS - UNIT_BITS) if given is None else given[0]

    def values(self, symbols: Ints, given: Gaussians | None, level: int) -> Ints:
        """Latents of symbols, int32 [h, w, M] in units of 2**-12."""
        y = symbols.astype(np.int64) * self.step(level) + self.means(given)
        return np.clip(y, -LIMIT, LIMIT).astype(np.int32)

    def median(self) -> NDArray[np.float64]:
        """What hyper-latents are differences from, [N]."""
        return self._median / (1 << UNIT_BITS)

    def _level(self, level: int) -> int:
        return level if self._hyper else int(WIDTHS[(level + 4) // 8])
