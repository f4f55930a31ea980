"""Layers of the zoo's transforms, in floating point, under CompressAI's names (`compressai.layers`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "Attention",
    "Down",
    "Gdn",
    "Residual",
    "Up",
    "conv",
    "deconv",
    "subpixel",
]


class Gdn(nn.Module):
    """Generalized divisive normalization, y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2), or its approximate inverse.

    Balle, Laparra, Simoncelli, "Density modeling of images using a generalized normalization transformation" (ICLR 2016).
    Parameters are what CompressAI's are after reparametrisation.
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


def conv(inputs: int, outputs: int, kernel: int = 5, stride: int = 2) -> nn.Conv2d:
    """A convolution that keeps the size, or halves it."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


def deconv(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A transposed 5x5 convolution to twice the size."""
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=1)


def subpixel(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 convolution to twice the size."""
    return nn.Sequential(conv(inputs, 4 * outputs, 3, 1), nn.PixelShuffle(2))


class Residual(nn.Module):
    """x + leaky(conv2(leaky(conv1(x))))."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv1 = conv(n, n, 3, 1)
        self.conv2 = conv(n, n, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, h, w] -> the same shape."""
        return x + F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(x))))


class Down(nn.Module):
    """A residual block to half the size."""

    def __init__(self, inputs: int, n: int) -> None:
        super().__init__()
        self.conv1 = conv(inputs, n, 3)
        self.conv2 = conv(n, n, 3, 1)
        self.gdn = Gdn(n)
        self.skip = conv(inputs, n, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, h, w] -> [B, N, h/2, w/2]."""
        return self.gdn(self.conv2(F.leaky_relu(self.conv1(x)))) + self.skip(x)


class Up(nn.Module):
    """A residual block to twice the size."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.subpel_conv = subpixel(n, n)
        self.conv = conv(n, n, 3, 1)
        self.igdn = Gdn(n, inverse=True)
        self.upsample = subpixel(n, n)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, h, w] -> [B, N, 2 h, 2 w]."""
        return self.igdn(self.conv(F.leaky_relu(self.subpel_conv(x)))) + self.upsample(x)


class _Unit(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        half = n // 2
        self.conv = nn.Sequential(
            conv(n, half, 1, 1),
            nn.ReLU(),
            conv(half, half, 3, 1),
            nn.ReLU(),
            conv(half, n, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + x)


class Attention(nn.Module):
    """x + a(x) sigmoid(b(x)): the simplified attention of Cheng et al. 2020, figure 6."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv_a = nn.Sequential(_Unit(n), _Unit(n), _Unit(n))
        self.conv_b = nn.Sequential(_Unit(n), _Unit(n), _Unit(n), conv(n, n, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, h, w] -> the same shape."""
        return x + self.conv_a(x) * torch.sigmoid(self.conv_b(x))
