"""From x_t at any SNR to what a published network saw: the paths that such networks were trained along.

A network was trained on x_t = alpha_t x_0 + sigma_t eps along one path. A state of any other path with the same SNR is a
multiple of one on it (Vonderfecht and Liu 2025, A.3).

    ddpm            Ho et al. 2020: a table of alpha-bar over timesteps, alpha_t^2 + sigma_t^2 = 1. Between timesteps ln SNR
                    is interpolated, as in k-diffusion
    rectified_flow  Lipman et al. 2023: alpha_t = 1 - t, sigma_t = t
    trigonometric   Lu and Song 2025: alpha_t = cos t, sigma_t = sin t
    edm             Karras et al. 2022, table 1: (x_0 + sigma eps) c_in, of unit variance; told ln(sigma) / 4
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Level", "Levels", "Parametrisation", "ddpm", "edm", "rectified_flow", "trigonometric"]


class Level(NamedTuple):
    """A place on the network's own path.

    scale     factor that brings the state there.
    alpha, sigma   of the path.
    timestep  what the network is told; it need not be a whole number.
    """

    scale: float
    alpha: float
    sigma: float
    timestep: float


#: The place of a state by its alpha_t and sigma_t.
Levels = Callable[[float, float], Level]

#: x0-hat from the network's input x, its output and the level.
Parametrisation = Callable[["Tensor", "Tensor", Level], "Tensor"]


def rectified_flow(clock: float = 1000.0, whole: bool = False) -> Levels:
    """Levels on the path (1 - t, t).

    clock  what the network is told at t = 1.
    whole  whether it is told whole numbers alone, the fraction cut off.
    """

    def level(alpha_t: float, sigma_t: float) -> Level:
        total = alpha_t + sigma_t
        t = sigma_t / total
        # A whole number that rounding has brought just below itself is itself.
        told = math.floor(clock * t + 1e-4) if whole else clock * t
        return Level(1 / total, 1 - t, t, float(told))

    return level


def trigonometric(alpha_t: float, sigma_t: float) -> Level:
    """The level on the path (cos t, sin t), of which the network is told t."""
    total = math.hypot(alpha_t, sigma_t)
    told = math.atan2(sigma_t, alpha_t)
    return Level(1 / total, alpha_t / total, sigma_t / total, told)


def ddpm(alphas_cumprod: np.ndarray[Any, np.dtype[np.float64]]) -> Levels:
    """Levels by a table of alpha-bar over timesteps.

    A state with more noise than the last timestep has is taken for one there: the network knows no other, and where its
    alpha is so small the difference is nothing. One with less than the first has that timestep and its own SNR.

    Raises ValueError for a table that does not fall from 1.
    """
    if not (
        alphas_cumprod.ndim == 1
        and len(alphas_cumprod)
        and np.isfinite(alphas_cumprod).all()
        and (np.diff(alphas_cumprod, prepend=1) <= 0).all()
    ):
        raise ValueError("its betas make no noise that grows with time")
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


def edm(sigma_min: float, sigma_max: float, deviation: float, clock: float = 1.0) -> Levels:
    """Levels of networks that see (x_0 + sigma eps) / sqrt(sigma^2 + deviation^2) and are told clock ln(sigma) / 4.

    sigma_min, sigma_max   between which it was trained: beyond, as in `ddpm`.
    deviation              of x_0, "sigma_data".
    """

    def level(alpha_t: float, sigma_t: float) -> Level:
        most = alpha_t * sigma_max <= sigma_t
        sigma = sigma_max if most else sigma_t / alpha_t
        c_in = 1 / math.hypot(sigma, deviation)
        told = clock * math.log(max(sigma, sigma_min)) / 4
        return Level(
            c_in * (sigma_max / sigma_t if most else 1 / alpha_t), c_in, sigma * c_in, told
        )

    return level
