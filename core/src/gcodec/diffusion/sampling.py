"""Samplers: from noise, or from a noisy state, to a clean one with a denoiser.

Everything is in the time of the rectified flow, x_t = (1 - t) x_0 + t eps: a state of any other path, x_t = alpha_t x_0 +
sigma_t eps, is one of this path at t = sigma_t / (alpha_t + sigma_t), divided by alpha_t + sigma_t ("Lossy compression
with pretrained diffusion models", A.3). The velocity of the flow is v = E[eps - x_0 | x_t] = (x_t - x0-hat) / t (review,
eqs. 9 and 10), so that a denoiser and a flow are the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gcodec.errors import InvalidArgument

if TYPE_CHECKING:
    from torch import Tensor

    from gcodec.signals import FloatArray

__all__ = ["Denoise", "Noise", "eta", "euler", "sample", "times", "width"]

#: denoise(x_t, t, s) for 0 <= s < t <= 1: E[x_0 | x_t], or what else a step from t to s is to aim at.
Denoise: TypeAlias = "Callable[[Tensor, float, float], Tensor]"
#: noise(i): the standard normals of step i = 1, 2, ...
Noise: TypeAlias = "Callable[[int], Tensor]"
#: A state in torch or in NumPy.
X = TypeVar("X", "Tensor", "FloatArray")


def times(steps: int, start: float = 1.0, shift: float = 1.0) -> list[float]:
    """The times start = t_0 > t_1 > ... > t_steps = 0; [0] for start = 0, where nothing is left to do.

    shift  1 spaces them evenly; above 1 they crowd towards noise, below 1 towards the image:
           t = shift u / (1 + (shift - 1) u) for u evenly spaced, which is a change of the signal
           to noise ratio by a constant factor.

    Raises InvalidArgument unless steps >= 1, 0 <= start <= 1 and shift > 0.
    """
    if steps < 1 or not shift > 0 or not 0 <= start <= 1:
        raise InvalidArgument(
            f"steps must be at least 1, start 0 to 1 and shift positive, not {steps}, {start} and {shift}"
        )
    if start == 0:
        return [0.0]
    first = start / (shift - (shift - 1) * start)
    even = [first * (1 - i / steps) for i in range(1, steps + 1)]
    return [start, *(shift * u / (1 + (shift - 1) * u) for u in even)]


#: Width of a uniform density of deviation 1.
_UNIFORM = 12**0.5


def eta(step: float) -> float:
    """The time in [0, 1) at which diffusion's noise has the deviation of bins as wide as `step` >= 0.

    sigma / (1 + sigma) with sigma = step / sqrt(12) (Relic et al. 2024, "Lossy image compression with foundation diffusion
    models"). `width` is its inverse.
    """
    sigma = step / _UNIFORM
    return float(sigma / (1 + sigma))


def width(t: float) -> float:
    """The bin width whose error has the deviation of the noise at 0 <= t < 1."""
    return _UNIFORM * t / (1 - t)


def sample(
    denoise: Denoise, x: Tensor, grid: Sequence[float], eta: float = 0.0, noise: Noise | None = None
) -> Tensor:
    """Take x at t = grid[0] to t = grid[-1] in the steps of DDIM (Song et al. 2021, eq. 12):

        x_s = (1 - s) x0-hat + sqrt(s^2 - v^2) eps-hat + v z,   eps-hat = (x_t - (1 - t) x0-hat) / t,
        v = eta (s / t) sqrt(t^2 - ((1 - t) / (1 - s))^2 s^2)

    eta = 0 is Euler's method for the probability-flow ODE (review, eq. 9): DiffC-F. eta = 1 is ancestral sampling, the
    mean and the deviation of q(x_s | x_t, x_0 = x0-hat): DiffC-A. `noise` gives z, and is not asked where v = 0.
    """
    for i, (t, s) in enumerate(pairwise(grid), 1):
        x_0 = denoise(x, t, s)
        eps = (x - (1 - t) * x_0) / t
        v = eta * s / t * math.sqrt(t**2 - ((1 - t) / (1 - s) * s) ** 2)
        x = (1 - s) * x_0 + math.sqrt(s**2 - v**2) * eps
        if v > 0:
            assert noise is not None, "eta > 0 draws noise"
            x = x + v * noise(i)
    return x


def euler(velocity: Callable[[X, float], X], x: X, grid: Sequence[float]) -> X:
    """Integrate dx = v(x, t) dt, 0 < t <= 1, from x at t = grid[0] to t = grid[-1] by Euler's method."""
    for t, s in pairwise(grid):
        x = x + (s - t) * velocity(x, t)
    return x
