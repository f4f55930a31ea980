"""The entropy model as trained: one for every bin width and both ways of rounding.

Minnen et al. 2018, "Joint autoregressive and hierarchical priors for learned image compression": mean and scale from a
hyperprior and from what was decoded before (`gcodec.entropy.model`). What it is asked about is y / Delta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gcodec.entropy.mean_scale import Head, checkerboard, logistic_bits, noisy_bits, ste_round
from gcodec.entropy.model import PRIOR_SPEED, EntropyModel
from gcodec_ldm.scalar.scale import COARSEST, FINEST

__all__ = ["LatentEntropy", "log_width"]


def log_width(q: Tensor) -> Tensor:
    """log2 of the bin width at quality q in [0, 1]."""
    return COARSEST + (FINEST - COARSEST) * q


class LatentEntropy(EntropyModel):
    """`EntropyModel` of latents whose transform is given."""

    @torch.no_grad()
    def initialise(self, deviation: Sequence[float]) -> None:
        """Begin at independent channels of these deviations, in units of the latent space."""
        q = torch.linspace(0, 1, self.config.knots)[:, None]
        # A logistic density of scale s deviates by pi s / sqrt(3).
        spread = torch.tensor(deviation)[None].log2() - log_width(q) - math.log2(math.pi / 3**0.5)
        for head, group in zip(self.heads, (0, 0, 1, 1, 2, 3), strict=True):
            assert isinstance(head, Head)
            count = self.config.groups[group]
            start = sum(self.config.groups[:group])
            head.out_q[:, count:] = spread[:, start : start + count].clamp(-4.0, 6.0)
        # The hyperprior says nothing yet, and should cost little.
        self.prior_q[:, self.config.hyper :] = -2.0 / PRIOR_SPEED

    def bits(self, y: Tensor, q: Tensor, anchored: Tensor, noise: bool) -> tuple[Tensor, Tensor]:
        """Bits [B] of latents [B, C, h, w] at quality q [B], and what teaches as well: bits under noise.

        anchored  [B], 1 where symbols are differences from means, 0 where they are multiples of the step.
        noise     whether to return, besides, the bits with uniform noise in place of the rounding that gradients do not
                  pass (Balle et al. 2017); zeros otherwise.
        """
        v = y * torch.exp2(-log_width(q))[:, None, None, None]
        h, w = v.shape[2:]
        z = self.hyper_latent(v, q)
        mean, log_scale = self.prior(q)
        symbols = ste_round(z - mean)
        bits = logistic_bits(symbols.detach(), log_scale).flatten(1).sum(1)
        soft = noisy_bits(z, mean, log_scale).flatten(1).sum(1) if noise else torch.zeros_like(bits)
        hyper = self.hyper_features(symbols + mean, q, h, w)

        a = anchored[:, None, None, None]
        even = checkerboard(h, w).to(v)
        decoded: list[Tensor] = []
        parts = v.split(self.config.groups, 1)
        for group, parity, (mean, log_scale) in self.passes(q, hyper, decoded):
            part = parts[group]
            mask = 1.0 if parity is None else even if parity else 1 - even
            origin = mean.detach() * a
            value = (part - origin).round() + origin
            # Anchored, no mean can learn from a difference from itself: it learns under noise.
            apart = value - mean * (1 - a) - origin
            bits = bits + (logistic_bits(apart, log_scale) * mask).flatten(1).sum(1)
            if noise:
                noisy = noisy_bits(part, mean, log_scale) * a
                soft = soft + (noisy * mask).flatten(1).sum(1)
            if parity is False:
                decoded[group] = decoded[group] + value * mask
            else:
                decoded.append(value * mask)
        return bits, soft
