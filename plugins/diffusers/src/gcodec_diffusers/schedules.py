"""What a scheduler_config.json says of a network: the path that it was trained along, and what its output means.

Whichever sampler the file is for, the network behind it is the same; so of the 26 schedulers here the class decides no more
than the path, and what holds where the file is silent. A class that is not among them is refused: its networks may be
anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gcodec_diffusers.noise_levels import (
    Level,
    Levels,
    Parametrisation,
    ddpm,
    edm,
    rectified_flow,
    trigonometric,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "CLIPPING",
    "DDPM",
    "EDM",
    "FLOW",
    "RESCALING",
    "TRIGONOMETRIC",
    "Schedule",
    "path_of",
    "schedule_of",
]


class Schedule(NamedTuple):
    """How a network is asked.

    level      its path.
    x0_of      x0-hat from its input, its output and the level.
    deviation  of the x_0 that it was trained for.
    few        numbers of steps that it was distilled for, without guidance; () if none.
    bound      within which pictures lie, where the sampler cuts x0-hat off there; None: it does not.
    """

    level: Levels
    x0_of: Parametrisation
    deviation: float = 1.0
    few: tuple[int, ...] = ()
    bound: float | None = None


_PARAMETRISATIONS: Mapping[str, Parametrisation] = {
    # Ho et al. 2020, eq. 15
    "epsilon": lambda x, out, at: (x - at.sigma * out) / at.alpha,
    # Salimans and Ho 2022, "Progressive distillation", appendix D: v = alpha eps - sigma x_0
    "v_prediction": lambda x, out, at: at.alpha * x - at.sigma * out,
    "sample": lambda x, out, at: out,
}


def _flow(x: Tensor, out: Tensor, at: Level) -> Tensor:
    # v = eps - x_0 on the path (1 - t, t)
    return x - at.sigma * out


_SD, _FIRST = (0.00085, 0.012), (0.0001, 0.02)
#: What holds where a scheduler_config.json is silent: the first and the last beta, and how those between them lie.
DDPM: Mapping[str, tuple[float, float, str]] = {
    **dict.fromkeys(
        (
            "DDIMParallelScheduler",
            "DDIMScheduler",
            "DDPMParallelScheduler",
            "DDPMScheduler",
            "DEISMultistepScheduler",
            "DPMSolverMultistepScheduler",
            "DPMSolverSinglestepScheduler",
            "EulerAncestralDiscreteScheduler",
            "EulerDiscreteScheduler",
            "LMSDiscreteScheduler",
            "PNDMScheduler",
            "SASolverScheduler",
            "UniPCMultistepScheduler",
        ),
        (*_FIRST, "linear"),
    ),
    **dict.fromkeys(
        (
            "DPMSolverSDEScheduler",
            "HeunDiscreteScheduler",
            "KDPM2AncestralDiscreteScheduler",
            "KDPM2DiscreteScheduler",
        ),
        (*_SD, "linear"),
    ),
    **dict.fromkeys(("LCMScheduler", "TCDScheduler"), (*_SD, "scaled_linear")),
}
#: Those that can scale their table to zero terminal SNR; the others pass the setting over.
RESCALING = (
    "DDIMParallelScheduler",
    "DDIMScheduler",
    "DDPMParallelScheduler",
    "DDPMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "TCDScheduler",
    "UniPCMultistepScheduler",
)
#: Those that cut x0-hat off unless they are told not to, and those that do where they are told.
CLIPPING = {
    **dict.fromkeys(
        (
            "DDIMParallelScheduler",
            "DDIMScheduler",
            "DDPMParallelScheduler",
            "DDPMScheduler",
            "CMStochasticIterativeScheduler",
        ),
        True,
    ),
    **dict.fromkeys(("HeunDiscreteScheduler", "LCMScheduler", "TCDScheduler"), False),
}
FLOW = (
    "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "FlowMatchLCMScheduler",
)
EDM = ("EDMDPMSolverMultistepScheduler", "EDMEulerScheduler", "CMStochasticIterativeScheduler")
#: Timesteps of a table, at most: it is computed.
_STEPS = 1_000_000
#: Of Sana Sprint: v on the path (cos t, sin t).
TRIGONOMETRIC = ("SCMScheduler",)
#: Of distilled models: what is left of a sampler's steps.
_FEW = (1, 2, 4)
_DISTILLED = (
    "CMStochasticIterativeScheduler",
    "FlowMatchLCMScheduler",
    "LCMScheduler",
    "SCMScheduler",
    "TCDScheduler",
)


def path_of(scheduler: Mapping[str, Any]) -> str:
    """The path of a scheduler_config.json that `schedule_of` takes: "flow", "edm", "trigonometric" or "diffusion"."""
    name = scheduler.get("_class_name")
    if name in FLOW or scheduler.get("prediction_type") == "flow_prediction":
        return "flow"
    return "edm" if name in EDM else "trigonometric" if name in TRIGONOMETRIC else "diffusion"


def schedule_of(scheduler: Mapping[str, Any]) -> Schedule:
    """The schedule that a scheduler_config.json describes, whichever sampler it is for.

    Raises ValueError, TypeError and NotImplementedError for what is no schedule, or none of these.
    """
    name = scheduler.get("_class_name")
    _steps(scheduler)
    few = _FEW if name in _DISTILLED or _turbo(scheduler) else ()
    if name in FLOW:
        if scheduler.get("invert_sigmas"):
            raise ValueError("inverted sigmas are not known")
        level = rectified_flow(float(scheduler.get("num_train_timesteps", 1000)))
        return Schedule(level, _flow, few=few)
    if name in EDM:
        return _edm(scheduler, few)
    if name in TRIGONOMETRIC:
        if scheduler.get("prediction_type", "trigflow") != "trigflow":
            raise ValueError(f"prediction_type {scheduler['prediction_type']!r} is not known")
        return Schedule(trigonometric, _PARAMETRISATIONS["v_prediction"], few=few)
    if name not in DDPM:
        raise ValueError(
            f"_class_name {name!r} is not known; known are {', '.join(sorted((*DDPM, *FLOW, *EDM, *TRIGONOMETRIC)))}"
        )
    if scheduler.get("thresholding"):
        raise ValueError("dynamic thresholding is not known: x0-hat would depend on the picture")
    kind = scheduler.get("prediction_type", "epsilon")
    if kind == "flow_prediction" and scheduler.get("use_flow_sigmas"):
        level = rectified_flow(float(scheduler.get("num_train_timesteps", 1000)), whole=True)
        return Schedule(level, _flow, few=few)
    if scheduler.get("use_flow_sigmas"):
        raise ValueError(f"prediction_type {kind!r} on a flow's path is not known")
    if scheduler.get("timestep_type") == "continuous":
        if kind != "v_prediction":
            raise ValueError(f"prediction_type {kind!r} with continuous timesteps is not known")
        return _edm(
            {"sigma_min": 0.002, "sigma_max": 700.0, **_given(scheduler), "sigma_data": 1}, few
        )
    if kind not in _PARAMETRISATIONS:
        known = ", ".join(_PARAMETRISATIONS)
        raise ValueError(f"prediction_type {kind!r} is not known; known are {known}")
    return Schedule(_table(scheduler), _PARAMETRISATIONS[kind], 1.0, few, _bound(scheduler))


def _steps(scheduler: Mapping[str, Any]) -> None:
    """Raise ValueError, or TypeError, for a number of timesteps that no network was trained with."""
    steps = scheduler.get("num_train_timesteps")
    if steps is not None and not 1 <= steps <= _STEPS:
        raise ValueError(f"num_train_timesteps is {steps!r}; known are 1 to {_STEPS}")


def _given(scheduler: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in scheduler.items() if value is not None}


def _table(scheduler: Mapping[str, Any]) -> Levels:
    import torch
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    name = scheduler["_class_name"]
    silent = dict(zip(("beta_start", "beta_end", "beta_schedule"), DDPM[name], strict=True))
    settings = silent | {key: v for key, v in _given(scheduler).items() if key in _DDPM}
    if name not in RESCALING:
        settings.pop("rescale_betas_zero_snr", None)
    table = DDPMScheduler(**settings).alphas_cumprod
    return ddpm(table.to(torch.float64).numpy())


def _edm(scheduler: Mapping[str, Any], few: tuple[int, ...]) -> Schedule:
    sigma_min, sigma_max = (
        float(scheduler.get(key, default))
        for key, default in (("sigma_min", 0.002), ("sigma_max", 80.0))
    )
    deviation = float(scheduler.get("sigma_data", 0.5))
    if not (0 < sigma_min < sigma_max < math.inf and 0 < deviation < math.inf):
        raise ValueError(
            f"sigma_min {sigma_min:g}, sigma_max {sigma_max:g} and sigma_data {deviation:g} are no noise levels"
        )
    if scheduler.get("_class_name") == "CMStochasticIterativeScheduler":

        def boundary(x: Tensor, out: Tensor, at: Level) -> Tensor:
            """Song et al. 2023, "Consistency models", appendix C, eqs. 5 and 25."""
            sigma = at.sigma / at.alpha
            beyond = sigma - sigma_min
            c_skip = deviation**2 / (beyond**2 + deviation**2)
            return c_skip * x / at.alpha + beyond * deviation * at.alpha * out

        level = edm(sigma_min, sigma_max, deviation, 1000.0)
        return Schedule(level, boundary, deviation, few, _bound(scheduler))
    kind = scheduler.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction"):
        raise ValueError(f"prediction_type {kind!r} is not known")
    sign = 1 if kind == "epsilon" else -1

    def preconditioned(x: Tensor, out: Tensor, at: Level) -> Tensor:
        """Karras et al. 2022, eq. 7, with c_in = at.alpha and c_in sigma = at.sigma; v is the same of the other sign."""
        return deviation**2 * at.alpha * x + sign * deviation * at.sigma * out

    return Schedule(edm(sigma_min, sigma_max, deviation), preconditioned, deviation, few)


def _bound(scheduler: Mapping[str, Any]) -> float | None:
    name = scheduler["_class_name"]
    key = "clip_denoised" if name in EDM else "clip_sample"
    cut = name in CLIPPING and scheduler.get(key, CLIPPING[name])
    return float(scheduler.get("clip_sample_range", 1.0)) if cut else None


def _turbo(scheduler: Mapping[str, Any]) -> bool:
    """As the Turbo models of Stable Diffusion are saved: nobody else starts an Euler sampler of epsilon at the last step."""
    return (
        scheduler.get("_class_name")
        in ("EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler")
        and scheduler.get("timestep_spacing") == "trailing"
        and scheduler.get("prediction_type", "epsilon") == "epsilon"
        and not scheduler.get("rescale_betas_zero_snr")
    )


_DDPM = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
