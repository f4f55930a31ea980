"""The network in floating point, to train, and what it says of samples in bits. The integers: `gcodec_lossless.network`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec_lossless.features import EXTRAS, POINT, SEEN
from gcodec_lossless.law import LEAST, MOST, PARTS

__all__ = ["Config", "Law", "bits"]

#: Widths of the first parts of a mixture before training, in octaves of the mean error nearby.
_BEGIN = (-1.2, -0.3, 0.8)
_ONE = 1 << POINT


@dataclass(frozen=True)
class Config:
    """The table [network].

    trunk, head  widths of the trunk's two layers, and of a head's first two.
    beside       whether it sees a companion.
    begin        a model of the same widths that sees none, from which it starts; "" for none.
    """

    trunk: tuple[int, int] = (112, 80)
    head: tuple[int, int] = (64, 32)
    beside: bool = False
    begin: str = ""

    def __post_init__(self) -> None:
        if min(*self.trunk, *self.head) < 1:
            raise ValueError("a layer has one output or more")


def _slope(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 1 / 8)


class _Trunk(nn.Module):
    def __init__(self, inputs: int, first: int, second: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, first), nn.Linear(first, second)


class _Head(nn.Module):
    def __init__(self, inputs: int, wide: int, narrow: int) -> None:
        super().__init__()
        self.first, self.hidden = nn.Linear(inputs, wide), nn.Linear(wide, narrow)
        self.out = nn.Linear(narrow, 3 * PARTS)
        self.out.weight.data *= 0.1
        self.out.bias.data[:] = torch.tensor([0.5, 0, -0.5, 0, 0, 0, *_BEGIN])


class Law(nn.Module):
    """Inputs in parts of one, as `gcodec_lossless.features` makes them in 1/64, to the parameters of laws."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.trunk = _Trunk(SEEN[config.beside], *config.trunk)
        self._extras = EXTRAS[config.beside]
        heads = (_Head(config.trunk[1] + extra, *config.head) for extra in self._extras)
        self.heads = nn.ModuleList(heads)

    def layers(self) -> dict[str, nn.Linear]:
        """All layers, by the names that a model's file has for them."""
        return {
            name.replace("heads.", "head"): layer
            for name, layer in self.named_modules()
            if isinstance(layer, nn.Linear)
        }

    def forward(self, seen: Tensor, extras: Tensor) -> Tensor:
        """[n, SEEN] and [n, extras] to [n, 3, 9]: of each channel logits, means, logarithms of widths."""
        shared = _slope(self.trunk.second(_slope(self.trunk.first(seen))))
        made = []
        for head, own in zip(self.heads, extras.split(self._extras, 1), strict=True):
            assert isinstance(head, _Head)
            x = _slope(head.first(torch.cat([shared, own], 1)))
            made.append(head.out(_slope(head.hidden(x))))
        return torch.stack(made, 1)


def bits(made: Tensor, near: Tensor, samples: Tensor, top: Tensor) -> Tensor:
    """Bits of samples [n, 3] from 0 to top [n, 1] under the laws [n, 3, 9].

    near  [3, n, 3]: prediction and spread in 1/64 sample, logarithm of the spread in 1/16 octave.
    """
    prediction, spread, level = near
    logits, means, widths = made.split(PARTS, 2)
    centre = (prediction / _ONE)[..., None] + means * (spread / _ONE)[..., None]
    octaves = ((level / 16)[..., None] + widths).clamp(LEAST / 16, MOST / 16) - POINT
    inverse = torch.exp2(-octaves)
    away = samples[..., None] - centre
    last, first = (samples >= top)[..., None], (samples <= 0)[..., None]
    above = torch.where(last, 40.0, (away + 0.5) * inverse)
    below = torch.where(first, -40.0, (away - 0.5) * inverse)
    # On the side where the distribution function is small its differences are exact.
    side = torch.where(above + below > 0, -1.0, 1.0)
    mass = (torch.sigmoid(side * above) - torch.sigmoid(side * below)).abs()
    log_mass = torch.log(mass.clamp_min(1e-12))
    z = away * inverse
    density = z - 2 * F.softplus(z) - octaves * math.log(2)
    log_mass = torch.where((mass < 1e-6) & ~(last | first), density, log_mass)
    total = torch.logsumexp(torch.log_softmax(logits, 2) + log_mass, 2)
    # No frequency is below 2**-24.
    floor = torch.full_like(total, -24 * math.log(2))
    return -torch.logaddexp(total, floor) / math.log(2)
