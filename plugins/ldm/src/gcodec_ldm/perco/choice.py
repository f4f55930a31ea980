"""The sender's choice of tokens: those that the prior expects, where the latent is not much the worse for it.

Rate-distortion optimised quantization, digit by digit in coding order. The value k is sent that minimises

    lambda * -log2 P(digit = k | before) + |r + (k - k0) J|^2 - |r|^2,

where k0 is the nearest value (what the codebook's encoder says), J the change of the estimated latent for one more in this
digit, measured with the codebook's decoder while all other tokens are the nearest ones, and r the error of the latent
around, as all choices so far have left it. So choices know of each other, as far as the decoder is linear; what one makes
of the bits of later tokens is neglected. The receiver does not see any of this: a token is a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION
from gcodec.models.networks import Codebook
from gcodec_ldm.digits import Visit, digits_of

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints
    from gcodec.signals import FloatArray, IntArray

__all__ = ["Choice", "Effects"]

#: Tokens a side of the square over which the effect of one token is counted; one in each is changed at a time.
_REACH = 3


class Effects:
    """What the digits of a picture's tokens do to its latent.

    digits    k0, [positions, digits].
    effect    J, float16 [positions, digits, C (3 stride)^2].
    residual  r where all tokens are the nearest, [C, h, w] with a border of one token.
    """

    def __init__(self, book: Codebook, latent: FloatArray, levels: Sequence[int]) -> None:
        self._book, self._latent = book, latent
        tokens = book.quantize(latent)
        self.shape = tokens.shape
        digits = digits_of(tokens, levels)
        self.digits: Ints = digits.reshape(-1, len(levels))
        estimate = self._estimate(tokens)
        self.residual = estimate - self._bordered(latent)
        size = len(latent) * (_REACH * book.stride) ** 2
        self.effect = np.empty((tokens.size, len(levels), size), np.float16)
        for i, level in enumerate(levels):
            unit, digit = prod(levels[:i]), digits[..., i]
            for first in product(*(range(min(_REACH, side)) for side in tokens.shape)):
                part = np.zeros(tokens.shape, bool)
                part[first[0] :: _REACH, first[1] :: _REACH] = True
                up, down = part & (digit < level - 1), part & (digit > 0)
                change = self._estimate(tokens + unit * up) - self._estimate(tokens - unit * down)
                at = np.flatnonzero(part)
                steps = np.add(up, down, dtype=np.float32).ravel()[at]
                self.effect[at, i] = change[self.window(at)].reshape(len(at), -1) / steps[:, None]

    def window(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Indices of the squares around tokens in what is bordered, [positions, C, 3 stride, 3 stride]."""
        s, (y, x) = self._book.stride, np.divmod(positions, self.shape[1])
        side = np.arange(_REACH * s)
        channels = np.arange(len(self._latent))[None, :, None, None]
        rows, columns = ((at * s)[:, None] + side for at in (y, x))
        return channels, rows[:, None, :, None], columns[:, None, None, :]

    def _estimate(self, tokens: IntArray) -> FloatArray:
        _, h, w = self._latent.shape
        return self._bordered(self._book.dequantize(tokens.astype(np.int32), (h, w))[0])

    def _bordered(self, latent: FloatArray) -> FloatArray:
        s = self._book.stride
        ends = (
            (s, s + tokens * s - side)
            for tokens, side in zip(self.shape, latent.shape[1:], strict=True)
        )
        return np.pad(latent, ((0, 0), *ends))


class Choice:
    """A `gcodec_ldm.digits.Visitor` that chooses, once for a picture; trade: lambda, squared error a bit."""

    def __init__(self, effects: Effects, trade: float) -> None:
        self._effects, self._trade = effects, trade
        self._residual = effects.residual.copy()

    def __call__(self, visit: Visit) -> Ints:
        at = visit.positions, visit.digit
        nearest = self._effects.digits[at]
        # Windows of one batch do not overlap: its tokens are three columns apart.
        window = self._effects.window(visit.positions)
        around = self._residual[window]
        effect = self._effects.effect[at].astype(np.float32).reshape(around.shape)
        square = np.square(effect).sum((1, 2, 3))[:, None]
        correlation = (effect * around).sum((1, 2, 3))[:, None]
        off = np.arange(visit.frequencies.shape[1]) - nearest[:, None]
        bits = PRECISION - np.log2(visit.frequencies)
        cost = self._trade * bits + square * off**2 + 2 * correlation * off
        chosen: Ints = cost.argmin(1).astype(np.int32)
        self._residual[window] = around + (chosen - nearest)[:, None, None, None] * effect
        return chosen
