"""The entropy model as trained: a hyperprior and four frequency groups coded one after the other.

After Balle et al. 2018 (hyperprior), Minnen et al. 2018 (means, context) and He et al. 2022
(ELIC: uneven channel groups, checkerboard). Latents in quantization steps are split into groups
of channels, most variance first; the first two groups are coded in two checkerboard passes. Each
pass predicts, from the hyperprior and from everything coded before, a mean (a multiple of 1/16)
and a log2 scale per element; the symbol is the rounded difference from the mean, under a
zero-mean logistic density of that scale.

Everything here has an exact integer twin in `gcodec_ntc.integer`, which is what codes files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.mean_scale import (
    LOG_SCALE_MAX,
    LOG_SCALE_MIN,
    MEAN_UNIT,
    SLOPE,
    Head,
    checkerboard,
    features,
    lerp,
    logistic_bits,
    noisy_bits,
    ste_round,
)
from gcodec_ntc.transform import HyperEncoder, HyperEncoderConfig

PRIOR_SPEED = 8.0  # no network stands before the prior's parameters: they must move by themselves


@dataclass(frozen=True)
class EntropyConfig:
    """Sizes of the entropy model; part of a model's config.json."""

    groups: tuple[int, ...] = (16, 48, 96, 160)
    hyper: int = 32
    hyper_width: int = 96
    features: int = 64
    width: int = 128
    reduced: tuple[int, int] = (48, 64)
    knots: int = 17


@torch.no_grad()
def decide(d: Tensor, log_scale: Tensor, trade: float) -> Tensor:
    """Rate-distortion optimised rounding of `d`: the nearest integer or the next one towards 0.

    The latter where it saves more bits than `trade` times the added squared error.
    """
    nearest = torch.round(d)
    which = nearest.ne(0).nonzero(as_tuple=True)
    some, near, scale = d[which].abs(), nearest[which].abs(), log_scale[which]
    saved = logistic_bits(near, scale) - logistic_bits(near - 1, scale)
    added = (some - near + 1).square() - (some - near).square()
    nearest[which] -= torch.sign(nearest[which]) * (saved > trade * added)
    return nearest


class EntropyModel(HyperEncoder):
    """Hyper encoder, hyper decoder and the six coding passes."""

    def __init__(self, config: EntropyConfig) -> None:
        super().__init__(
            HyperEncoderConfig(sum(config.groups), config.hyper, config.hyper_width, config.knots)
        )
        self.config = config
        g0, g1, g2, g3 = config.groups
        size = config.features
        self.prior_q = nn.Parameter(torch.zeros(config.knots, 2 * config.hyper))
        self.decode1 = nn.Conv2d(config.hyper, config.width, 3, padding=1)
        self.decode_q = nn.Parameter(torch.zeros(config.knots, config.width))
        self.decode2 = nn.Conv2d(config.width, 4 * size, 1)
        self.reduce1 = nn.Conv2d(2 * g1, config.reduced[0], 1)
        self.reduce2 = nn.Conv2d(2 * g2, config.reduced[1], 1)
        r1, r2 = config.reduced
        seen: tuple[dict[str, tuple[int, int]], ...] = (
            {},
            {"own": (2 * g0, 3)},
            {"low": (2 * g0, 3)},
            {"low": (2 * g0, 3), "own": (2 * g1, 3)},
            {"low": (2 * g0, 3), "middle": (r1, 3)},
            {"low": (2 * g0, 1), "middle": (r1, 3), "high": (r2, 3)},
        )
        self.heads = nn.ModuleList(
            Head(config.width, config.knots, channels, hyper=(size, 1), **inputs)
            for channels, inputs in zip((g0, g0, g1, g1, g2, g3), seen, strict=True)
        )

    def prior_knots(self) -> Tensor:
        """Means and log2 scales of the hyper-latents at the quality knots, [K, 2 hyper]."""
        return self.prior_q * PRIOR_SPEED

    def prior(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log2 scale of the hyper-latents, [B, hyper, 1, 1] each."""
        mean, log_scale = lerp(self.prior_knots(), q)[:, :, None, None].chunk(2, 1)
        mean = ste_round(mean * MEAN_UNIT) / MEAN_UNIT
        return mean, log_scale.clamp(LOG_SCALE_MIN, LOG_SCALE_MAX)

    def hyper_features(self, z: Tensor, q: Tensor, h: int, w: int) -> Tensor:
        """Decoded hyper-latents -> features [B, features, h, w]."""
        u = self.decode1(z) + lerp(self.decode_q, q)[:, :, None, None]
        u = self.decode2(F.leaky_relu(u, SLOPE))
        return F.leaky_relu(F.pixel_shuffle(u, 2), SLOPE)[:, :, :h, :w]

    def passes(
        self, q: Tensor, hyper: Tensor, decoded: list[Tensor]
    ) -> Iterator[tuple[int, bool | None, tuple[Tensor, Tensor]]]:
        """Yield (group, parity, parameters) of each pass in coding order.

        `decoded` is the caller's: before asking for the next pass it must hold the values of all
        groups coded so far (zeros at elements of the second checkerboard pass not yet coded).
        """
        heads = self.heads
        yield 0, True, heads[0](q, hyper=hyper)
        yield 0, False, heads[1](q, hyper=hyper, own=features(decoded[0]))
        low = features(decoded[0])
        yield 1, True, heads[2](q, hyper=hyper, low=low)
        yield 1, False, heads[3](q, hyper=hyper, low=low, own=features(decoded[1]))
        middle = F.leaky_relu(self.reduce1(features(decoded[1])), SLOPE)
        yield 2, None, heads[4](q, hyper=hyper, low=low, middle=middle)
        high = F.leaky_relu(self.reduce2(features(decoded[2])), SLOPE)
        yield 3, None, heads[5](q, hyper=hyper, low=low, middle=middle, high=high)

    def forward(
        self, v: Tensor, q: Tensor, noise: bool, trade: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Quantize (see `decide` for `trade`) and rate latents in steps.

        Returns the quantized latents, the bits [B] of the symbols and, if `noise`, the bits [B]
        with uniform noise in place of rounding (Balle et al. 2017), else zeros. Gradients: the
        first reach scales; the second `v` and the means, which a rounded difference from
        themselves could not teach; quantized latents pass theirs to `v` (straight through) and to
        the means (which they contain).
        """
        h, w = v.shape[2:]
        z = self.hyper_latent(v.detach(), q)
        mean, log_scale = self.prior(q)
        symbols = ste_round(z - mean)
        bits = logistic_bits(symbols.detach(), log_scale).flatten(1).sum(1)
        soft = noisy_bits(z, mean, log_scale).flatten(1).sum(1) if noise else bits * 0
        hyper = self.hyper_features(symbols + mean, q, h, w)

        anchor = checkerboard(h, w).to(v.dtype)
        decoded: list[Tensor] = []
        through: list[Tensor] = []
        parts = v.split(self.config.groups, 1)
        for group, parity, (mean, log_scale) in self.passes(q, hyper, decoded):
            part = parts[group]
            fixed = mean.detach()
            symbols = decide(part.detach() - fixed, log_scale.detach(), trade)
            mask = 1.0 if parity is None else anchor if parity else 1 - anchor
            bits = bits + (logistic_bits(symbols, log_scale) * mask).flatten(1).sum(1)
            if noise:
                soft = soft + (noisy_bits(part, mean, log_scale) * mask).flatten(1).sum(1)
            value = (symbols + fixed) * mask
            loose = (part - part.detach() + mean - fixed) * mask + value
            if parity is False:
                value, loose = decoded[group] + value, through[group] + loose
                decoded[group], through[group] = value, loose
            else:
                decoded.append(value)
                through.append(loose)
        return torch.cat(through, 1), bits, soft
