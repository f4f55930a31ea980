"""The sender's choice of tokens: those that the prior expects, where the latent is not much the worse for it.

Rate-distortion optimised quantization, digit by digit in coding order: the value k that minimises

    lambda * -log2 P(digit = k | before) + (growth of the squared error of the latent for k instead of the nearest)

is sent. The growth is a parabola through what the codebook's own decoder says of the digit one lower and one higher, with
all other tokens as they are; that a choice changes what later tokens cost is neglected. The receiver does not see any of
this: a token is a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION
from gcodec.networks import Codebook
from gcodec_ldm.perco.prior import Visit, digits_of

if TYPE_CHECKING:
    from gcodec.integers import Ints
    from gcodec.signals import FloatArray, IntArray

__all__ = ["Choice", "Growth"]

#: Tokens a side of the square over which the error of one changed token is counted; one in each changes at a time.
_REACH = 3


class Growth:
    """How the squared error of a latent grows as digits leave their nearest values.

    digits             of the nearest tokens, [positions, digits].
    slope, curvature   of the parabola, [positions, digits].
    """

    def __init__(self, book: Codebook, latent: FloatArray, levels: Sequence[int]) -> None:
        tokens = book.quantize(latent)
        self.digits: Ints = digits_of(tokens, levels).reshape(-1, len(levels))
        down, up = (self._one_off(book, latent, tokens, levels, step) for step in (-1, 1))
        # Where a digit has a neighbour on one side only, the other side is taken to be as bad.
        down, up = np.where(np.isnan(down), up, down), np.where(np.isnan(up), down, up)
        self.slope: FloatArray = (up - down) / 2
        self.curvature: FloatArray = np.maximum((up + down) / 2, 0)

    def _one_off(
        self,
        book: Codebook,
        latent: FloatArray,
        tokens: IntArray,
        levels: Sequence[int],
        step: int,
    ) -> FloatArray:
        """Growth for each digit one `step` away, [positions, digits]; NaN where it has no such value."""
        radix = [prod(levels[:i]) for i in range(len(levels))]
        before = _errors(book, latent, tokens)
        made = np.full((*tokens.shape, len(levels)), np.nan, np.float32)
        for i, level in enumerate(levels):
            moved = digits_of(tokens, levels)[..., i] + step
            can = (moved >= 0) & (moved < level)
            for row in range(_REACH):
                for column in range(_REACH):
                    which = np.zeros_like(can)
                    which[row::_REACH, column::_REACH] = can[row::_REACH, column::_REACH]
                    changed = np.where(which, tokens + step * radix[i], tokens).astype(np.int32)
                    grown = _neighbourhoods(_errors(book, latent, changed) - before)
                    made[which, i] = grown[which]
        return made.reshape(-1, len(levels))


class Choice:
    """A `gcodec_ldm.perco.prior.Visitor` that chooses; trade: lambda, squared error a bit."""

    def __init__(self, growth: Growth, trade: float) -> None:
        self._growth, self._trade = growth, trade

    def __call__(self, visit: Visit) -> Ints:
        at = visit.positions, visit.digit
        nearest = self._growth.digits[at]
        if not self._trade:
            return nearest
        off = np.arange(visit.frequencies.shape[1]) - nearest[:, None]
        slope, curvature = self._growth.slope[at][:, None], self._growth.curvature[at][:, None]
        bits = PRECISION - np.log2(visit.frequencies)
        cost = self._trade * bits + curvature * off**2 + slope * off
        chosen: Ints = cost.argmin(1).astype(np.int32)
        return chosen


def _errors(book: Codebook, latent: FloatArray, tokens: IntArray) -> NDArray[np.float32]:
    """Squared error of the latent over each token's own positions, [h, w]."""
    _, rows, columns = latent.shape
    estimate, _ = book.dequantize(tokens, (rows, columns))
    error = np.square(estimate - latent).sum(0)
    h, w = tokens.shape
    s = book.stride
    whole = np.zeros((h * s, w * s), np.float32)
    whole[: error.shape[0], : error.shape[1]] = error
    summed: NDArray[np.float32] = whole.reshape(h, s, w, s).sum((1, 3))
    return summed


def _neighbourhoods(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over squares of `_REACH` tokens a side around each."""
    h, w = values.shape
    padded = np.pad(values, _REACH // 2)
    return np.sum([padded[i : i + h, j : j + w] for i in range(_REACH) for j in range(_REACH)], 0)
