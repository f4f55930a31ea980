"""The entropy model of `gcodec.entropy.model` as `ntc` trains it: with rounding that weighs bits against error."""

from __future__ import annotations

import torch
from torch import Tensor

from gcodec.entropy.mean_scale import checkerboard, logistic_bits, noisy_bits, ste_round
from gcodec.entropy.model import EntropyModel

__all__ = ["RatedModel", "decide"]


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


class RatedModel(EntropyModel):
    """Hyper encoder, hyper decoder and the six coding passes, and what they cost."""

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
