"""The autoencoder of `base`: a linear encoder of factor 8 and a convolutional decoder, light enough for a CPU.

A latent is an overlapping linear projection of the samples (a 16x16 window every 8 samples, begun at the principal
components of 8x8 blocks and then fitted together with its inverse); decoding is a linear expansion plus the corrections
of two networks, one at stride 8 and one at stride 4. A linear encoder costs nothing, maps noise of the samples to noise
of the latent, and was there before the decoder, so that a denoiser can be trained beside it. Everything is local and
nothing is normalised over the image: a tile sees what the whole image would see, up to the receptive field.

Components are scaled by the inverse square root of their standard deviation, half way between an isometry (noise in the
latent is noise of the samples) and whitening (all channels weigh alike), and together to mean square 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec_diffusers.lapped import FACTOR

__all__ = ["LappedAutoencoder"]

_WINDOW = 2 * FACTOR
_BORDER = (_WINDOW - FACTOR) // 2
#: Stride of the second network of the decoder.
_FINE = 4


class Residual(nn.Module):
    """h + conv(silu(conv(silu(h)))), at first the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        _zero(self.second)

    def forward(self, h: Tensor) -> Tensor:
        correction: Tensor = self.second(F.silu(self.first(F.silu(h))))
        return h + correction


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class LappedAutoencoder(nn.Module):
    """Samples [B, 3, 8 h, 8 w] in [0, 1] to latents [B, C, h, w] of about unit variance, and back.

    latent_channels  C.
    width            channels of the decoder at stride 8.
    blocks           residual blocks at stride 8.
    fine_width, fine_blocks   channels and residual blocks at stride 4.
    """

    scale: Tensor

    def __init__(
        self,
        latent_channels: int = 32,
        width: int = 160,
        blocks: int = 4,
        fine_width: int = 96,
        fine_blocks: int = 2,
    ) -> None:
        super().__init__()
        self.project = nn.Conv2d(3, latent_channels, _WINDOW, FACTOR, bias=False)
        self.unproject = nn.ConvTranspose2d(
            latent_channels, 3, _WINDOW, FACTOR, padding=_BORDER, bias=False
        )
        self.register_buffer("scale", torch.ones(latent_channels))
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, width, 3, padding=1),
            *(Residual(width) for _ in range(blocks)),
            nn.SiLU(),
        )
        patch = 3 * _FINE**2
        self.refine = nn.Conv2d(width // 4 + patch, fine_width, 3, padding=1)
        self.finer = nn.Sequential(
            *(Residual(fine_width) for _ in range(fine_blocks)),
            nn.SiLU(),
            nn.Conv2d(fine_width, patch, 1),
        )
        _zero(self.finer[-1])

    def encode(self, x: Tensor) -> Tensor:
        """Latents [B, C, h, w] of samples [B, 3, 8 h, 8 w] in [0, 1]."""
        with torch.autocast(x.device.type, enabled=False):
            z: Tensor = self.project(F.pad(2 * x - 1, (_BORDER,) * 4, mode="replicate"))
            return z * self.scale[:, None, None]

    def expand(self, z: Tensor) -> Tensor:
        """The linear part of decoding: [B, C, h, w] to [B, 3, 8 h, 8 w] in about [-1, 1]."""
        x: Tensor = self.unproject(z / self.scale[:, None, None])
        return x

    def decode(self, z: Tensor) -> Tensor:
        """Samples [B, 3, 8 h, 8 w], nominally in [0, 1], of latents [B, C, h, w]."""
        z = z.contiguous(memory_format=torch.channels_last)
        # Half precision would show as bands in smooth areas; the corrections are small and may have it.
        with torch.autocast(z.device.type, enabled=False):
            linear = self.expand(z.float())
        coarse = F.pixel_shuffle(self.decoder(z), FACTOR // _FINE)
        fine = F.pixel_unshuffle(linear, _FINE)
        h = self.refine(torch.cat([coarse, fine.to(coarse.dtype)], 1))
        x = linear + F.pixel_shuffle(self.finer(h), _FINE).float()
        return (x + 1) / 2

    def forward(self, x: Tensor) -> Tensor:
        """What decoding gives of the latents of x."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def start_linear(self, samples: Tensor) -> None:
        """Begin at the principal components of the 8x8 blocks of `samples` [N, 3, H, W] in [0, 1]."""
        blocks = F.pixel_unshuffle(2 * samples - 1, FACTOR).double()
        rows = blocks.permute(0, 2, 3, 1).flatten(0, 2)
        variance, basis = torch.linalg.eigh(rows.T @ rows / len(rows))
        count = len(self.scale)
        deviation = variance.flip(0)[:count].sqrt()
        scale = deviation.rsqrt() / deviation.mean().sqrt()
        components = basis.flip(1)[:, :count].T.reshape(count, 3, FACTOR, FACTOR).float()
        inner = slice(_BORDER, _BORDER + FACTOR)
        for layer in (self.project, self.unproject):
            layer.weight.zero_()
            layer.weight[:, :, inner, inner] = components
        self.scale.copy_(scale.float())
