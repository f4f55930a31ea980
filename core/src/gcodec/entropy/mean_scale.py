"""Learned mean-scale entropy models as trained: the floating-point twin of `gcodec.entropy.integers`, with the same numbers.

Values are in quantization steps, [B, C, h, w]. Each has a mean, a multiple of 1/16, and a log2 scale; the symbol is the
rounded difference from the mean, under a zero-mean logistic density of that scale (Minnen et al. 2018). Qualities are
[B] in [0, 1]. `layer_tensors` and `head_tensors` make integers of what was trained.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.entropy import integers
from gcodec.errors import InvalidArgument

__all__ = [
    "LOG_SCALE_MAX",
    "LOG_SCALE_MIN",
    "MEAN_UNIT",
    "SLOPE",
    "Head",
    "checkerboard",
    "conv_tensors",
    "features",
    "head_tensors",
    "kernel_rows",
    "layer_tensors",
    "lerp",
    "logistic_bits",
    "noisy_bits",
    "ste_round",
]

SLOPE = 0.125  # of every leaky ReLU
MEAN_UNIT = 1 << integers.MEAN_BITS  # means, and features of values, are multiples of 1/16 step
LOG_SCALE_MIN, LOG_SCALE_MAX = -5.0, 6.0


def lerp(table: Tensor, q: Tensor) -> Tensor:
    """Row of a [K, N] `table` at position `q` [B] in [0, 1], linear between knots: [B, N]."""
    position = q.clamp(0, 1) * (table.shape[0] - 1)
    low = position.floor().clamp(max=table.shape[0] - 2).long()
    fraction = (position - low).unsqueeze(1)
    return table[low] * (1 - fraction) + table[low + 1] * fraction


def ste_round(x: Tensor) -> Tensor:
    """Rounding with the gradient of the identity."""
    return x + (x.round() - x).detach() if x.requires_grad else x.round()


def logistic_bits(v: Tensor, log_scale: Tensor) -> Tensor:
    """-log2 of the logistic mass on [v - 1/2, v + 1/2], elementwise; exact in the tails."""
    inverse = torch.exp2(-log_scale)
    a = (0.5 - v.abs()) * inverse
    log_p = F.logsigmoid(a) + F.logsigmoid(inverse - a) + torch.log(-torch.expm1(-inverse))
    return log_p * -1.4426950408889634


def noisy_bits(v: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Bits with uniform noise in place of rounding (Balle et al. 2017), elementwise; no gradient for the scale."""
    # Below 2^-2.5 steps the noise would dominate: a symbol that is 0 for sure costs nothing.
    noise = torch.rand_like(v) - 0.5
    return logistic_bits(v - mean + noise, log_scale.detach().clamp(min=-2.5))


def features(y: Tensor) -> Tensor:
    """[B, C, h, w] steps -> [B, 2 C, h, w]: clipped value and log magnitude, in units of 1/16."""
    magnitude = ste_round(torch.log2(1 + y.abs()) * MEAN_UNIT) / MEAN_UNIT
    return torch.cat([y.clamp(-4, 4), magnitude], 1)


def checkerboard(h: int, w: int) -> Tensor:
    """Bool [h, w], true where row + column is even: the elements coded first (He et al. 2021)."""
    return (torch.arange(h)[:, None] + torch.arange(w)[None]) % 2 == 0


class Head(nn.Module):
    """Context to (mean, log2 scale) of one coding pass; `gcodec.entropy.integers.Head` is its twin.

    inputs  channels and side of the neighbourhood that is seen of each input, by name.
    """

    def __init__(self, width: int, knots: int, channels: int, **inputs: tuple[int, int]) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict(
            {
                name: nn.Conv2d(size, width, kernel, padding=kernel // 2, bias=False)
                for name, (size, kernel) in inputs.items()
            }
        )
        self.bias_q = nn.Parameter(torch.zeros(knots, width))
        self.hidden = nn.Conv2d(width, width, 1)
        self.out = nn.Conv2d(width, 2 * channels, 1, bias=False)
        self.out_q = nn.Parameter(torch.zeros(knots, 2 * channels))
        nn.init.zeros_(self.out.weight)

    def forward(self, q: Tensor, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        u: Tensor = lerp(self.bias_q, q)[:, :, None, None]
        for name, value in inputs.items():
            u = u + self.inputs[name](value)
        u = F.leaky_relu(u, SLOPE)
        u = F.leaky_relu(self.hidden(u), SLOPE)
        u = self.out(u) + lerp(self.out_q, q)[:, :, None, None]
        mean, log_scale = u.chunk(2, 1)
        return ste_round(mean * MEAN_UNIT) / MEAN_UNIT, log_scale.clamp(
            LOG_SCALE_MIN, LOG_SCALE_MAX
        )


def kernel_rows(conv: nn.Conv2d) -> Tensor:
    """Kernel of a convolution as a matrix [kernel * kernel * inputs, outputs]."""
    return conv.weight.detach().permute(2, 3, 1, 0).flatten(0, 2)


def layer_tensors(name: str, weight: Tensor, bias: Tensor) -> dict[str, NDArray[Any]]:
    """Weight [inputs, outputs] and bias [knots, outputs] as the tensors of `gcodec.entropy.integers.Layer.of`.

    Raises InvalidArgument where they are too large: weights beyond 2**15, biases beyond 2**21.
    """
    largest = max(float(weight.abs().max()), 1e-6)
    highest = max(float(bias.detach().abs().max()), 1e-6)
    shift = min(15, math.floor(math.log2(32767 / largest)))
    shift = min(shift, math.floor(math.log2((2**31 - 1) / highest)) - integers.UNIT_BITS)
    if shift < 0:
        raise InvalidArgument(
            f"{name}: weights of {largest:g} or biases of {highest:g} are too large"
        )
    unit = float(1 << (integers.UNIT_BITS + shift))
    return {
        f"{name}.weight": torch.round(weight.double() * (1 << shift)).to(torch.int16).numpy(),
        f"{name}.bias": torch.round(bias.detach().double() * unit).to(torch.int32).numpy(),
        f"{name}.shift": np.array([shift], np.int32),
    }


def conv_tensors(
    name: str, conv: nn.Conv2d, by_quality: Tensor | None = None
) -> dict[str, NDArray[Any]]:
    """A convolution, with what is added to its bias by quality [knots, outputs], as `layer_tensors` makes them."""
    bias = torch.zeros(1, conv.out_channels) if conv.bias is None else conv.bias[None]
    return layer_tensors(name, kernel_rows(conv), bias if by_quality is None else bias + by_quality)


def head_tensors(name: str, head: Head) -> dict[str, NDArray[Any]]:
    """A head's three layers: `name`.first, .hidden and .out."""
    kernels = [kernel_rows(c) for c in head.inputs.children() if isinstance(c, nn.Conv2d)]
    return {
        **layer_tensors(f"{name}.first", torch.cat(kernels), head.bias_q),
        **conv_tensors(f"{name}.hidden", head.hidden),
        **conv_tensors(f"{name}.out", head.out, head.out_q),
    }
