"""Rounding that weighs bits against error."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import rounded

if TYPE_CHECKING:
    from gcodec.entropy import FrequencyTables
    from gcodec.entropy.integers import Ints

__all__ = ["Rounding", "bits", "compact", "fitting", "weight_for"]

#: Bytes go with about the seventh root of what error weighs; and the part of the bytes there may be that is aimed at.
_SLOWNESS, _AIM = 7.0, 0.994


class Rounding:
    """To the nearest integer, or to the next one towards 0 or to 0 where that saves more bits than `trade` times the squared
    error that it adds.

    To 0 goes much of what a first choice left out: the second wants it again, larger, where the model expects nothing.
    """

    def __init__(self, tables: FrequencyTables, trade: float) -> None:
        self.tables, self.trade = tables, trade

    def __call__(
        self,
        wanted: NDArray[Any],
        index: NDArray[np.uint8],
        trade: NDArray[np.float32] | float | None = None,
    ) -> Ints:
        """Symbols of numbers wanted, coded under the tables of their index; all of one shape; trade of all or by channel."""
        symbols = rounded(wanted)
        which = np.nonzero(symbols)
        near = np.abs(symbols[which])
        known = near < self.cost.shape[1]
        which, near = tuple(part[known] for part in which), near[known]
        table, size = index[which], np.abs(wanted[which])
        trade = self.trade if trade is None else trade
        weight = trade[which[-1]] if isinstance(trade, np.ndarray) else np.float32(trade)
        saved = self.cost[table, near] - self.cost[table, near - 1]
        best = near - (saved > weight * (1 + 2 * (size - near)))
        most = self.cost[table, best] - self.cost[table, 0]
        best[most > weight * best * (2 * size - best)] = 0
        symbols[which] = np.sign(symbols[which]) * best
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


def fitting(
    make: Callable[[float], bytes],
    drop: Callable[[bytes], object],
    most: int,
    trials: int,
    full: float,
) -> bytes | None:
    """The longest of some streams with at most `most` bytes; None if none of them has so few.

    make    stream for a factor on what error weighs against bits, first 1.
    drop    is told of each that it is not.
    trials  streams that are made at most; the first of at least the part `full` of the bytes ends it.
    """
    best, weight = None, 1.0
    # Logarithms of a weight and of its bytes over those aimed at, by whether these fit.
    ends: dict[bool, tuple[float, float]] = {}
    for _ in range(trials):
        stream = make(weight)
        fits = len(stream) <= most
        if fits and (best is None or len(stream) > len(best)):
            best, lost = stream, best
        else:
            lost = stream
        if lost is not None and lost != best:
            drop(lost)
        if fits and len(stream) >= full * most:
            break
        ends[fits] = math.log(weight), math.log(max(len(stream), 1) / (max(most, 1) * _AIM))
        if len(ends) == 2:
            (a, low), (b, high) = ends[True], ends[False]
            part = min(max(-low / (high - low), 0.1), 0.9)
            weight = math.exp(a + (b - a) * part)
        else:
            weight *= weight_for(math.exp(-ends[fits][1]))
    return best


def weight_for(bytes_: float) -> float:
    """About what factor on what error weighs against bits makes that factor on bytes."""
    return bytes_**_SLOWNESS


def bits(cost: NDArray[np.float32], symbols: Ints, index: NDArray[np.uint8]) -> float:
    """Of symbols under the tables of their index; `cost` as `Rounding.cost` has it."""
    return float(cost[index, np.minimum(np.abs(symbols), cost.shape[1] - 1)].sum())


def compact(x: Ints) -> NDArray[Any]:
    """The same integers in 8 or 16 bits, where these hold them."""
    most = max(-int(x.min(initial=0)), int(x.max(initial=0)))
    kind = np.int8 if most < 1 << 7 else np.int16 if most < 1 << 15 else x.dtype
    return x.astype(kind, copy=False)
