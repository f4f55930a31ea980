"""The atoms of a codebook that match best, all at once: the choice of Turbo-DDCM (Vaisman et al. 2025, arXiv:2511.06424).

z = sum_i a_i z_(i) / sqrt(sum_i a_i^2),  (1), ..., (M) the largest |<z_k, r>|,
a_i in {-(2^C - 1), ..., -1, 1, ..., 2^C - 1} (odd numbers) nearest to proportional to <z_(i), r>.
Sent: the rank of the set, ceil(log2 C(K, M)) bits, and M C bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gcodec.errors import ChannelError
from gcodec_diffc.channels._subsets import rank, unrank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.signals import FloatArray
    from gcodec_diffc.channels._codebook import Combination

__all__ = ["Threshold", "largest"]


def largest(scores: FloatArray, count: int) -> NDArray[np.int64]:
    """Places of the `count` largest magnitudes along the last axis, in no order: int64 [..., count]."""
    size = np.abs(scores)
    if count == 1:
        return size.argmax(-1, keepdims=True)
    width = size.shape[-1]
    return np.argpartition(size, width - count, axis=-1)[..., width - count :]


@dataclass(frozen=True)
class Threshold:
    """Fields of K = `entries`, M = `atoms`, C = `coefficients`."""

    entries: int
    atoms: int
    coefficients: int

    @cached_property
    def bits(self) -> int:
        subsets = math.comb(self.entries, self.atoms)
        return (subsets - 1).bit_length() + self.atoms * self.coefficients

    def field(self, g: FloatArray) -> int:
        chosen = np.sort(largest(g, self.atoms))
        return self.named(chosen, g[chosen], float(np.abs(g[chosen]).max()))

    def named(self, chosen: NDArray[np.int64], scores: FloatArray, top: float) -> int:
        """The field of atoms `chosen` [M], ascending, and their scores, `top` the largest coefficient's."""
        most = (1 << self.coefficients) - 1
        share = scores / max(top, 1e-30)
        levels = np.clip(np.rint((share * most + most) / 2), 0, most).astype(np.int64)
        field = rank(chosen.tolist(), self.entries)
        for level in levels.tolist():
            field = field << self.coefficients | level
        return field

    def atoms_of(self, field: int, owner: str) -> tuple[list[int], list[int]]:
        """Indices of the atoms and their odd coefficients. Raises ChannelError of the channel `owner` for no field."""
        c, m = self.coefficients, self.atoms
        place, top = field >> m * c, (1 << c) - 1
        if place >= math.comb(self.entries, m):
            raise ChannelError(owner, f"rank {place} of {m} atoms out of {self.entries}")
        a = [2 * (field >> i * c & top) - top for i in reversed(range(m))]
        return unrank(place, self.entries, m), a

    def combination(self, field: int, owner: str) -> Combination:
        indices, odd = self.atoms_of(field, owner)
        a = np.array(odd, np.float64)
        # A sum of small integers: exact.
        return np.array(indices, np.int64), a / np.sqrt(float((a * a).sum()))
