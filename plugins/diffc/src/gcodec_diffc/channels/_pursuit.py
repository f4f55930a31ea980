"""Matching pursuit in a codebook, atom by atom: the choice of DDCM (Ohayon et al. 2025, arXiv:2502.01189).

z <- z_k, k = argmax <z_k, r>;
then M - 1 times  z <- (g z + (1 - g) z_k) / sqrt(g^2 + (1 - g)^2),  (g, k) = argmax <z, r>,
g in {1, ..., 2^C} / 2^C, over the z_k not yet in z. Sent: M log2 K + (M - 1) C bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gcodec.errors import ChannelError

if TYPE_CHECKING:
    from gcodec.signals import FloatArray
    from gcodec_diffc.channels._codebook import Combination

__all__ = ["Pursuit"]


@dataclass(frozen=True)
class Pursuit:
    """Fields of K = `entries`, M = `atoms`, C = `coefficients`."""

    entries: int
    atoms: int
    coefficients: int

    @property
    def bits(self) -> int:
        return self.atoms * self._index_bits + (self.atoms - 1) * self.coefficients

    def field(self, g: FloatArray) -> int:
        g = g.astype(np.float64)
        k = int(g.argmax())
        field, score = k, g[k]
        weights = np.arange(1, (1 << self.coefficients) + 1) / (1 << self.coefficients)
        for _ in range(self.atoms - 1):
            g[k] = -np.inf
            k = int(g.argmax())
            after = (weights * score + (1 - weights) * g[k]) / np.hypot(weights, 1 - weights)
            best = int(after.argmax())
            field = (field << self._index_bits | k) << self.coefficients | best
            score = after[best]
        return field

    def combination(self, field: int, owner: str) -> Combination:
        c, width = self.coefficients, self._index_bits + self.coefficients
        indices, w = [field >> (self.atoms - 1) * width], np.ones(1)
        for i in reversed(range(self.atoms - 1)):
            step = field >> i * width & (1 << width) - 1
            g = ((step & (1 << c) - 1) + 1) / (1 << c)
            indices.append(step >> c)
            w = np.append(g * w, 1 - g) / math.sqrt(g * g + (1 - g) * (1 - g))
        if len(set(indices)) < self.atoms:
            raise ChannelError(owner, "one atom is named twice")
        return np.array(indices, np.int64), w

    @property
    def _index_bits(self) -> int:
        return self.entries.bit_length() - 1
