"""The law of a sample: a mixture of three logistics, as 64 frequencies. spec/embeddings/lossless.md, section 6.

The 64 intervals lie around the middle of the mixture; each is 2**shift samples wide, and the first and the last have no end.
What lies beyond the least and the greatest sample goes to these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION
from gcodec.errors import InvalidArgument
from gcodec_lossless.features import POINT
from gcodec_lossless.waves import Ints

__all__ = ["HALF", "INTERVALS", "PARTS", "Law", "Tables", "tables"]

PARTS = 3
INTERVALS = 64
HALF = INTERVALS // 2
#: Logarithms of a scale, in 1/16 octave of 1/64 sample: 1/32 sample to 16,384.
LEAST, MOST = 16, 320
#: Numbers after the point: weights of the parts, the distribution function, and its argument.
_WEIGHT, _ONE, _ARGUMENT = 12, 22, 6
_REACH = 16 << _ARGUMENT
_EXPONENTS = 1024
_INVERSE = 24
#: A scale above which an interval has more than one sample: 11 samples. What lies beyond 31 intervals is rare even so,
#: and within a wide one all samples are taken for equally likely.
_WIDE = 16 * (POINT + 3) + 8


_ALL = np.arange(INTERVALS + 1)


@dataclass(frozen=True)
class Law:
    """Of n samples from 0 to `top`: `centre` [n], where interval 32 begins; `shift` [n]; what `sums` are made of, [3, n].

    share    weights of the parts, in 1/4096.
    start    argument of the distribution function where the centre begins, and
    inverse  by how much it grows with a sample, in 1/2**24.
    """

    logistic: Ints
    centre: Ints
    shift: Ints
    top: int
    share: Ints
    start: Ints
    inverse: Ints

    @property
    def edges(self) -> Ints:
        """Sums of the frequencies before all intervals, int64 [n, 65]."""
        found = self._sums(_ALL)
        found[:, 0], found[:, -1] = 0, 1 << PRECISION
        return found

    def ends(self, intervals: Ints) -> tuple[Ints, Ints]:
        """Sums of the frequencies before intervals [n] and behind them, [n] each."""
        low, high = self._sums(np.stack([intervals, intervals + 1], 1)).T
        low[intervals == 0], high[intervals == INTERVALS - 1] = 0, 1 << PRECISION
        return low, high

    def _sums(self, intervals: Ints) -> Ints:
        """Sums before intervals [k] or [n, k], int64 [n, k], but for what has no end."""
        ramp = intervals - HALF
        first = self.centre[:, None] + (ramp << self.shift[:, None])
        total = np.zeros(first.shape, np.int64)
        for share, start, inverse in zip(self.share, self.start, self.inverse, strict=True):
            z = ramp * (inverse << (POINT + self.shift))[:, None]
            z += start[:, None]
            z >>= _INVERSE - _ARGUMENT
            below = self.logistic.take(z, mode="clip")  # at either end beyond the table
            below *= share[:, None]
            total += below
        one = 1 << (_ONE + _WEIGHT)
        total[first <= 0] = 0
        total[first > self.top] = one
        total *= (1 << PRECISION) - INTERVALS
        total >>= _ONE + _WEIGHT
        total += intervals
        return total


class Tables:
    """Distribution function, exponential and inverse scales of a model, and the laws that they give.

    Raises KeyError for a missing tensor and InvalidArgument for one that is not as the text says.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        logistic, exponential, inverse = (
            tensors[f"law.{name}"] for name in ("logistic", "exponential", "inverse")
        )
        for name, table, size, most in (
            ("logistic", logistic, 2 * _REACH + 1, 1 << _ONE),
            ("exponential", exponential, _EXPONENTS, 1 << 15),
            ("inverse", inverse, MOST - LEAST + 1, 1 << _INVERSE),
        ):
            if table.dtype != np.int32 or table.shape != (size,):
                raise InvalidArgument(
                    f"law.{name} is {table.dtype} {table.shape}, not int32 {(size,)}"
                )
            if table.min() < 0 or table.max() > most:
                raise InvalidArgument(f"law.{name} goes beyond 0 to {most}")
        if (np.diff(logistic) < 0).any() or not exponential[0]:
            raise InvalidArgument("law.logistic falls, or law.exponential begins with 0")
        self._logistic, self._exponential, self._inverse = (
            table.astype(np.int64) for table in (logistic, exponential, inverse)
        )

    def law(self, weights: Ints, means: Ints, levels: Ints, top: int) -> Law:
        """Of n samples from 0 to `top`; [3, n] each.

        weights  logarithms, in 1/64.
        means    in 1/64 sample.
        levels   logarithms of scales, in 1/16 octave of 1/64 sample.
        """
        share = self._exponential[np.minimum(weights.max(0) - weights, _EXPONENTS - 1)]
        share = (share << _WEIGHT) // share.sum(0)
        share[0] += (1 << _WEIGHT) - share.sum(0)
        levels = np.clip(levels, LEAST, MOST)
        shift = np.maximum((levels.max(0) - _WIDE + 15) >> 4, 0)
        middle = (share * means).sum(0) >> _WEIGHT
        centre = np.clip((middle + (1 << (POINT - 1))) >> POINT, 0, top)
        inverse = self._inverse[levels - LEAST]
        start = ((centre << POINT) - (1 << (POINT - 1)) - means) * inverse
        start += _REACH << (_INVERSE - _ARGUMENT)
        return Law(self._logistic, centre, shift, top, share, start, inverse)


def tables() -> dict[str, NDArray[np.int32]]:
    """The tables of a new model. Made once, with floating point; what decides is what the model's file holds."""
    points = np.arange(-_REACH, _REACH + 1) / (1 << _ARGUMENT)
    logistic = np.rint((1 << _ONE) / (1 + np.exp(-points)))
    exponential = np.rint(2.0**15 * np.exp(-np.arange(_EXPONENTS) / 64))
    inverse = np.rint(2.0 ** (_INVERSE - np.arange(LEAST, MOST + 1) / 16))
    return {
        "law.logistic": logistic.astype(np.int32),
        "law.exponential": exponential.astype(np.int32),
        "law.inverse": inverse.astype(np.int32),
    }
