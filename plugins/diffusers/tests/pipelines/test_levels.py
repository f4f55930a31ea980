"""Schedules and parametrisations: a state of any path on the network's own, and x0-hat of what the network says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gcodec_diffusers.noise_levels import Level, ddpm, levels_of, parametrisation_of

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def alpha_bar(t: int) -> float:
    """Of Stable Diffusion, from its definition: the square roots of the betas are evenly spaced."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return float(np.prod(1 - betas[: t + 1]))


@pytest.mark.parametrize("t", [0, 1, 250, 777, 999])
@pytest.mark.parametrize("times", [1.0, 0.3, 17.0])
def test_a_state_of_any_path_finds_its_timestep(t: int, times: float) -> None:
    level = levels_of(SD)
    alpha, sigma = math.sqrt(alpha_bar(t)), math.sqrt(1 - alpha_bar(t))
    at = level(times * alpha, times * sigma)
    assert at.scale == pytest.approx(1 / times, rel=1e-5)
    assert (at.alpha, at.sigma) == pytest.approx((alpha, sigma), rel=1e-4)
    assert at.timestep == pytest.approx(t, abs=0.02)


def test_between_and_beyond_the_timesteps() -> None:
    level = levels_of(SD)
    snr = [alpha_bar(t) / (1 - alpha_bar(t)) for t in (500, 501)]
    between = level((snr[0] * snr[1]) ** 0.25, 1.0)
    assert between.timestep == pytest.approx(500.5, abs=0.01)
    noise = level(0.0, 1.0)
    assert noise.timestep == 999 and noise.alpha == pytest.approx(0.0683, abs=1e-4)
    clean = level(1.0, 0.0)
    assert (clean.timestep, clean.alpha, clean.sigma) == (0, 1, 0)
    nearly = level(1.0, 1e-3)
    assert nearly.timestep == 0 and nearly.sigma == pytest.approx(1e-3, rel=1e-4)


def test_the_flow_of_any_path() -> None:
    level = levels_of({"_class_name": "FlowMatchEulerDiscreteScheduler"})
    assert level(0.6, 0.8) == pytest.approx((1 / 1.4, 0.6 / 1.4, 0.8 / 1.4, 800 / 1.4))
    assert level(0.0, 1.0).timestep == 1000


def test_a_schedule_that_ends_in_noise_alone_stays_finite() -> None:
    level = levels_of({**SD, "rescale_betas_zero_snr": True})
    at = level(0.0, 1.0)
    x = torch.ones(1)
    v = parametrisation_of({"prediction_type": "v_prediction"})
    assert float(v(x, -2 * x, at)) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize(
    ("scheduler", "output"),
    [
        ({"prediction_type": "epsilon"}, lambda x_0, eps, at: eps),
        ({"prediction_type": "v_prediction"}, lambda x_0, eps, at: at.alpha * eps - at.sigma * x_0),
        ({"prediction_type": "sample"}, lambda x_0, eps, at: x_0),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, lambda x_0, eps, at: eps - x_0),
    ],
)
@pytest.mark.parametrize("noise", [0.1, 0.7, 3.0])
def test_a_perfect_network_of_each_parametrisation_gives_x_0(
    scheduler: dict[str, Any], output: Callable[..., torch.Tensor], noise: float
) -> None:
    x_0, eps = torch.tensor([0.4, -1.3]), torch.tensor([1.1, 0.2])
    at: Level = levels_of({**SD, **scheduler})(1.0, noise)
    x = (x_0 + noise * eps) * at.scale
    torch.testing.assert_close(x, at.alpha * x_0 + at.sigma * eps)
    found = parametrisation_of(scheduler)(x, output(x_0, eps, at), at)
    torch.testing.assert_close(found, x_0, rtol=0, atol=1e-5)


def test_unknown_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match="velocity_of_tomorrow"):
        parametrisation_of({"prediction_type": "velocity_of_tomorrow"})


def test_alpha_bar_is_that_of_the_library() -> None:
    assert alpha_bar(999) == pytest.approx(0.00466, abs=1e-5)
    assert ddpm(np.array([0.9, 0.5, 0.1]))(1.0, 1.0).timestep == 1
