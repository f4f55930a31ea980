"""Which table each symbol of the linear mode is coded under: sums of weighted magnitudes that both sides know, in integers.

Coefficients of one sum of frequencies u + v = 0, ..., 30 are coded together, colour by colour, phase by phase. A scale is a
base by step plus thirteen weighted magnitudes, in units of 2**-14 quantization steps; thresholds make it the number of a
table. Coefficient (0, 0) is coded as the difference from its known neighbours. Normative: spec/embeddings/ntc.md, section 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import Ints, unpack_tables
from gcodec.errors import InvalidArgument, PayloadError
from gcodec_ntc.linear import grid as grids
from gcodec_ntc.payload import BLOCK, NAME

__all__ = [
    "CAP",
    "FEATURES",
    "KNOT",
    "LARGEST",
    "SCALE_BITS",
    "STEPS",
    "Contexts",
    "Features",
    "Key",
    "Values",
    "Visit",
    "walk",
]

COLOURS = 3
FEATURES = 13
CAP = 255  # of a magnitude
SCALE_BITS = 14
LARGEST = (1 << 15) - 1  # |value|: coefficients are kept in 16 bits
KNOT = 32  # steps from one knot of the bases to the next, an octave
KNOTS = 6
STEPS = KNOT * (KNOTS - 1) + 1
TABLES = 64
#: Largest of each feature: magnitudes, and sums of four.
_MOST = np.array([1, 1, 1, 1, 1, 4, 4, 4, 4, 1, 1, 4, 4], np.int64) * CAP
_STRIP = 8192  # positions computed at a time; bounds memory, changes no result


#: Phase, colour, and the frequencies u and v of n coefficients.
Key: TypeAlias = tuple[int, int, NDArray[np.int64], NDArray[np.int64]]
#: The thirteen, [n, p] each; None is 0.
Features: TypeAlias = list["NDArray[np.int32] | None"]
Values: TypeAlias = NDArray[np.int16]


@dataclass(frozen=True)
class Visit:
    """One batch of n coefficients at the p positions of a phase.

    where  index into [3, 16, 16, h * w] of its values, which then are [n, p].
    index  tables of the symbols, uint8 [n, p].
    mean   what a symbol is the difference from, [n, p]; 0.
    chain  shape [rows, columns] where each value is the difference from the one before instead.
    """

    where: tuple[Any, ...]
    index: NDArray[np.uint8]
    mean: Ints | int
    chain: tuple[int, int] | None

    def values(self, symbols: Ints) -> NDArray[np.int64]:
        """What symbols stand for. Raises PayloadError beyond 16 bits."""
        found = symbols.astype(np.int64)
        if self.chain:
            rows = found.reshape(self.chain)
            rows[:, 0] = np.cumsum(rows[:, 0])
            found = np.cumsum(rows, 1).reshape(symbols.shape)
        found += self.mean
        if np.abs(found).max(initial=0) > LARGEST:
            raise PayloadError(NAME, f"a coefficient beyond {LARGEST} quantization steps")
        return found

    def differences(self, values: Ints) -> Ints:
        """The symbols of values, where there is a chain."""
        assert self.chain is not None
        rows = values.reshape(self.chain)
        made = np.diff(rows, axis=1, prepend=0)
        made[:, 0] = np.diff(rows[:, 0], prepend=0)
        return made.reshape(values.shape)


class Contexts:
    """The integer model of the linear mode, and its tables.

    tensors  linear.base int32 [6, 3, 3, 16, 16] by knot, phase, colour and both frequencies; linear.weight int16
             [3, 3, 16, 16, 13]; linear.thresholds int32 [63]; tables.*.

    Raises KeyError and InvalidArgument for others, and for those whose sums could leave 32 bits.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        places = (grids.PHASES, COLOURS, BLOCK, BLOCK)
        self.base = _whole(tensors, "base", np.int32, (KNOTS, *places))
        self.weight = _whole(tensors, "weight", np.int16, (*places, FEATURES)).astype(np.int32)
        self.thresholds = _whole(tensors, "thresholds", np.int32, (TABLES - 1,))
        if (np.diff(self.thresholds) <= 0).any():
            raise InvalidArgument("linear.thresholds do not ascend")
        if (self.base.max(0) + self.weight.astype(np.int64) @ _MOST).max() >= 1 << 31:
            raise InvalidArgument("the scales of the linear mode could leave 32 bits")
        self.tables = unpack_tables(tensors)
        if len(self.tables) != TABLES:
            raise InvalidArgument(f"{len(self.tables)} frequency tables instead of {TABLES}")

    def bases(self, step: int) -> NDArray[np.int32]:
        """Bases [3, 3, 16, 16] at a step of 0..160, linear between knots, rounded down."""
        low, part = divmod(step, KNOT)
        high = min(low + 1, KNOTS - 1)
        mixed = (
            self.base[low].astype(np.int64) * (KNOT - part)
            + self.base[high].astype(np.int64) * part
        )
        return (mixed // KNOT).astype(np.int32)

    def code(
        self,
        step: int,
        h: int,
        w: int,
        choose: Callable[[Visit], Ints],
        zeros: Callable[[NDArray[Any]], bool] = lambda tables: False,
    ) -> Values:
        """Visit all batches in order; `choose` returns the symbols of each.

        zeros  whether under no other tables than these all that follow are 0: then they are not visited.

        Returns the coefficients in quantization steps, int16 [3, 16, 16, h * w].
        """
        bases = self.bases(step)
        sums = np.add.outer(np.arange(BLOCK), np.arange(BLOCK))

        def over(diagonal: int) -> bool:
            return zeros(np.searchsorted(self.thresholds, bases[..., sums >= diagonal], "right"))

        return walk(h, w, lambda k, seen: self._index(bases[k], self.weight[k], seen), choose, over)

    def _index(
        self,
        base: NDArray[np.int32],
        weight: NDArray[np.int32],
        features: Features,
    ) -> NDArray[np.uint8]:
        """Tables [n, p] of bases [n], weights [n, 13] and features [n, p]; None is 0."""
        known = [(part, weight[:, f, None]) for f, part in enumerate(features) if part is not None]
        index = np.empty(known[0][0].shape, np.uint8)
        for start in range(0, index.shape[1], _STRIP):
            some = slice(start, start + _STRIP)
            total = base[:, None] + known[0][0][:, some] * known[0][1]
            for feature, factor in known[1:]:
                total += feature[:, some] * factor
            index[:, some] = np.searchsorted(self.thresholds, total, "right")
        return index


def walk(
    h: int,
    w: int,
    index: Callable[[Key, Features], NDArray[np.uint8]],
    choose: Callable[[Visit], Ints],
    over: Callable[[int], bool] = lambda diagonal: False,
) -> Values:
    """All batches of h x w positions in order. `index` has the tables of a batch; `choose` returns its symbols.

    over  whether all from a sum of frequencies on are 0 where those of the two sums before are.

    Returns the coefficients in quantization steps, int16 [3, 16, 16, h * w].
    """
    grid = grids.of(h, w)
    values = np.zeros((COLOURS, BLOCK, BLOCK, h * w), np.int16)
    magnitudes = _Magnitudes(grid)
    for diagonal in range(2 * BLOCK - 1):
        if diagonal > 1 and over(diagonal) and magnitudes.quiet():
            break
        u = np.arange(max(0, diagonal - BLOCK + 1), min(diagonal, BLOCK - 1) + 1)
        for colour in range(COLOURS):
            magnitudes.begin(colour)
            for phase in range(grids.PHASES):
                part, near = grid.phase(phase), grid.near(phase)
                key = (phase, colour, u, diagonal - u)
                where = (colour, u[:, None], diagonal - u[:, None], grid.order[part])
                chain = grid.corner() if diagonal == phase == 0 else None
                mean = 0 if diagonal or chain else _mean(magnitudes.first, near)
                found = index(key, magnitudes.features(colour, phase, u))
                visit = Visit(where, found, mean, chain)
                symbols = choose(visit)
                values[where] = made = visit.values(symbols)
                magnitudes.put(colour, u, part, symbols)
                if not diagonal:
                    magnitudes.first[part] = made[0]
            magnitudes.end(colour, u)
    return values


class _Magnitudes:
    """Magnitudes of symbols and sums of neighbours' of the last three sums of frequencies, in coding order.

    Row u + 2 is frequency u; rows without coefficients, and the column behind the last position, are 0.

    first  values of coefficient (0, 0) of the present colour, and 0 behind the last position.
    """

    def __init__(self, grid: grids.Grid) -> None:
        self.grid = grid
        shape = (COLOURS, BLOCK + 2, grid.h * grid.w + 1)
        self._own = [np.zeros(shape, np.int32) for _ in range(3)]
        self._axis = [np.zeros(shape, np.int32) for _ in range(3)]
        self.first = np.zeros(shape[-1], np.int64)

    def quiet(self) -> bool:
        """Whether all symbols of the last two sums are 0."""
        return not any(kept.any() for kept in self._own[:2])

    def begin(self, colour: int) -> None:
        """Make room for the coefficients of this colour, and before those of the first of the next sum."""
        if colour == 0:
            for kept in (self._own, self._axis):
                kept.insert(0, kept.pop())
        self._own[0][colour] = 0
        self._axis[0][colour] = 0
        self.first[:] = 0

    def features(self, colour: int, phase: int, u: NDArray[np.int64]) -> Features:
        """The thirteen of spec/embeddings/ntc.md for coefficients u at the positions of a phase, [n, p] each; None is 0."""
        rows, part = _rows(u), self.grid.phase(phase)
        up, twice = (slice(rows.start - by, rows.stop - by) for by in (1, 2))
        (_, one, two), (_, sums, far) = (
            [kept[colour] for kept in k] for k in (self._own, self._axis)
        )
        below = (one[up], one[rows], two[up], two[twice], two[rows], sums[up], sums[rows], far[up])
        same = self._sum(colour, rows, self.grid.near(phase)) if phase else None
        before = [
            kept[0][c, rows] if colour > c else None
            for kept in (self._own, self._axis)
            for c in range(2)
        ]
        return [
            *(x[:, part] for x in below),
            same,
            *(x if x is None else x[:, part] for x in before),
        ]

    def put(self, colour: int, u: NDArray[np.int64], part: slice, symbols: Ints) -> None:
        """Take in the symbols of a phase."""
        self._own[0][colour, _rows(u), part] = np.minimum(np.abs(symbols), CAP)

    def end(self, colour: int, u: NDArray[np.int64]) -> None:
        """Add up neighbours, once all phases are known."""
        self._axis[0][colour, _rows(u), :-1] = self._sum(colour, _rows(u), self.grid.axis)

    def _sum(self, colour: int, rows: slice, near: NDArray[np.int64]) -> NDArray[np.int32]:
        own = self._own[0][colour, rows]
        made = own.take(near[0], 1)
        for which in near[1:]:
            made += own.take(which, 1)
        return made


def _rows(u: NDArray[np.int64]) -> slice:
    return slice(int(u[0]) + 2, int(u[-1]) + 3)


def _mean(first: NDArray[np.int64], near: NDArray[np.int64]) -> Ints:
    """The mean of the neighbours that there are, halves rounded up: [1, positions]."""
    count = (near < len(first) - 1).sum(0)
    return ((2 * first[near].sum(0) + count) // (2 * count)).astype(np.int32)[None]


def _whole(
    tensors: Mapping[str, NDArray[Any]], name: str, dtype: Any, shape: tuple[int, ...]
) -> NDArray[Any]:
    found = tensors[f"linear.{name}"]
    if found.dtype != dtype or found.shape != shape or (found < 0).any():
        raise InvalidArgument(
            f"linear.{name} is {found.dtype} {found.shape}, not {np.dtype(dtype)} {shape} without negative numbers"
        )
    return found
