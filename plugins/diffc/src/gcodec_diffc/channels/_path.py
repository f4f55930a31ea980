"""Search of a tail-biting trellis: the best path, or one drawn with the weights of all. Only the sender needs it.

State s of a group is the contents of a register of v bits, the group's own bit on top: s' = bit 2^(v-1) + floor(s/2). So
states 2p and 2p + 1 lead to the states p and p + 2^(v-1). `Metrics` gives the branch metrics of groups as an array
[groups, 2^v]: the logarithm of the weight that a path gets from passing there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

    Bits: TypeAlias = NDArray[np.uint8]  # zeros and ones
    Index: TypeAlias = NDArray[np.int64]
    Metrics: TypeAlias = Callable[[Index], FloatArray]

__all__ = ["WORDS", "best", "draw"]

#: So few bits are searched word by word.
WORDS = 16
_BLOCK = 1 << 20  # branch metrics at a time
_TRIES = 200  # ends to try, in multiples of (v/n)^2: the shorter the path, the more its end matters
_MOST_TRIES = 64
_REACH = 8  # groups on either side that tell the state at the end, in multiples of v
_FLOOR = np.float32(-60)  # of a log weight against the best of its group


def best(metrics: Metrics, n: int, v: int) -> tuple[Bits, float]:
    """The n bits of the path of the largest sum of metrics, and that sum.

    For n > 16 the path's ends are joined at the likeliest states only: one of them for n > 14 v.
    """
    if n <= WORDS:
        total = _totals(metrics, n, v)
        word = int(total.argmax())
        return _unpacked(word, n), float(total[word])
    ring, still = _Max(), np.zeros(n, np.float32)
    around = _around(ring, metrics, n, v)
    answer, highest = np.zeros(n, np.uint8), -np.inf
    tries = min(-(-_TRIES * v * v // (n * n)), _MOST_TRIES)
    for end in np.argsort(-around)[:tries].tolist():
        score, back = _forward(ring, metrics, np.arange(n), ring.at(end, v), still)
        if score[end] > highest:
            answer, highest = _trace(back, end, v), float(score[end])
    return answer, highest


def draw(metrics: Metrics, n: int, v: int, uniforms: FloatArray) -> Bits:
    """The bits of a path drawn by its weight, the exponential of its sum of metrics, using n + 1 uniforms.

    Forward filtering and backward sampling. Exact for n <= 16, and otherwise but for the state at both ends, which is
    drawn by the 8 v groups on either side.
    """
    if n <= WORDS:
        total = _totals(metrics, n, v)
        return _unpacked(_drawn(np.exp(total - total.max()), float(uniforms[n])), n)
    ring = _Sum()
    end = _drawn(_around(ring, metrics, n, v), float(uniforms[n]))
    _, back = _forward(ring, metrics, np.arange(n), ring.at(end, v), uniforms)
    return _trace(back, end, v)


def _totals(metrics: Metrics, n: int, v: int) -> FloatArray:
    """The sum of metrics of each word of n bits; bit i of the path is bit i of the word from the top."""
    words = np.arange(1 << n)
    total = np.zeros(1 << n, np.float32)
    for i, row in enumerate(metrics(np.arange(n))):
        state = np.zeros_like(words)
        for k in range(v):
            state |= (words >> (n - 1 - (i - k) % n) & 1) << (v - 1 - k)
        total += row[state]
    return total


def _unpacked(word: int, n: int) -> Bits:
    return (word >> np.arange(n - 1, -1, -1) & 1).astype(np.uint8)


def _drawn(weights: FloatArray, uniform: float) -> int:
    """An index by its weight."""
    cumulative = np.cumsum(weights, dtype=np.float64)
    return int(np.searchsorted(cumulative, uniform * cumulative[-1], "right"))


class _Ring(ABC):
    """How metrics add up over the paths to a state: a semiring, in float32."""

    zero: float
    one: float

    def at(self, state: int, v: int) -> FloatArray:
        """Only paths from `state`."""
        score = np.full(1 << v, self.zero, np.float32)
        score[state] = self.one
        return score

    @abstractmethod
    def weights(self, block: FloatArray) -> FloatArray:
        """Metrics as elements of the ring."""

    @abstractmethod
    def plus(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Of paths that meet; scaled by what one likes."""

    @abstractmethod
    def times(self, a: FloatArray, b: FloatArray, out: FloatArray) -> None:
        """Of parts of a path."""

    @abstractmethod
    def second(self, a: FloatArray, b: FloatArray, uniform: float, out: NDArray[np.bool_]) -> None:
        """Which path to keep where two meet: the one with b?"""


class _Max(_Ring):
    """Viterbi: logarithms, of which the largest counts."""

    zero, one = -np.inf, 0.0

    def weights(self, block: FloatArray) -> FloatArray:
        return block

    def plus(self, a: FloatArray, b: FloatArray) -> FloatArray:
        return np.maximum(a, b)

    def times(self, a: FloatArray, b: FloatArray, out: FloatArray) -> None:
        np.add(a, b, out=out)

    def second(self, a: FloatArray, b: FloatArray, uniform: float, out: NDArray[np.bool_]) -> None:
        np.greater(b, a, out=out)


class _Sum(_Ring):
    """The forward-backward algorithm: probabilities, scaled as it goes."""

    zero, one = 0.0, 1.0

    def weights(self, block: FloatArray) -> FloatArray:
        # The floor keeps one path alive: no more than e^-60 is lost to it.
        weights: FloatArray = np.exp(np.maximum(block - block.max(1, keepdims=True), _FLOOR))
        return weights

    def plus(self, a: FloatArray, b: FloatArray) -> FloatArray:
        either = a + b
        either *= np.float32(1) / either.max()
        return either

    def times(self, a: FloatArray, b: FloatArray, out: FloatArray) -> None:
        np.multiply(a, b, out=out)

    def second(self, a: FloatArray, b: FloatArray, uniform: float, out: NDArray[np.bool_]) -> None:
        np.greater(b, uniform * (a + b), out=out)


def _rows(metrics: Metrics, groups: Index, v: int) -> Iterator[tuple[Index, FloatArray]]:
    step = max(1, _BLOCK >> v)
    for start in range(0, len(groups), step):
        yield groups[start : start + step], metrics(groups[start : start + step])


def _forward(
    ring: _Ring, metrics: Metrics, groups: Index, start: FloatArray, uniforms: FloatArray
) -> tuple[FloatArray, list[NDArray[np.uint8]]]:
    """What the paths from `start` through `groups` add up to at each state, and which way back to take.

    One uniform a group is enough, because a path passes one state of it.
    """
    score, half = start.copy(), len(start) // 2
    back: list[NDArray[np.uint8]] = []
    v = len(start).bit_length() - 1
    for block, rows in _rows(metrics, groups, v):
        second = np.empty((len(block), half), np.bool_)
        ahead = ring.weights(rows).reshape(-1, 2, half)
        for row, uniform, chosen in zip(ahead, uniforms[block].tolist(), second, strict=True):
            a, b = score[0::2], score[1::2]
            ring.second(a, b, uniform, chosen)
            ring.times(row, ring.plus(a, b), score.reshape(2, half))
        back.append(np.packbits(second, axis=1))
    return score, back


def _backward(ring: _Ring, metrics: Metrics, groups: Index, v: int) -> FloatArray:
    """What the paths from each state through `groups` add up to."""
    score = np.full(1 << v, ring.one, np.float32)
    ahead = np.empty_like(score)
    for _, rows in _rows(metrics, groups[::-1], v):
        for row in ring.weights(rows):
            ring.times(row, score, ahead)
            first, second = ahead.reshape(2, -1)
            score.reshape(-1, 2)[:] = ring.plus(first, second)[:, None]
    return score


def _around(ring: _Ring, metrics: Metrics, n: int, v: int) -> FloatArray:
    """What the groups near the ends say of the state there, as an element of the ring."""
    reach = min(n, _REACH * v)
    anywhere = np.full(1 << v, ring.one, np.float32)
    still = np.full(n, 0.5, np.float32)
    around, _ = _forward(ring, metrics, np.arange(n - reach, n), anywhere, still)
    ring.times(around, _backward(ring, metrics, np.arange(reach), v), around)
    return around


def _trace(back: list[NDArray[np.uint8]], end: int, v: int) -> Bits:
    """The bits of the path to `end`."""
    bits, s = [], end
    for block in reversed(back):
        for row in block[::-1]:
            bits.append(s >> (v - 1))
            p = s & (1 << (v - 1)) - 1
            s = 2 * p + (int(row[p >> 3]) >> (7 - (p & 7)) & 1)
    return np.array(bits[::-1], np.uint8)
