"""Schedules and parametrisations: a state of any path on the network's own, and x0-hat of what the network says."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gcodec_diffusers.noise_levels import ddpm
from gcodec_diffusers.schedules import (
    CLIPPING,
    DDPM,
    EDM,
    FLOW,
    RESCALING,
    TRIGONOMETRIC,
    schedule_of,
)

SD: dict[str, Any] = {
    "_class_name": "DDPMScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
}


def alpha_bar(t: int) -> float:
    """Of Stable Diffusion, from its definition: the square roots of the betas are evenly spaced."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return float(np.prod(1 - betas[: t + 1]))


@pytest.mark.parametrize("t", [0, 1, 250, 777, 999])
@pytest.mark.parametrize("times", [1.0, 0.3, 17.0])
def test_a_state_of_any_path_finds_its_timestep(t: int, times: float) -> None:
    level = schedule_of(SD).level
    alpha, sigma = math.sqrt(alpha_bar(t)), math.sqrt(1 - alpha_bar(t))
    at = level(times * alpha, times * sigma)
    assert at.scale == pytest.approx(1 / times, rel=1e-5)
    assert (at.alpha, at.sigma) == pytest.approx((alpha, sigma), rel=1e-4)
    assert at.timestep == pytest.approx(t, abs=0.02)


def test_between_and_beyond_the_timesteps() -> None:
    level = schedule_of(SD).level
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
    level = schedule_of({"_class_name": "FlowMatchEulerDiscreteScheduler"}).level
    assert level(0.6, 0.8) == pytest.approx((1 / 1.4, 0.6 / 1.4, 0.8 / 1.4, 800 / 1.4))
    assert level(0.0, 1.0).timestep == 1000


def test_a_schedule_that_ends_in_noise_alone_stays_finite() -> None:
    level = schedule_of({**SD, "rescale_betas_zero_snr": True}).level
    at = level(0.0, 1.0)
    x = torch.ones(1)
    v = schedule_of({**SD, "prediction_type": "v_prediction"}).x0_of
    assert float(v(x, -2 * x, at)) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize(
    ("scheduler", "output"),
    [
        ({"prediction_type": "epsilon"}, lambda x_0, eps, at: eps),
        ({"prediction_type": "v_prediction"}, lambda x_0, eps, at: at.alpha * eps - at.sigma * x_0),
        ({"prediction_type": "sample"}, lambda x_0, eps, at: x_0),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, lambda x_0, eps, at: eps - x_0),
        (
            {"_class_name": "SCMScheduler", "prediction_type": "trigflow"},
            lambda x_0, eps, at: math.cos(at.timestep) * eps - math.sin(at.timestep) * x_0,
        ),
    ],
)
@pytest.mark.parametrize("noise", [0.1, 0.7, 3.0])
def test_a_perfect_network_of_each_parametrisation_gives_x_0(
    scheduler: dict[str, Any], output: Callable[..., torch.Tensor], noise: float
) -> None:
    x_0, eps = torch.tensor([0.4, -1.3]), torch.tensor([1.1, 0.2])
    schedule = schedule_of({**SD, **scheduler})
    at = schedule.level(1.0, noise)
    x = (x_0 + noise * eps) * at.scale
    torch.testing.assert_close(x, at.alpha * x_0 + at.sigma * eps)
    found = schedule.x0_of(x, output(x_0, eps, at), at)
    torch.testing.assert_close(found, x_0, rtol=0, atol=1e-5)


def test_unknown_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match="velocity_of_tomorrow"):
        schedule_of({**SD, "prediction_type": "velocity_of_tomorrow"})


def test_alpha_bar_is_that_of_the_library() -> None:
    assert alpha_bar(999) == pytest.approx(0.00466, abs=1e-5)
    assert ddpm(np.array([0.9, 0.5, 0.1]))(1.0, 1.0).timestep == 1


@pytest.mark.parametrize("name", DDPM)
def test_where_a_configuration_is_silent_the_class_that_it_names_decides(name: str) -> None:
    """An LCM sampler knows other betas than DDPM, and a Heun sampler yet others; diffusers' own signatures say which."""
    import diffusers.schedulers as theirs

    told = inspect.signature(getattr(theirs, name).__init__).parameters
    if "beta_start" not in told:
        pytest.skip("diffusers has it where torchsde is installed alone")
    assert DDPM[name] == tuple(
        told[key].default for key in ("beta_start", "beta_end", "beta_schedule")
    )
    assert ("rescale_betas_zero_snr" in told) == (name in RESCALING)
    assert ("clip_sample" in told) == (name in CLIPPING)
    if name in CLIPPING:
        assert told["clip_sample"].default is CLIPPING[name]


def test_other_schedulers_are_refused_with_the_list_of_those_that_are_known() -> None:
    import diffusers.schedulers as theirs

    known = {*DDPM, *FLOW, *EDM, *TRIGONOMETRIC}
    for name in (n for n in dir(theirs) if n.endswith("Scheduler") and n not in known):
        with pytest.raises(ValueError, match=f"{name}.*known are .*LCMScheduler"):
            schedule_of({"_class_name": name})
    with pytest.raises(ValueError, match="known are"):
        schedule_of({"prediction_type": "epsilon"})


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("noise", [0.01, 0.4, 7.0])
def test_edm_is_that_of_the_library(prediction: str, noise: float) -> None:
    """Its network sees c_in x and is told ln(sigma) / 4; c_skip and c_out lead back."""
    from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler

    config = {"_class_name": "EDMEulerScheduler", "prediction_type": prediction, "sigma_data": 0.7}
    theirs = EDMEulerScheduler(**{k: v for k, v in config.items() if k[0] != "_"})
    ours = schedule_of(config)
    x, out = torch.tensor([0.4, -1.3]), torch.tensor([0.3, 0.8])
    at = ours.level(2.0, 2 * noise)
    seen = 2 * x * at.scale
    torch.testing.assert_close(seen, theirs.precondition_inputs(x, noise))
    assert at.timestep == pytest.approx(float(theirs.precondition_noise(noise)), rel=1e-5)
    assert at.sigma / at.alpha == pytest.approx(noise)
    torch.testing.assert_close(
        ours.x0_of(seen, out, at), theirs.precondition_outputs(x, out, noise)
    )
    assert ours.deviation == 0.7
    noisiest = ours.level(0.0, 3.0)
    assert noisiest.sigma / noisiest.alpha == pytest.approx(80)
    assert noisiest.sigma == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("noise", [0.01, 0.4, 7.0])
def test_consistency_models_are_those_of_the_library(noise: float) -> None:
    from diffusers.schedulers.scheduling_consistency_models import CMStochasticIterativeScheduler

    theirs = CMStochasticIterativeScheduler()
    ours = schedule_of({"_class_name": "CMStochasticIterativeScheduler"})
    x, out = torch.tensor([0.4, -1.3]), torch.tensor([0.3, 0.8])
    at = ours.level(1.0, noise)
    c_skip, c_out = theirs.get_scalings_for_boundary_condition(torch.tensor(noise))
    found = ours.x0_of(x * at.scale, out, at)
    torch.testing.assert_close(found, c_out * out + c_skip * x)
    assert at.timestep == pytest.approx(float(theirs.sigma_to_t(np.array(noise))), rel=1e-6)
    assert ours.few == (1, 2, 4) and ours.bound == 1


def test_a_flow_of_dpm_solver_is_told_whole_numbers() -> None:
    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    ours = schedule_of({"_class_name": "DPMSolverMultistepScheduler", **flow})
    assert ours.level(0.4, 0.6).timestep == 600 and ours.level(0.4004, 0.5996).timestep == 599


@pytest.mark.parametrize(
    ("scheduler", "few"),
    [
        ({"_class_name": "LCMScheduler"}, True),
        ({"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "trailing"}, True),
        ({"_class_name": "EulerDiscreteScheduler"}, False),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, False),
    ],
)
def test_distilled_models_say_so(scheduler: dict[str, Any], few: bool) -> None:
    assert bool(schedule_of(scheduler).few) == few


@pytest.mark.parametrize(
    "scheduler",
    [
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "invert_sigmas": True},
        {"_class_name": "EDMEulerScheduler", "prediction_type": "sample"},
        {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction"},
        {"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": True},
        {"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous"},
        {"_class_name": "DDIMScheduler", "beta_schedule": "exp"},
        {"_class_name": "DDIMScheduler", "thresholding": True},
    ],
)
def test_settings_of_a_known_class_that_mean_something_else_are_refused(
    scheduler: dict[str, Any],
) -> None:
    with pytest.raises((ValueError, NotImplementedError)):
        schedule_of(scheduler)
