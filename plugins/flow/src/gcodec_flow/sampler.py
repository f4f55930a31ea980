"""Solving the flow: from noise at t = 1 to a residual at t = 0.

The path is x_t = (1 - t) r + t eps with r = (X - X*) / s and s^2 the preview's squared error, so
r has unit variance on average and the same network serves every rate. The ODE is eq. (9) of
"Advances in diffusion-based generative compression" with the velocity of its eq. (10), conditioned
on y = X*: its solution is a sample of P_{X|Y}, the estimator of perfect realism of section III-B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

#: velocity(x_t, t) for 0 < t <= 1
Velocity = Callable[[Tensor, float], Tensor]


def times(steps: int, shift: float = 1.0) -> list[float]:
    """The times 1 = t_0 > t_1 > ... > t_steps = 0.

    shift  1 spaces them evenly; above 1 they crowd towards noise, below 1 towards the image:
           t = shift u / (1 + (shift - 1) u) for u evenly spaced, which is a change of the signal
           to noise ratio by a constant factor.

    Raises ValueError unless steps >= 1 and shift > 0.
    """
    if steps < 1 or not shift > 0:
        raise ValueError(f"steps must be at least 1 and shift positive, not {steps} and {shift}")
    even = [1 - i / steps for i in range(steps + 1)]
    return [shift * u / (1 + (shift - 1) * u) for u in even]


def euler(velocity: Velocity, eps: Tensor, grid: Sequence[float]) -> Tensor:
    """Integrate dx = v(x, t) dt from eps at t = grid[0] to t = grid[-1] by Euler's method."""
    x = eps
    for t, t_next in pairwise(grid):
        x = x + (t_next - t) * velocity(x, t)
    return x
