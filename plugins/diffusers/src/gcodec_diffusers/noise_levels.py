"""Schedules and parametrisations of published models: from x_t at any SNR to what their networks saw, and back to x0-hat.

A network was trained on x_t = alpha_t x_0 + sigma_t eps along one path. DDPM (Ho et al. 2020) has a table of alpha-bar over
1,000 timesteps with alpha_t^2 + sigma_t^2 = 1; the rectified flow (Lipman et al. 2023) alpha_t = 1 - t, sigma_t = t. A state
of any other path with the same SNR is a multiple of one on it (Vonderfecht and Liu 2025, A.3). Between timesteps ln SNR is
interpolated, as in k-diffusion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Level", "Levels", "ddpm", "levels_of", "parametrisation_of", "rectified_flow"]

_CLOCK = 1000.0


class Level(NamedTuple):
    """A place on the network's own path.

    scale     factor that brings the state there.
    alpha, sigma   of the path.
    timestep  what the network is told, 0 to 1000; it need not be a whole number.
    """

    scale: float
    alpha: float
    sigma: float
    timestep: float


#: The place of a state by its alpha_t and sigma_t.
Levels = Callable[[float, float], Level]

#: x0-hat from the network's input x, its output and the level.
Parametrisation = Callable[["Tensor", "Tensor", Level], "Tensor"]

_PARAMETRISATIONS: Mapping[str, Parametrisation] = {
    # Ho et al. 2020, eq. 15
    "epsilon": lambda x, out, at: (x - at.sigma * out) / at.alpha,
    # Salimans and Ho 2022, "Progressive distillation", appendix D: v = alpha eps - sigma x_0
    "v_prediction": lambda x, out, at: at.alpha * x - at.sigma * out,
    "sample": lambda x, out, at: out,
    # v = eps - x_0 on the path (1 - t, t)
    "flow": lambda x, out, at: x - at.sigma * out,
}


def rectified_flow(alpha_t: float, sigma_t: float) -> Level:
    """The level of a state on the path (1 - t, t)."""
    total = alpha_t + sigma_t
    t = sigma_t / total
    return Level(1 / total, 1 - t, t, _CLOCK * t)


def ddpm(alphas_cumprod: np.ndarray[Any, np.dtype[np.float64]]) -> Levels:
    """Levels by a table of alpha-bar over timesteps.

    A state with more noise than the last timestep has is taken for one there: the network knows no other, and where its
    alpha is so small the difference is nothing. One with less than the first has that timestep and its own SNR.
    """
    # A schedule rescaled to zero terminal SNR has alpha-bar = 0 at its end.
    bar = np.clip(alphas_cumprod, 1e-8, 1 - 1e-8)
    log_snr = np.log(bar) - np.log1p(-bar)
    steps = np.arange(len(bar), dtype=np.float64)

    def level(alpha_t: float, sigma_t: float) -> Level:
        total = math.hypot(alpha_t, sigma_t)
        alpha, sigma = alpha_t / total, sigma_t / total
        least = math.sqrt(bar[-1])
        if alpha <= least:
            return Level(1 / total, least, math.sqrt(1 - bar[-1]), float(steps[-1]))
        here = math.inf if sigma == 0 else 2 * (math.log(alpha) - math.log(sigma))
        timestep = np.interp(here, log_snr[::-1], steps[::-1])
        return Level(1 / total, alpha, sigma, float(timestep))

    return level


def levels_of(scheduler: Mapping[str, Any]) -> Levels:
    """The levels that a scheduler_config.json describes, whichever sampler it is for.

    Raises ValueError and TypeError for what is no schedule.
    """
    if _is_flow(scheduler):
        return rectified_flow
    import torch
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    known = {key: scheduler[key] for key in _DDPM if scheduler.get(key) is not None}
    table = DDPMScheduler(**known).alphas_cumprod
    return ddpm(table.to(torch.float64).numpy())


def parametrisation_of(scheduler: Mapping[str, Any]) -> Parametrisation:
    """What the network's output is. Raises ValueError for a name that is not known."""
    name = "flow" if _is_flow(scheduler) else scheduler.get("prediction_type", "epsilon")
    try:
        return _PARAMETRISATIONS[name]
    except KeyError as error:
        raise ValueError(f"prediction_type {name!r} is not known") from error


_DDPM = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)


def _is_flow(scheduler: Mapping[str, Any]) -> bool:
    return str(scheduler.get("_class_name", "")).startswith("FlowMatch")
