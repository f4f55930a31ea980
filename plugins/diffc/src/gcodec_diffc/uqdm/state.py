"""What a receiver knows of the coefficients: an interval each, made narrower by every stage.

Positions are integers in units of 2**-9 grey levels; intervals are [lo, hi). A step of the diffusion is a universal
quantizer: cell k of a coefficient is [k C - o, (k + 1) C - o), with C the step's width and o = u C the dither. That the
centre of the cell, c, is uniform around x and independent of it is the whole of channel simulation here (Yang et al.
2025, eq. 11; `gcodec_diffc.channels.Dithered`); the state of the diffusion is y_s = w y_t + (1 - w) c. What is kept
instead is the intersection of the cells, from which y_s adds nothing to what is known of x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from gcodec.channels import Common
from gcodec.randomness import Randomness
from gcodec_diffc.channels._dithered import Dithered
from gcodec_diffc.channels._logistic import Ints
from gcodec_diffc.uqdm import lifting
from gcodec_diffc.uqdm.integer import FEATURE_BITS, rounded_ratio
from gcodec_diffc.uqdm.schedule import (
    LEVELS,
    LOSSLESS,
    WIDTH,
    bounds,
    top_bounds,
    top_weight,
    weight,
)

__all__ = ["ESTIMATE_BITS", "Cells", "Coefficients", "State", "finer", "values"]

ESTIMATE_BITS = 6  # estimates of n and averages are in units of 1/64


@dataclass(frozen=True)
class Cells:
    """Cells that a stage offers: edge of the first one, width, counts [..., h, w, C], and the support [lo, hi)."""

    edge: Ints
    width: Ints
    counts: Ints
    lo: Ints
    hi: Ints

    def symbols(self, x: Ints) -> Ints:
        """The cells in which positions lie, counted from the first."""
        return (x - self.edge) // self.width

    def narrowed(self, symbols: Ints) -> tuple[Ints, Ints]:
        """Interval of cell `symbols`, counted from the first."""
        lo = self.edge + symbols * self.width
        return np.maximum(self.lo, lo), np.minimum(self.hi, lo + self.width)

    def around(self, x: Ints) -> tuple[Ints, Ints]:
        """Interval of the cell in which each position lies."""
        return self.narrowed(self.symbols(x))

    def of(self, channels: slice) -> Cells:
        """Those of some channels."""
        fields = (self.edge, self.width, self.counts, self.lo, self.hi)
        return Cells(*(part[..., channels] for part in fields))


@dataclass
class Coefficients:
    """Coefficients [..., h, w, C]: weights W [C], intervals, place of the first among the draws of dither."""

    weights: Ints
    lo: Ints
    hi: Ints
    start: int

    def cells(self, stage: int, randomness: Randomness) -> Cells:
        """The cells that `stage` offers."""
        lo, hi, weights = self.lo, self.hi, self.weights
        if stage == LOSSLESS:
            # Cell n is W wide, and W n lies in it.
            first, last = -(-lo // weights), (hi - 1) // weights
            edge, counts = first * weights - (weights >> 1), np.maximum(last - first + 1, 1)
            width = np.broadcast_to(weights, lo.shape)
            return Cells(edge, width, counts, edge, edge + counts * width)
        channel = Dithered(WIDTH[stage])
        dither = channel.dither(Common(randomness, stage), lo.shape, self.start)
        first, last = channel.cell(lo, dither), channel.cell(hi - 1, dither)
        width = np.broadcast_to(channel.width, lo.shape)
        return Cells(channel.edge(first, dither), width, last - first + 1, lo, hi)

    def estimate(self) -> Ints:
        """Estimates of n in 1/64: exact where one integer is left, else the value that stands for the interval."""
        first, last = -(-self.lo // self.weights), (self.hi - 1) // self.weights
        value = (_twice(self.lo, self.hi) << (ESTIMATE_BITS - 1)) // self.weights
        return np.where(first == last, first << ESTIMATE_BITS, value)

    def integers(self) -> Ints:
        """n, once the lossless stage has sent it."""
        return -(-self.lo // self.weights)


def _twice(lo: Ints, hi: Ints) -> Ints:
    """Twice the value that stands for an interval: 0 where possible, as details crowd around it, else the midpoint."""
    return np.where((lo <= 0) & (hi > 0), 0, lo + hi)


def values(lo: Ints, hi: Ints, width: int) -> Ints:
    """Values that stand for intervals in units of a width, in 1/64."""
    return rounded_ratio(_twice(lo, hi) << FEATURE_BITS, 2 * width)


class State:
    """All coefficients of a picture of `height` x `width`, or of a `batch` of them; nothing is known but their ranges.

    details  of level 1, 2, ...; sides of level l are ceil(side / 2**l).
    top      the coarsest averages.
    """

    def __init__(self, height: int, width: int, batch: tuple[int, ...] = ()) -> None:
        self.sizes = [
            (-(-height // (1 << level)), -(-width // (1 << level))) for level in range(LEVELS + 1)
        ]
        ranges = [top_bounds(c) for c in range(3)]
        shape = (*batch, *self.sizes[-1])
        self.top = _unknown([top_weight(c) for c in range(3)], ranges, shape, 0)
        start = self.top.lo.size
        details = []
        for level in range(LEVELS, 0, -1):
            weights = [weight(level, c) for c in range(9)]
            shape = (*batch, *self.sizes[level])
            made = _unknown(weights, [bounds(c) for c in range(9)], shape, start)
            details.append(made)
            start += made.lo.size
        self.details = details[::-1]

    def positions(self, octets: Ints) -> list[Ints]:
        """Positions x = W n of a picture's coefficients, those of `top`, then of `details`.

        octets  [..., 3, H, W] in 0, ..., 255.
        """
        colours = np.stack(lifting.to_colours(*np.moveaxis(octets, -3, 0)), -3)
        details, top = lifting.pyramid(colours, _even)
        levels = [_flat(np.stack(bands, -3)) for bands in details]
        known = (self.top, *self.details)
        return [
            np.moveaxis(n, -3, -1) * of.weights for n, of in zip((top, *levels), known, strict=True)
        ]

    def picture(self) -> Ints:
        """Estimates of Y, Co, Cg in 1/64: [..., 3, H, W]."""
        x = self.top.estimate()
        for level in range(LEVELS, 0, -1):
            x = finer(x, self.details[level - 1].estimate(), self.sizes[level - 1])
        return np.moveaxis(x, -1, -3)

    def integers(self) -> Ints:
        """Y, Co, Cg [3, H, W], once the lossless stage has been sent."""
        x = self.top.integers()
        for level in range(LEVELS, 0, -1):
            n = self.details[level - 1].integers()
            x = _joined(lifting.merge, x, n, self.sizes[level - 1])
        return np.moveaxis(x, -1, -3)


def _unknown(
    weights: list[int], ranges: list[tuple[int, int]], size: tuple[int, ...], start: int
) -> Coefficients:
    w = np.array(weights, np.int64)
    low, high = np.array(ranges, np.int64).T
    shape = (*size, len(weights))
    lo = np.broadcast_to(low * w - (w >> 1), shape).copy()
    hi = np.broadcast_to(high * w + w - (w >> 1), shape).copy()
    return Coefficients(w, lo, hi, start)


def _halve(h: Ints) -> Ints:
    one = 1 << ESTIMATE_BITS
    exact = (((h >> ESTIMATE_BITS) + 1) >> 1) << ESTIMATE_BITS
    return np.where(h % one == 0, exact, (h >> 1) + one // 4)


def finer(average: Ints, estimates: Ints, size: tuple[int, int]) -> Ints:
    """Averages [..., h, w, 3] and details [..., h, w, 9] in 1/64 -> averages [..., *size, 3] one level finer."""
    return _joined(partial(lifting.merge_linear, halve=_halve), average, estimates, size)


def _joined(
    merge: Callable[..., None], average: Ints, details: Ints, size: tuple[int, int]
) -> Ints:
    *batch, h, w, _ = average.shape
    out = np.empty((*batch, 3, 2 * h, 2 * w), np.int64)
    bands = np.moveaxis(details, -1, -3).reshape(*batch, 3, 3, h, w)
    three = (bands[..., band, :, :] for band in range(3))
    merge(np.moveaxis(average, -1, -3), *three, out)
    return np.moveaxis(out, -3, -1)[..., : size[0], : size[1], :]


def _flat(bands: Ints) -> Ints:
    """Bands [..., 3, 3, h, w] of colours as channels [..., 9, h, w]."""
    return bands.reshape(*bands.shape[:-4], 9, *bands.shape[-2:])


def _even(x: Ints) -> Ints:
    h, w = x.shape[-2:]
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, h % 2), (0, w % 2)], mode="edge")
