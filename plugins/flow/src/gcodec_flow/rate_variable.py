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
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor

from gcodec.interfaces import Setup, Size
from gcodec.latents import LatentSampler, Start
from gcodec.sampling import Denoise, Noise
from gcodec.signals import Latent, Signal

__all__ = ["RateVariable"]

_UNIFORM = 12**0.5  # width of a uniform density of deviation 1


class RateVariable(LatentSampler):
    """From the dequantized latent, over falling bin widths."""

    name = "rate_variable"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.ratio: float = setup.options["ratio"]
        self.beta: float = setup.options["beta"]

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """The latent, at the time of the flow whose noise has the deviation of its bins."""
        latent = signals[f"{Latent.kind}/{self.space.name}"]
        assert isinstance(latent, Latent)
        t = _time(latent.step)
        return Start(latent.values * np.float32(1 - t), t)

    def seen(self, signals: Mapping[str, Signal]) -> Mapping[str, Signal]:
        """Not the latent, which is the state itself: it would count twice."""
        return {}

    def grid(self, start: float) -> list[float]:
        """The times of the widths q_0, r q_0, r^2 q_0, ..., 0."""
        if start == 0:
            return [0.0]
        q = _UNIFORM * start / (1 - start)
        return [start, *(_time(q * self.ratio**i) for i in range(1, self.steps)), 0.0]

    def solve(self, denoise: Denoise, x: Tensor, grid: Sequence[float], noise: Noise) -> Tensor:
        """The module's formula, on x / (1 - t), which is x_q."""
        y = x / (1 - grid[0])
        for i, (t, s) in enumerate(pairwise(grid), 1):
            q, q_next = (_UNIFORM * time / (1 - time) for time in (t, s))
            d = (denoise((1 - t) * y, t, s) - y) / q
            y = y + (q - q_next) * d
            if s > 0 and self.beta > 0:
                y = y + self.beta * math.sqrt(q) * (noise(i) - d)
        return y


def _time(step: float) -> float:
    sigma = step / _UNIFORM
    return sigma / (1 + sigma)
