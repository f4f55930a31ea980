"""Rounding that weighs bits against error."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import rounded

if TYPE_CHECKING:
    from gcodec.entropy import FrequencyTables
    from gcodec.entropy.integers import Ints

__all__ = ["Rounding"]


class Rounding:
    """To the nearest integer, or to the next one towards 0 where that saves more bits than `trade` times the squared error
    that it adds.
    """

    def __init__(self, tables: FrequencyTables, trade: float) -> None:
        self.tables, self.trade = tables, trade

    def __call__(
        self,
        wanted: NDArray[Any],
        index: NDArray[np.uint8],
        trade: NDArray[np.float32] | None = None,
    ) -> Ints:
        """Symbols of numbers wanted, coded under the tables of their index; all of one shape. trade: of each channel."""
        symbols = rounded(wanted)
        which = np.nonzero(symbols)
        near = np.abs(symbols[which])
        known = near < self.cost.shape[1]
        which, near = tuple(part[known] for part in which), near[known]
        table, size = index[which], np.abs(wanted[which])
        saved = self.cost[table, near] - self.cost[table, near - 1]
        added = 1 + 2 * (size - near)
        weight = self.trade if trade is None else trade[which[-1]]
        symbols[which] -= np.sign(symbols[which]) * (saved > weight * added)
        return symbols

    @cached_property
    def cost(self) -> NDArray[np.float32]:
        """Bits of each |symbol| under each table, [tables, reach + 1]; the escape's last cost beyond."""
        reach = int(self.tables.escape.max() - 1) // 2
        cost = np.empty((len(self.tables), reach + 1), np.float32)
        for index in range(len(self.tables)):
            bits = self.tables.bits(index)
            own = bits[:-1][::2]  # 0, -1, -2, ...; tables are symmetric
            cost[index, : len(own)] = own
            cost[index, len(own) :] = bits[-1] + 2 * np.log2(np.arange(1, reach + 2 - len(own))) + 5
        return cost
