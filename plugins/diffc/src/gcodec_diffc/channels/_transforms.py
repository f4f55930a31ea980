"""Blocks whose codewords are rows of twice randomized Walsh-Hadamard transforms: choice for the sender, sums for both.

With n the least power of two that is L or more, codeword k = j n + i has the elements, but for 1 / sqrt(n) and the signs
of the dimensions,

    h_j[e ^ i] = (H diag(t_j) H)[e, i],    h_j = H t_j,    t_j: signs j n, ..., j n + n - 1 of row (SIGNS, a, 1)

so that codewords are transformed all at once, or gathered one by one, and never made or kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.randomness import Domain
from gcodec_diffc.channels._blocks import Dealt
from gcodec_diffc.channels._threshold import Threshold, largest
from gcodec_diffc.channels._walsh import transformed

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from gcodec.channels import Common
    from gcodec.signals import FloatArray

    #: Codewords int64 [rows, atoms] of some blocks, and their scores float32 [rows, atoms].
    Kept: TypeAlias = tuple[NDArray[np.int64], FloatArray]

__all__ = ["Transforms"]

#: Numbers in a work array, and transforms whose signs are drawn one by one, for memory's sake.
_WORK, _FEW = 1 << 18, 16


class Transforms(Dealt):
    """The transforms of one use of the channel. One block takes the dimensions as they are, more take them shuffled."""

    def __init__(self, entries: int, blocks: int, dimensions: int, common: Common) -> None:
        order = self.shuffled(dimensions, common) if blocks > 1 else None
        super().__init__(blocks, dimensions, common, order)
        self.entries = entries
        self.n = 1 << (self.length - 1).bit_length()
        #: J; where K < n it is 1, and the transform's last codewords are left out.
        self.count = max(entries // self.n, 1)

    def chosen(self, r: FloatArray, groups: Sequence[Threshold]) -> Iterator[Kept]:
        """Of each block the codewords that match r [D] best, as many of each group as it says: [M] ascending, and scores."""
        for _, blocks in self._some(self.deal(r)):
            pairs = zip(*self._best(blocks, groups), strict=True)
            codewords, scores = (np.concatenate(parts, axis=1) for parts in pairs)
            order = np.argsort(codewords, axis=1)
            yield from zip(_at(codewords, order), _at(scores, order), strict=True)

    def noise(
        self, codewords: NDArray[np.int64], a: NDArray[np.int64], gain: NDArray[np.float64]
    ) -> FloatArray:
        """gain sum over m of a[m] h_j[e ^ i], and signs: float32 [D], each an integer, multiplied and rounded once.

        codewords, a  int64 [blocks, M], a odd.
        gain          [blocks].
        """
        z = np.empty((self.blocks, self.length), np.float32)
        # Of sums of that many terms float32 holds every partial one, or float64 does.
        exact = np.float32 if self.n * int(np.abs(a).sum(1).max()) <= 1 << 24 else np.float64
        make = self._gathered if codewords.shape[1] <= 1 + self.count else self._transformed
        for some, blocks in self._some(codewords):
            z[some] = make(blocks, a[some], exact) * gain[some, None]
        z = self.collect(z)
        z += 0  # sums of 0 have no sign
        return z

    def _some(self, blocks: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Blocks [blocks, ...] as many at a time as memory allows."""
        high = max(_WORK // self.n, 1)
        for top in range(0, self.blocks, high):
            yield slice(top, top + high), blocks[top : top + high]

    def _best(self, blocks: FloatArray, groups: Sequence[Threshold]) -> list[Kept]:
        """Of blocks [rows, L] the best codewords of every group."""
        size = groups[0].entries
        kept: dict[int, Kept] = {}
        for first, scores in self._scores(blocks, size):
            last = first + scores.shape[1]
            for g in range(first // size, -(-last // size)):
                low, high = max(g * size, first), min((g + 1) * size, last)
                values = scores[:, low - first : high - first]
                places = largest(values, min(groups[g].atoms, high - low))
                codewords, values = places + low, _at(values, places)
                if g in kept:
                    codewords = np.concatenate([kept[g][0], codewords], axis=1)
                    values = np.concatenate([kept[g][1], values], axis=1)
                    places = largest(values, min(groups[g].atoms, values.shape[1]))
                    codewords, values = _at(codewords, places), _at(values, places)
                kept[g] = codewords, values
        return list(kept.values())

    def _scores(self, blocks: FloatArray, together: int) -> Iterator[tuple[int, FloatArray]]:
        """What codewords score on blocks [rows, L], some at a time, times sqrt(n): the first's number, float32 [rows, some].

        They are a transform's, or those of several, as many as memory allows and lie in one group of `together`.
        """
        rows, n = len(blocks), self.n
        once = np.zeros((rows, n), np.float32)
        once[:, : self.length] = blocks
        once = transformed(once)
        many = max(min(_WORK // (rows * n), together // n, self.count), 1)
        many = 1 << many.bit_length() - 1
        for j in range(0, self.count, many):
            scores = transformed(self._flips(j, many)[:, None] * once)
            yield j * n, scores.transpose(1, 0, 2).reshape(rows, -1)[:, : self.entries]

    def _gathered(
        self, codewords: NDArray[np.int64], a: NDArray[np.int64], exact: type[np.floating[Any]]
    ) -> NDArray[Any]:
        """The sums of `noise` for some blocks, atom by atom: [rows, L]."""
        used, which = np.unique(codewords // self.n, return_inverse=True)
        if len(used) > _FEW:
            t = self._flips(used[0], used[-1] - used[0] + 1)[used - used[0]]
        else:
            t = np.concatenate([self._flips(j, 1) for j in used])
        h = transformed(t.astype(exact)).ravel()
        e, start = np.arange(self.length), which.reshape(codewords.shape) * self.n
        sums = np.zeros((len(codewords), self.length), exact)
        for m in range(codewords.shape[1]):
            word = e ^ codewords[:, m, None] % self.n
            word += start[:, m, None]
            sums += h[word] * a[:, m, None].astype(exact)
        return sums

    def _transformed(
        self, codewords: NDArray[np.int64], a: NDArray[np.int64], exact: type[np.floating[Any]]
    ) -> NDArray[Any]:
        """The sums of `noise` for some blocks, by transforms: [rows, L]."""
        j, i = codewords // self.n, codewords % self.n
        total = np.zeros((len(codewords), self.n), np.float32)
        for each in np.unique(j):
            row, m = np.nonzero(j == each)
            one = np.zeros_like(total)
            one[row, i[row, m]] = a[row, m]
            one = transformed(one)
            one *= self._flips(each, 1)
            total += one
            del one
        wide = total.astype(exact)
        del total
        return transformed(wide)[:, : self.length]

    def _flips(self, first: int, count: int) -> FloatArray:
        """t of transforms first, first + 1, ...: [count, n]."""
        shape = count, self.n
        return self.randomness.signs(Domain.SIGNS, self.step, 1, shape, first * self.n)


def _at(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """values [rows, ...] at places [rows, ...] of each row."""
    return np.take_along_axis(values, places, axis=1)
