"""The best path of `folded`'s trellis: all states of a group at once, in 16-bit integers. Only the sender needs it.

A state is a register, turned so that the group's own bit comes to lie at a place that moves up from group to group. The next
bit takes the place above, where the oldest lies: two halves of the array compete, and the better ones are spread over both
again. Nothing moves in memory, but for one turn of all registers once in a while. What is added to states that are next to
each other stands next to each other in a row of metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec_diffc.channels._path import Bits, Index

    Whole: TypeAlias = NDArray[np.int16]
    Ways: TypeAlias = NDArray[
        np.uint8
    ]  # which of two paths to a state came from the upper half: [groups, 2^(v-1) bits]
    Metrics: TypeAlias = Callable[[Sequence[int]], Whole]

__all__ = ["Fold", "best", "loudest"]

_ROWS = 12  # log2 of the rows of the codebook, at most: more make no better code
_PARTS, _GROUPS = (
    37,
    1597,
)  # rows from one part of the states to the next, and from one group to the next
_BLOCK = 64  # groups whose metrics are made at a time
_OFTEN = 32  # groups after which sums are made small again
_REACH = 8  # groups that tell a state, in multiples of v
_WAYS = 1 << 30  # bits of memory for ways
_TRIES, _MOST_TRIES = (
    300,
    64,
)  # ends to try, in multiples of (v/n)^2: the shorter the path, the more its end matters
_ENDS = 256  # paths that tell which ends


@dataclass(frozen=True)
class Fold:
    """Which row of 2^`width` a register of v >= 8 bits names. Its newest and its oldest bit have no part in that."""

    v: int

    @property
    def width(self) -> int:
        return min(self.v - 2, _ROWS)

    def place(self, group: Any) -> Any:
        """Where the bit of a group, or those of many, comes to lie: v - 1 - v div 3 to v - 2."""
        turns = self.v // 3
        return self.v - 1 - turns + group % turns

    def rows(self, registers: Index, groups: Index) -> Index:
        """Rows of registers of groups. A register has its newest bit on top."""
        place, size = self.place(groups), self.v - 2
        turned = _turned(registers >> 1 & (1 << size) - 1, place, size)
        return (turned + _PARTS * (turned >> self.width) + _GROUPS * groups) & (1 << self.width) - 1


def loudest(v: int) -> int:
    """The largest metric with which no sum overflows.

    Any state is v groups from any other, so that sums differ by 2 v times that at most; where paths start from one state,
    by twice as much.
    """
    return 32767 // (4 * v + 2)


def best(metrics: Metrics, n: int, v: int) -> Bits:
    """The n >= v bits of the path of the largest sum of metrics.

    `metrics` gives an integer for each row in each group, at most `loudest` in size. The path's ends are joined at the
    likeliest registers only: one of them for n > 14 v.
    """
    walk = _Walk(metrics, n, v)
    tries = min(-(-_TRIES * v * v // (n * n)), _MOST_TRIES)
    answer, highest = np.zeros(n, np.uint8), -np.inf
    for joint in walk.joints()[:tries]:
        bits, total = walk.closed(joint)
        if total > highest:
            answer, highest = bits, total
    return answer


def _turned(registers: Any, by: Any, size: int) -> Any:
    """Registers of `size` bits turned left, 0 <= by <= size."""
    return (registers << by | registers >> size - by) & (1 << size) - 1


class _Walk:
    """The sums of the best paths to all states, so far; states are turned left by `by` bits."""

    def __init__(self, metrics: Metrics, n: int, v: int) -> None:
        self.metrics, self.n, self.v, self.fold = metrics, n, v, Fold(v)
        self.reach = min(n, _REACH * v)
        self.score, self._other = np.empty((2, 1 << v), np.int16)
        self._better = np.empty(1 << v - 1, np.int16)
        self._second = np.empty(1 << v - 1, np.bool_)
        self.by = self.total = 0

    def joints(self) -> list[int]:
        """Registers that the groups on either side of the ends speak for, the likeliest first."""
        n, reach = self.n, self.reach
        self._start(None, n - reach)
        self._through(range(n - reach, n))
        groups = range(reach)
        ways = self._through(groups)
        ends = np.argpartition(self.score, -min(_ENDS, 1 << self.v - 1))[-_ENDS:]
        ends = ends[np.argsort(-self.score[ends], kind="stable")]
        return list(dict.fromkeys(self._back(groups, ways, ends)[1].tolist()))

    def closed(self, joint: int) -> tuple[Bits, int]:
        """The best path that begins and ends with a register, and its sum.

        What a long path's first groups are is settled when `reach` more of them are known, which bounds the memory.
        """
        n, v, bits, register = self.n, self.v, list[int](), joint
        span = max(self.reach, (_WAYS >> v - 1) - self.reach)
        while len(bits) < n:
            at = len(bits)
            groups = range(at, min(at + span + self.reach, n))
            self._start(register, at)
            ways = self._through(groups)
            last = groups[-1] == n - 1
            end = _turned(joint, self.by, v) if last else int(self.score.argmax())
            found, _ = self._back(groups, ways, end)
            bits += found if last else found[:span]
            register = int("".join(map(str, bits[: -v - 1 : -1])), 2)
        return np.array(bits, np.uint8), self.total + int(self.score[end])

    def _start(self, register: int | None, group: int) -> None:
        """Before a group, from a register or from any."""
        self.by, self.total = self.fold.place(group), 0
        if register is None:
            self.score.fill(0)
            return
        self.score.fill(-2 * self.v * loudest(self.v) - 2)
        self.score[_turned(register, self.by, self.v)] = 0

    def _through(self, groups: Sequence[int]) -> Ways:
        ways = np.empty((len(groups), 1 << self.v - 4), np.uint8)
        for k, group in enumerate(groups):
            if k % _BLOCK == 0:
                rows = self.metrics(groups[k : k + _BLOCK])
            if k % _OFTEN == 0:
                highest = int(self.score.reshape(16, -1).max(0).max())
                self.total += highest
                self.score -= np.int16(highest)
            place = self.fold.place(group)
            if place != self.by:
                back = self.by - place
                self._other.reshape(1 << back, -1)[:] = self.score.reshape(-1, 1 << back).T
                self.score, self._other = self._other, self.score
            ways[k] = self._step(rows[k % _BLOCK], group, place)
            self.by = place + 1
        return ways

    def _step(self, row: Whole, group: int, place: int) -> NDArray[np.uint8]:
        half, width = 1 << place, self.fold.width
        first, second = self.score.reshape(-1, 2, half).swapaxes(0, 1)
        np.maximum(first, second, out=self._better.reshape(-1, half))
        np.greater(second, first, out=self._second.reshape(-1, half))
        # States by what lies above the newest and the oldest bit, and below; both cut where a part of them ends.
        inner, parts = max(half >> width, 1), max((1 << width) >> place, 1)
        shape = (1 << self.v - 2 - place) // parts, parts, inner, half // inner
        item, jump = row.itemsize, _PARTS * row.itemsize
        begin = _GROUPS * group % row.size
        long = np.resize(row, begin + row.size + _PARTS * ((1 << self.v - 2 - width) - 1))[begin:]
        added = as_strided(long, shape, (jump * inner, half * item, jump, item), writeable=False)
        better = self._better.reshape(*shape[:2], 2, *shape[2:])
        score = self.score.reshape(*shape[:2], 2, 2, *shape[2:])
        for old in (0, 1):
            np.subtract(better[:, :, old], added, out=score[:, :, old, old])
            np.add(better[:, :, old], added, out=score[:, :, old, 1 - old])
        return np.packbits(self._second)

    def _back(self, groups: Sequence[int], ways: Ways, at: Any) -> tuple[list[Any], Any]:
        """Bits of the groups on the way to a state, or to many, and the register before."""
        bits, by, v = list[Any](), self.by, self.v
        for group, way in zip(reversed(groups), ways[::-1], strict=True):
            place = self.fold.place(group)
            at = _turned(at, (place + 1 - by) % v, v)
            bits.append(at >> place & 1)
            below = at & (1 << place) - 1
            pair = at >> place + 1 << place | below
            second = way[pair >> 3] >> (7 - (pair & 7)) & 1
            at = at >> place + 1 << place + 1 | second << place | below
            if isinstance(at, np.int64):
                at = int(at)
            by = place
        return bits[::-1], _turned(at, v - by, v)
