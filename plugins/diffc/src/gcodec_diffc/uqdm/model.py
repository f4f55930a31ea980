"""The networks in floating point: what is trained. `gcodec_diffc.uqdm.integer` has the exact twin of `Prior`.

`Prior` predicts, for a stage and from coarse to fine, a mean and a log2 scale of every detail from what the stages before
left of it (an interval) and from what this stage has sent already; its weights serve all levels and stages, which differ
in gains and biases. `Restorer` estimates the picture from what has been received; nothing that is parsed depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec_diffc.uqdm.schedule import (
    GROUPS,
    LAYERS,
    LEVELS,
    STAGES,
    WIDTH,
    weight,
)

__all__ = [
    "Config",
    "Prior",
    "Restorer",
    "Uqdm",
    "difference_features",
    "network_config",
    "value_features",
]

#: Limits on features, on means (in widths) and on log2 scales (of widths).
LIMIT = 15.0
SCALE_MIN, SCALE_MAX = -8.0, 5.0
#: What every cell gets besides its logistic mass.
FLOOR = 2.0**-14


@dataclass(frozen=True)
class Config:
    """Sizes; part of a model's config.json.

    width, passed  channels of `Prior`, and of those handed to the next finer level.
    restore        channels of `Restorer` at 1/2, 1/4 and 1/8 of the resolution.
    """

    width: int = 40
    passed: int = 24
    restore: tuple[int, int, int] = (16, 40, 64)


def network_config(config: Mapping[str, Any]) -> Config:
    """The sizes in a model's config.json. Raises KeyError, TypeError."""
    return Config(**{**config["network"], "restore": tuple(config["network"]["restore"])})


def log_magnitude(v: Tensor) -> Tensor:
    """log2(1 + |v|), linear between powers of two: exact in fixed point."""
    mantissa, exponent = torch.frexp(1 + v.abs())
    return exponent - 2 + 2 * mantissa


def value_features(v: Tensor) -> Tensor:
    """Values in widths [B, C, h, w] -> [B, 2 C, h, w]: limited, and log magnitude."""
    return torch.cat([v.clamp(-LIMIT, LIMIT), log_magnitude(4 * v).clamp(max=LIMIT)], 1)


def difference_features(average: Tensor, scale: Tensor) -> Tensor:
    """Averages [B, 3, h, w], factors [1, 3, 1, 1] -> features [B, 12, h, w] of their differences along rows, columns."""
    x = average * scale
    padded = F.pad(x, (0, 1, 0, 1), mode="replicate")
    return value_features(torch.cat([padded[..., :-1, 1:] - x, padded[..., 1:, :-1] - x], 1))


class Modulated(nn.Module):
    """Convolution, then a gain and a bias per row (stage and level) and channel."""

    def __init__(self, inputs: int, outputs: int, kernel: int, rows: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.gain = nn.Parameter(torch.ones(rows, outputs))
        self.bias = nn.Parameter(torch.zeros(rows, outputs))

    def forward(self, x: Tensor, row: int) -> Tensor:
        weight = self.conv.weight * self.gain[row][:, None, None, None]
        return F.conv2d(x, weight, self.bias[row], padding=self.conv.padding)


class Prior(nn.Module):
    """See the module. Rows are LEVELS * stage + level - 1."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, rows = config.width, STAGES * LEVELS
        self.passed = config.passed
        self.first = Modulated(12 + 18 + config.passed, width, 3, rows)
        self.second = Modulated(width, width, 3, rows)
        self.third = Modulated(width, width, 3, rows)
        self.spread = Modulated(width, width, 1, rows)
        self.known = nn.ModuleList(Modulated(2 * len(group), width, 3, rows) for group in GROUPS)
        self.hidden = nn.ModuleList(Modulated(width, width, 1, rows) for _ in GROUPS)
        self.out = nn.ModuleList(Modulated(width, 2 * len(g), 1, rows) for g in GROUPS)
        self.hand = Modulated(width, 4 * config.passed, 1, rows)
        for out in self.out.children():
            assert isinstance(out, Modulated)
            nn.init.normal_(out.conv.weight, std=0.01)

    def trunk(self, inputs: Tensor, row: int) -> Tensor:
        x = F.relu(self.first(inputs, row))
        y = F.relu(self.second(x, row))
        y = F.relu(self.third(y, row) + x)
        return self.spread(y, row)

    def level(
        self,
        row: int,
        average: Tensor,
        before: Tensor,
        handed: Tensor,
        after: Callable[[int, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """One level: calls after(group, means, log2 scales), which returns the values sent, in widths; hands on.

        average  difference features of the average [B, 12, h, w]; before: value features [B, 18, h, w] of the details.
        """
        u = self.trunk(torch.cat([average, before, handed], 1), row)
        for index in range(len(GROUPS)):
            hidden = F.relu(self.hidden[index](F.relu(u), row))
            mean, scale = self.out[index](hidden, row).float().chunk(2, 1)
            sent = after(index, mean.clamp(-LIMIT, LIMIT), scale.clamp(SCALE_MIN, SCALE_MAX))
            u = u + self.known[index](value_features(sent), row)
        return F.pixel_shuffle(F.relu(self.hand(F.relu(u), row)), 2)


class Restorer(nn.Module):
    """Picture from picture: a small U-Net at 1/2, 1/4 and 1/8 of the resolution; rows are received layers."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        rows = LAYERS - 1
        a, b, c = config.restore
        self.enter = Modulated(15, a, 3, rows)
        self.down1 = Modulated(4 * a, b, 1, rows)
        self.a1, self.a2 = Modulated(a, a, 3, rows), Modulated(a, a, 3, rows)
        self.b1, self.b2 = Modulated(b, b, 3, rows), Modulated(b, b, 3, rows)
        self.b3, self.b4 = Modulated(b, b, 3, rows), Modulated(b, b, 3, rows)
        self.down2 = Modulated(4 * b, c, 1, rows)
        self.c = nn.ModuleList(Modulated(c, c, 3, rows) for _ in range(4))
        self.up2 = Modulated(c, 4 * b, 1, rows)
        self.up1 = Modulated(b, 4 * a, 1, rows)
        self.leave = Modulated(a, 12, 3, rows)
        nn.init.zeros_(self.leave.conv.weight)

    def forward(self, rgb: Tensor, sigma: float, row: int) -> Tensor:
        """RGB in grey levels [B, 3, H, W], sides multiples of 8; their noise -> estimate of the same shape."""
        mean = F.avg_pool2d(rgb, 8)
        high = F.pixel_unshuffle(rgb - F.interpolate(mean, scale_factor=8.0, mode="nearest"), 2)
        low = F.interpolate(mean, scale_factor=4.0, mode="nearest") / 64 - 2
        x = F.relu(self.enter(torch.cat([(high / (2 * sigma)).clamp(-LIMIT, LIMIT), low], 1), row))
        x = x + self.a1(x, row)
        y = F.relu(self.down1(F.pixel_unshuffle(x, 2), row))
        y = y + self.b2(F.relu(self.b1(y, row)), row)
        z = F.relu(self.down2(F.pixel_unshuffle(y, 2), row))
        z = z + self.c[1](F.relu(self.c[0](z, row)), row)
        z = z + self.c[3](F.relu(self.c[2](z, row)), row)
        y = y + F.pixel_shuffle(self.up2(z, row), 2)
        y = y + self.b4(F.relu(self.b3(y, row)), row)
        x = x + F.pixel_shuffle(self.up1(y, row), 2)
        x = F.relu(x + self.a2(F.relu(x), row))
        return rgb + sigma * F.pixel_shuffle(self.leave(x, row), 2).float()


class Uqdm(nn.Module):
    """Both networks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.prior = Prior(config)
        self.restorer = Restorer(config)


def cell_bits(
    mean: Tensor,
    log_scale: Tensor,
    cell: tuple[Tensor, Tensor],
    support: tuple[Tensor, Tensor],
    cells: Tensor,
) -> Tensor:
    """-log2 of the mass of a cell (a, b) of a logistic density cut off outside `support`, of `cells` cells.

    All in widths. The prior of (Yang et al. 2025, eq. 13), given the offset of the lattice, and no wider than what is
    known: Delta (F(b) - F(a)).
    """
    inverse = torch.exp2(-log_scale)
    own = _mass(*((edge - mean) * inverse for edge in cell))
    every = _mass(*((edge - mean) * inverse for edge in support))
    return -torch.log2((own + FLOOR) / (every + cells * FLOOR))


def _mass(a: Tensor, b: Tensor) -> Tensor:
    # On the side where the sigmoid is small its differences keep their digits.
    flip = (a + b) > 0
    a, b = torch.where(flip, -b, a), torch.where(flip, -a, b)
    return (torch.sigmoid(b) - torch.sigmoid(a)).clamp(min=0)


def average_scale(level: int, stage: int) -> Tensor:
    """Factors that bring averages above `level` to widths of the details there: [1, 3, 1, 1]."""
    return torch.tensor([weight(level, 3 * c) / WIDTH[stage] for c in range(3)]).view(1, 3, 1, 1)
