"""What signals say of x_0, as the gradient of a log-likelihood.

Two kinds. A preview, a latent and tokens are *estimates*: c with the deviation s of its error in each channel, where the
prior's own deviation is d (`Denoiser.estimate`). For Gaussian x_0 this is the posterior of an observation y = x_0 + n
with c = g y, g = 1 - s^2 / d^2, and n of variance s^2 / g, so that

    grad_{x_0} log p(y | x_t) = (c - g x0-hat) / (g r^2 + s^2)

where x_0 has the mean x0-hat and the variance r^2 given x_t: the identity operator of "Pseudoinverse-guided diffusion
models for inverse problems" (Song et al. 2023, eqs. 7 and 8), written so that channels of which nothing is known, g = 0,
make no trouble. A sketch is a picture's edges: an operator on the decoded picture, with a gradient by back-propagation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Estimate", "Likelihood", "SketchOperator", "edge_strength", "posterior_variance"]

_LUMA = (0.299, 0.587, 0.114)
_SMOOTH = (3 / 16, 10 / 16, 3 / 16)


def posterior_variance(t: float, deviation: Tensor) -> Tensor:
    """r^2 [1, C, 1, 1] of x_0 given x_t = (1 - t) x_0 + t eps, for Gaussian x_0 of `deviation` [1, C, 1, 1]; t in (0, 1]."""
    return 1 / (deviation.pow(-2) + ((1 - t) / t) ** 2)


@dataclass(frozen=True, eq=False)
class Estimate:
    """An estimate c [1, C, h, w], its deviation s and the prior's, d, both [1, C, 1, 1], s <= d."""

    c: Tensor
    s: Tensor
    d: Tensor

    def gradient(self, x_0: Tensor, variance: Tensor) -> Tensor:
        """The module's formula at x0-hat [1, C, h, w] for r^2 [1, C, 1, 1]."""
        g = 1 - (self.s / self.d).square()
        return (self.c - g * x_0) / (g * variance + self.s.square())

    def misfit(self, x_0: Tensor) -> float:
        """Mean square of (c - g x_0) / s over all positions, about 1 - g for a likely x_0."""
        g = 1 - (self.s / self.d).square()
        return float(((self.c - g * x_0) / self.s).square().mean())


@dataclass(frozen=True, eq=False)
class SketchOperator:
    """Edges [1, 1, 8 h, 8 w] and `render`, latents [1, C, h, w] to pixels."""

    edges: Tensor
    render: Callable[[Tensor], Tensor]

    def misfit(self, x_0: Tensor) -> Tensor:
        """Mean squared difference of the edges, a scalar; differentiable in x_0."""
        return (edge_strength(self.render(x_0)) - self.edges).square().mean()

    def gradient(self, x_0: Tensor, variance: Tensor) -> Tensor:
        """The gradient at x0-hat [1, C, h, w], in units in which a step of `variance` times it is of Polyak's length.

        What deviation the sketch's error has nobody knows. A step beta = f / |grad f|^2 along -grad f would make the
        misfit f zero, were it linear (Polyak 1987); no step is longer than x_0 is uncertain, so that it vanishes with t.
        """
        with torch.enable_grad():
            x = x_0.detach().clone().requires_grad_()
            f = self.misfit(x)
            (slope,) = torch.autograd.grad(f, x)
        preconditioned = variance * slope
        energy = (slope * preconditioned).sum()
        longest = (x_0.numel() / preconditioned.square().div(variance).sum()).sqrt()
        return -slope * torch.minimum(f.detach() / energy, longest)


Likelihood: TypeAlias = Estimate | SketchOperator


def edge_strength(pixels: Tensor) -> Tensor:
    """`gcodec.builtin.edges.edge_strength` of pixels [1, 3, H, W], [1, 1, H, W], and differentiable."""
    luma = torch.tensor(_LUMA, device=pixels.device)[:, None, None]
    padded = F.pad((luma * pixels).sum(1, keepdim=True), (1,) * 4, mode="replicate")
    smooth = torch.tensor(_SMOOTH, device=pixels.device)
    slope = torch.tensor([-1.0, 0.0, 1.0], device=pixels.device)
    kernels = torch.stack([smooth[:, None] * slope, slope[:, None] * smooth])[:, None]
    gradient = F.conv2d(padded, kernels)
    # The root has no gradient at 0.
    return (gradient.square().sum(1, keepdim=True) + 1e-8).sqrt().clamp(max=1)
