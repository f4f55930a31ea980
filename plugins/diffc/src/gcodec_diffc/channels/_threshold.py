"""The atoms of a codebook that match best, all at once: the choice of Turbo-DDCM (Vaisman et al. 2025, arXiv:2511.06424).

z = sum_i a_i z_(i) / sqrt(sum_i a_i^2),  (1), ..., (M) the largest |<z_k, r>|,
a_i in {-(2^C - 1), ..., -1, 1, ..., 2^C - 1} (odd numbers) nearest to proportional to <z_(i), r>.
Sent: the rank of the set, ceil(log2 C(K, M)) bits, and M C bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gcodec.errors import ChannelError
from gcodec_diffc.channels._subsets import rank, unrank

if TYPE_CHECKING:
    from gcodec.signals import FloatArray
    from gcodec_diffc.channels._codebook import Combination

__all__ = ["Threshold"]


@dataclass(frozen=True)
class Threshold:
    """Fields of K = `entries`, M = `atoms`, C = `coefficients`."""

    entries: int
    atoms: int
    coefficients: int

    @property
    def bits(self) -> int:
        subsets = math.comb(self.entries, self.atoms)
        return (subsets - 1).bit_length() + self.atoms * self.coefficients

    def field(self, g: FloatArray) -> int:
        size = np.abs(g)
        if self.atoms == 1:
            chosen = size.argmax(keepdims=True)
        else:
            chosen = np.sort(np.argpartition(-size, self.atoms - 1)[: self.atoms])
        top = (1 << self.coefficients) - 1
        share = g[chosen] / max(float(size[chosen].max()), 1e-30)
        levels = np.clip(np.rint((share * top + top) / 2), 0, top).astype(np.int64)
        field = rank(chosen.tolist(), self.entries)
        for level in levels.tolist():
            field = field << self.coefficients | level
        return field

    def combination(self, field: int, owner: str) -> Combination:
        c, m = self.coefficients, self.atoms
        place, top = field >> m * c, (1 << c) - 1
        if place >= math.comb(self.entries, m):
            raise ChannelError(owner, f"rank {place} of {m} atoms out of {self.entries}")
        a = np.array([2 * (field >> i * c & top) - top for i in reversed(range(m))], np.float64)
        indices = np.array(unrank(place, self.entries, m), np.int64)
        return indices, a / np.sqrt(float((a * a).sum()))  # a sum of small integers: exact
