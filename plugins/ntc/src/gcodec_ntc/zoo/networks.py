"""The transforms g_a, g_s and h_a in floating point: what the encoder chooses, and what the preview looks like.

Names of modules and parameters are CompressAI's (`compressai.models.google`), apart from those of GDN, whose parameters
are here what CompressAI's are after reparametrisation.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec_ntc.zoo.architectures import Architecture

__all__ = ["STRIDE", "Gdn", "analysed", "analysis", "hyper_analysis", "synthesis", "synthesised"]

#: Pixels a side of one latent position.
STRIDE = 16

#: Latent positions beyond which nothing has influence: a pixel on what is 30 pixels away (2 + 4 + 8 + 16), and back.
_CONTEXT = 2

#: Latent positions computed at a time; bounds memory, changes no result.
_POSITIONS = 8192


class Gdn(nn.Module):
    """Generalized divisive normalization, y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2), or its approximate inverse.

    Balle, Laparra, Simoncelli, "Density modeling of images using a generalized normalization transformation" (ICLR 2016).
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter(torch.zeros(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] -> the same shape."""
        norm = F.conv2d(x * x, self.gamma[:, :, None, None], self.beta)
        return x * (norm.sqrt() if self.inverse else norm.rsqrt())


def _conv(inputs: int, outputs: int, kernel: int = 5, stride: int = 2) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


def _deconv(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=1)


def analysis(which: Architecture, n: int, m: int) -> nn.Sequential:
    """g_a: [B, 3, H, W] in [0, 1] -> y [B, M, H/16, W/16]."""
    between: Callable[[int], nn.Module] = Gdn if which.normalized else lambda _: nn.ReLU()
    return nn.Sequential(
        _conv(3, n), between(n), _conv(n, n), between(n), _conv(n, n), between(n), _conv(n, m)
    )


def synthesis(which: Architecture, n: int, m: int) -> nn.Sequential:
    """g_s: y [B, M, h, w] -> [B, 3, 16 h, 16 w], nominally in [0, 1]."""

    def between() -> nn.Module:
        return Gdn(n, inverse=True) if which.normalized else nn.ReLU()

    first, last = _deconv(m, n), _deconv(n, 3)
    return nn.Sequential(first, between(), _deconv(n, n), between(), _deconv(n, n), between(), last)


def hyper_analysis(which: Architecture, n: int, m: int) -> nn.Sequential:
    """h_a: y, or its magnitude where hyper-latents tell scales alone, -> z [B, N, h/4, w/4]."""

    def between() -> nn.Module:
        return nn.LeakyReLU() if which.means else nn.ReLU()

    return nn.Sequential(_conv(m, n, 3, 1), between(), _conv(n, n), between(), _conv(n, n))


def analysed(g_a: nn.Module, x: Tensor) -> Tensor:
    """g_a of [1, 3, H, W], sides multiples of 16, some rows at a time."""
    made = []
    for top, bottom, start, stop in _bands(x.shape[2] // STRIDE, x.shape[3] // STRIDE):
        y = g_a(x[:, :, start * STRIDE : stop * STRIDE])
        made.append(y[:, :, top - start : bottom - start])
    return torch.cat(made, 2)


def synthesised(g_s: nn.Module, y: Tensor) -> Tensor:
    """g_s of [1, M, h, w], some rows at a time."""
    made = []
    for top, bottom, start, stop in _bands(*y.shape[2:]):
        x = g_s(y[:, :, start:stop])
        made.append(x[:, :, (top - start) * STRIDE : (bottom - start) * STRIDE])
    return torch.cat(made, 2)


def _bands(h: int, w: int) -> list[tuple[int, int, int, int]]:
    """Rows of latents to make (top, bottom), and those to make them from (start, stop)."""
    rows = max(1, _POSITIONS // w)
    return [
        (top, min(top + rows, h), max(top - _CONTEXT, 0), min(top + rows + _CONTEXT, h))
        for top in range(0, h, rows)
    ]
