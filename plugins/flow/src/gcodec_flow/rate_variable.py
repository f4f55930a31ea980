"""The reconstructor `rate_variable`: quantization undone, from the dequantized latent, in two steps.

"Generative image compression by estimating gradients of the rate-variable feature distribution" (ICLR 2026 submission; "S"):
compression at bin width q is itself the forward process, x_q = x_0 + U(-1/2, 1/2) q (S, eq. 9). With D(x, q) the estimate of
x_0, its reverse ODE is solved by Euler's method, and noise may be injected between steps (S, eqs. 11 to 13, Algorithm 1):

    d_i = (D(x_i, q_i) - x_i) / q_i
    x_{i+1} = x_i + (q_i - q_{i+1}) d_i + a_i (eps_i - d_i),    a_i = beta sqrt(q_i - q_min)

There is no Gaussian start. D is the denoiser, at the noise that has the deviation of bins, q / sqrt(12). Widths fall by a
constant factor and end at 0; the last step injects nothing. q_min is taken as 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from gcodec.diffusion.latents import FromLatent
from gcodec.diffusion.sampling import Denoise, Noise, eta, width
from gcodec.interfaces import Setup

__all__ = ["RateVariable"]


class RateVariable(FromLatent):
    """From the dequantized latent, over falling bin widths."""

    name = "rate_variable"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.ratio: float = setup.options["ratio"]
        self.beta: float = setup.options["beta"]

    def grid(self, start: float) -> list[float]:
        """The times of the widths q_0, r q_0, r^2 q_0, ..., 0."""
        if start == 0:
            return [0.0]
        q = width(start)
        return [start, *(eta(q * self.ratio**i) for i in range(1, self.steps)), 0.0]

    def solve(self, denoise: Denoise, x: Tensor, grid: Sequence[float], noise: Noise) -> Tensor:
        """The module's formula, on x / (1 - t), which is x_q."""
        y = x / (1 - grid[0])
        for i, (t, s) in enumerate(pairwise(grid), 1):
            q, q_next = width(t), width(s)
            d = (denoise((1 - t) * y, t, s) - y) / q
            y = y + (q - q_next) * d
            if s > 0 and self.beta > 0:
                y = y + self.beta * math.sqrt(q) * (noise(i) - d)
        return y
