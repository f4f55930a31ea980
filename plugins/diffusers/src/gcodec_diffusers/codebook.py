"""Tokens: a vector quantizer on the latent space, with finite scalar quantization for its codebook.

Mentzer et al. 2024, "Finite scalar quantization: VQ-VAE made simple": a few bounded channels are rounded to a few levels
each, and the product of the levels is the codebook. No entry can die, every index is valid, and which index a vector
gets is a rounding, not a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from gcodec.errors import InvalidArgument
from gcodec_diffusers.autoencoder import Residual

__all__ = ["LatentCodebook"]


class LatentCodebook(nn.Module):
    """Latents [B, C, s h, s w] to indices [B, h, w] below `entries`, and those to an estimate of the latents.

    deviation  of every latent channel, [C].
    levels     of every quantized channel, each at least 2; their product is the number of entries.
    stride     s, a power of 2.
    width, blocks   channels and residual blocks of the decoder; the encoder has half the blocks.
    error      deviation [C] of the estimate's error, for those who use it; measured after training.
    """

    def __init__(
        self,
        deviation: Sequence[float],
        levels: Sequence[int] = (8, 8, 4, 4),
        stride: int = 2,
        width: int = 48,
        blocks: int = 4,
        error: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        channels = len(deviation)
        self.stride, self.entries = stride, prod(levels)
        self.register_buffer("deviation", torch.tensor(deviation), persistent=False)
        self.register_buffer("error", torch.tensor(error or deviation), persistent=False)
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        radix = [prod(levels[:i]) for i in range(len(levels))]
        self.register_buffer("radix", torch.tensor(radix), persistent=False)
        samples = channels * stride**2
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(stride),
            nn.Conv2d(samples, width, 1),
            *(Residual(width) for _ in range(blocks // 2)),
            nn.SiLU(),
            nn.Conv2d(width, len(levels), 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(len(levels), width, 3, padding=1),
            *(Residual(width) for _ in range(blocks)),
            nn.SiLU(),
            nn.Conv2d(width, samples, 1),
            nn.PixelShuffle(stride),
        )

    deviation: Tensor
    error: Tensor
    levels: Tensor
    radix: Tensor

    def bounded(self, z: Tensor) -> Tensor:
        """What is rounded: [B, len(levels), h, w], channel i within (-1/2, levels[i] - 1/2)."""
        e = self.encoder(z / self.deviation[:, None, None]).float()
        half = self.levels[:, None, None] / 2
        return (torch.tanh(e) + 1) * half - 0.5

    def expand(self, codes: Tensor) -> Tensor:
        """The estimate [B, C, s h, s w] of the latents from rounded channels [B, len(levels), h, w]."""
        half = (self.levels[:, None, None] - 1) / 2
        estimate: Tensor = self.decoder(codes / half - 1).float()
        return estimate * self.deviation[:, None, None]

    def quantize(self, z: Tensor) -> Tensor:
        """int64 indices [B, h, w] of latents [B, C, s h, s w]. Raises InvalidArgument for what no index stands for."""
        soft = self.bounded(z)
        if not soft.isfinite().all():
            raise InvalidArgument("tokens of values that are not finite; damaged weights make such")
        codes = torch.minimum(soft.round().clamp(min=0), self.levels[:, None, None] - 1)
        return (codes.long() * self.radix[:, None, None]).sum(1)

    def dequantize(self, indices: Tensor) -> Tensor:
        """The estimate [B, C, s h, s w] of indices [B, h, w] in 0..entries-1."""
        digits = indices[:, None] // self.radix[:, None, None] % self.levels[:, None, None]
        return self.expand(digits.float())

    def forward(self, z: Tensor) -> Tensor:
        """The estimate with the gradient of the identity for the rounding."""
        soft = self.bounded(z)
        return self.expand(soft + (soft.round() - soft).detach())
