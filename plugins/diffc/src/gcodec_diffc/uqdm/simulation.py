"""Sending pictures in floating point, one stage at a time: what training and measuring need.

The error of a universal quantizer does not depend on the networks, so what earlier stages leave of a coefficient can be
drawn without them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from gcodec_diffc.uqdm import lifting
from gcodec_diffc.uqdm.model import (
    SCALE_MIN,
    Modulated,
    Uqdm,
    average_scale,
    cell_bits,
    detail_weights,
    difference_features,
    finer,
    value_features,
)
from gcodec_diffc.uqdm.schedule import (
    GROUPS,
    LEVELS,
    LOSSLESS,
    PARTS,
    SIGMA,
    STAGES,
    STEPS,
    UNIT,
    WIDTH,
    bounds,
    top_bounds,
    top_weight,
)

__all__ = ["begin", "simulate"]

#: Of the detail channels of any picture.
_RANGES = [bounds(c) for c in range(9)]


@dataclass(frozen=True)
class Band:
    """What is known of coefficients [B, C, h, w], in grey levels of x, before and after each crop's stage.

    lo, hi: support before the stage; a, b: the cell sent in it; cells: cells in the support; weights: W;
    known: what is known of x before the stage, of which the support of the lossless one is made.
    """

    lo: Tensor
    hi: Tensor
    a: Tensor
    b: Tensor
    cells: Tensor
    weights: Tensor
    known: tuple[Tensor, Tensor]

    def nearest(self) -> Tensor:
        """What the prior's means are offsets from: the point of the support nearest to 0."""
        return torch.zeros_like(self.lo).clamp(self.lo, self.hi)

    def before(self) -> Tensor:
        """Value that stands for the support."""
        return _value(self.lo, self.hi)

    def after(self) -> Tensor:
        """Value that stands for the cell."""
        return _value(self.a, self.b)

    def estimate_before(self) -> Tensor:
        """Estimate of n before the stage."""
        return _estimate(*self.known, self.weights)

    def estimate_after(self) -> Tensor:
        """Estimate of n after it."""
        return _estimate(self.a, self.b, self.weights)


def _value(lo: Tensor, hi: Tensor) -> Tensor:
    """0 where that is possible, as details crowd around it, else the midpoint."""
    return torch.where((lo <= 0) & (hi > 0), 0, (lo + hi) / 2)


def _estimate(lo: Tensor, hi: Tensor, weights: Tensor) -> Tensor:
    first, last = torch.ceil(lo / weights - 1e-4), torch.floor(hi / weights + 1e-4)
    return torch.where(first == last, first, _value(lo, hi) / weights)


def begin(network: Uqdm, pictures: np.ndarray, rng: np.random.Generator) -> None:
    """Set the log scales that the prior begins with to those of the likeliest logistic densities, E|x| = 2 ln 2 s."""
    details, _ = _transformed(pictures, torch.device("cpu"))
    for stage in range(STAGES):
        for level in range(1, LEVELS + 1):
            n, weights = details[level - 1], detail_weights(level)
            band = _sent(n, weights, _RANGES, stage, rng)
            spread = (n * weights - band.nearest()).abs().mean((0, 2, 3))
            scale = (spread / (2 * math.log(2) * WIDTH[stage] / UNIT)).log2().clamp(min=SCALE_MIN)
            for group, out in zip(GROUPS, network.prior.out.children(), strict=True):
                assert isinstance(out, Modulated)
                out.bias.data[LEVELS * stage + level - 1, len(group) :] = scale[list(group)]


@dataclass
class _Receiver:
    """Takes the prior's densities of one level, group by group, and gives what was sent under them; counts the bits."""

    band: Band
    width: float
    bits: list[Tensor] = field(default_factory=list)

    def __call__(self, group: int, mean: Tensor, scale: Tensor) -> Tensor:
        """The values sent, in widths; see `gcodec_diffc.uqdm.model.Prior.level`."""
        some, band, width = list(GROUPS[group]), self.band, self.width
        cell = band.a[:, some] / width, band.b[:, some] / width
        support = band.lo[:, some] / width, band.hi[:, some] / width
        mean = mean + band.nearest()[:, some] / width
        own = cell_bits(mean, scale, cell, support, band.cells[:, some])
        self.bits.append(own.flatten(1).sum(1))
        return band.after()[:, some] / width


def simulate(
    network: Uqdm,
    pictures: np.ndarray,
    stage: int,
    part: int,
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Send uint8 pictures [B, H, W, 3] in one stage: bits [B], and squared error [B / 2] of previews after `part` of it.

    Sides are multiples of 64. In the lossless stage the previews are those before it.
    """
    details, top = _transformed(pictures, device)
    norm = torch.tensor([top_weight(c) / UNIT for c in range(3)], device=device).view(1, 3, 1, 1)
    band = _sent(top, norm, [top_bounds(c) for c in range(3)], stage, rng)
    bits = [band.cells.log2().flatten(1).sum(1)]
    average = band.estimate_after()
    shown = band.estimate_before() if stage == LOSSLESS else average
    size = (len(top), network.config.passed, *average.shape[2:])
    handed = torch.zeros(size, device=device)
    width = WIDTH[stage] / UNIT
    for level in range(LEVELS, 0, -1):
        band = _sent(details[level - 1], detail_weights(level).to(device), _RANGES, stage, rng)
        receiver = _Receiver(band, width, bits)
        features = difference_features(average, average_scale(level, stage).to(device))
        row, before = LEVELS * stage + level - 1, value_features(band.before() / width)
        handed = network.prior.level(row, features, before, handed, receiver)
        average = finer(average, band.estimate_after())
        new = stage < LOSSLESS and level >= PARTS[part][-1]
        shown = finer(shown, band.estimate_after() if new else band.estimate_before())
    half = (len(top) + 1) // 2
    rgb = torch.stack(lifting.rgb_linear(*shown[:half].unbind(1)), 1)
    step, last = (stage, part) if stage < LOSSLESS else (LOSSLESS - 1, len(PARTS) - 1)
    out = network.restorer(rgb, SIGMA[step], len(PARTS) * step + last)
    error = out - _tensor(pictures[:half], device)
    return torch.stack(bits).sum(0), error.square().flatten(1).mean(1)


def _tensor(pictures: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).int().to(device)


def _transformed(pictures: np.ndarray, device: torch.device) -> tuple[list[Tensor], Tensor]:
    """uint8 [B, H, W, 3] -> details [B, 9, h, w] of level 1 and up, coarsest averages [B, 3, h, w]."""
    colours = torch.stack(lifting.to_colours(*_tensor(pictures, device).unbind(1)), 1)
    details, top = lifting.pyramid(colours, lambda even: even)
    return [torch.stack(bands, 2).flatten(1, 2) for bands in details], top


def _sent(
    n: Tensor,
    weights: Tensor,
    ranges: list[tuple[int, int]],
    stage: int,
    rng: np.random.Generator,
) -> Band:
    """What the stages up to `stage` make of integers n [B, C, h, w]."""
    x = n * weights
    low, high = torch.tensor(ranges, dtype=torch.float32, device=n.device).T.view(2, 1, -1, 1, 1)
    lo, hi = ((low - 0.5) * weights).expand(x.shape), ((high + 0.5) * weights).expand(x.shape)
    for step in range(min(stage + 1, STEPS)):
        width = WIDTH[step] / UNIT
        u = torch.from_numpy(rng.random(x.shape, np.float32)).to(n.device)
        k = torch.floor(x / width + u)
        a, b = torch.maximum(lo, (k - u) * width), torch.minimum(hi, (k - u + 1) * width)
        if step == stage:
            cells = torch.ceil(hi / width + u) - torch.floor(lo / width + u)
            return Band(lo, hi, a, b, cells, weights, (lo, hi))
        lo, hi = a, b
    first, last = torch.ceil(lo / weights - 1e-4), torch.floor(hi / weights + 1e-4)
    support = (first - 0.5) * weights, (last + 0.5) * weights
    cells = (last - first + 1).clamp(min=1)
    return Band(*support, x - weights / 2, x + weights / 2, cells, weights, (lo, hi))
