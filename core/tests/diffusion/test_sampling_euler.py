"""The Euler sampler against a flow whose solution is known."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from gcodec.diffusion.sampling import euler, times

MEAN, DEVIATION = 0.7, 0.4


def gaussian_velocity(x: Tensor, t: float) -> Tensor:
    """E[eps - r | x_t = x] for r ~ N(MEAN, DEVIATION^2); the ODE maps eps to MEAN + DEVIATION eps."""
    centred = (x - (1 - t) * MEAN) / ((1 - t) ** 2 * DEVIATION**2 + t**2)
    return t * centred - (MEAN + (1 - t) * DEVIATION**2 * centred)


def noise(count: int) -> Tensor:
    return torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def error(steps: int, shift: float = 1.0) -> float:
    eps = noise(1000)
    solved = euler(gaussian_velocity, eps, times(steps, shift=shift))
    return float((solved - (MEAN + DEVIATION * eps)).abs().max())


@pytest.mark.parametrize("shift", [0.3, 1.0, 3.0])
def test_converges_to_the_transport_map_at_first_order(shift: float) -> None:
    errors = [error(steps, shift) for steps in (64, 128, 256, 512)]
    assert errors[-1] < 0.02
    for coarse, fine in pairwise(errors):
        assert 1.7 < coarse / fine < 2.3


def test_samples_have_the_mean_and_variance_of_the_target() -> None:
    count = 200_000
    samples = euler(gaussian_velocity, noise(count), times(512))
    # Five standard errors (a false alarm in 1.7 million) and the solver's own 1 %.
    assert abs(samples.mean() - MEAN) < 5 * DEVIATION / math.sqrt(count) + 0.005
    assert abs(samples.std() / DEVIATION - 1) < 5 / math.sqrt(2 * count) + 0.01


def test_one_step_is_the_posterior_mean() -> None:
    # From t = 1, where x says nothing about r, one step lands on E[r] whatever the noise is.
    solved = euler(gaussian_velocity, noise(100), times(1))
    torch.testing.assert_close(solved, torch.full_like(solved, MEAN))


@pytest.mark.parametrize("shift", [0.25, 1.0, 4.0])
def test_times_fall_from_one_to_zero(shift: float) -> None:
    grid = times(6, shift=shift)
    assert (grid[0], grid[-1], len(grid)) == (1.0, 0.0, 7)
    assert all(a > b for a, b in pairwise(grid))


def test_shift_scales_the_signal_to_noise_ratio() -> None:
    for even, shifted in zip(times(5)[1:-1], times(5, shift=3.0)[1:-1], strict=True):
        assert shifted / (1 - shifted) == pytest.approx(3 * even / (1 - even))


@pytest.mark.parametrize(("steps", "shift"), [(0, 1.0), (4, 0.0), (4, -1.0), (4, math.nan)])
def test_refuses_what_is_no_schedule(steps: int, shift: float) -> None:
    with pytest.raises(ValueError, match="steps must be at least 1"):
        times(steps, shift=shift)


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_times_from_a_state_on_the_way(shift: float) -> None:
    """They begin where it is, and lie where the whole way's would where that passes it."""
    whole = times(8, shift=shift)
    assert times(5, whole[3], shift) == pytest.approx(whole[3:])
