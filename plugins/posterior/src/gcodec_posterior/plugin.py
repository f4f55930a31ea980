"""Specs of gcodec-posterior. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import REALISM, TILE, Option, ReconstructorSpec, hookimpl, steps

GCODEC_INTERFACE = 1

_STEPS = steps(8, maximum=50)
_JACOBIAN = Option(
    "jacobian", bool, False, "guide through the derivative of the network, at three times the time"
)
_MODEL = "base/denoiser"
_NOISY = "noisy/{space}"
_KNOWN = ("latent/{space}", "preview", "tokens/{codebook}", "sketch")


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    """Samplers from a noisy x_t, and from any signal."""
    return [
        ReconstructorSpec(
            name="ode",
            summary="probability flow from x_t: DiffC-F",
            implementation="gcodec_posterior.noisy:ProbabilityFlow",
            needs=((_NOISY,),),
            uses=_KNOWN,
            model=_MODEL,
            options=(_STEPS, REALISM, TILE),
        ),
        ReconstructorSpec(
            name="sde",
            summary="ancestral sampling from x_t: DiffC-A",
            implementation="gcodec_posterior.noisy:Ancestral",
            needs=((_NOISY,),),
            uses=_KNOWN,
            model=_MODEL,
            options=(_STEPS, REALISM, TILE),
        ),
        ReconstructorSpec(
            name="mse",
            summary="one denoising step from x_t, least squared error: DiffC-MSE",
            implementation="gcodec_posterior.noisy:Mean",
            needs=((_NOISY,),),
            uses=_KNOWN,
            model=_MODEL,
            options=(TILE,),
        ),
        ReconstructorSpec(
            name="dps",
            summary="posterior sampling with an unconditional model, guided by any signal",
            implementation="gcodec_posterior.dps:PosteriorSampler",
            needs=((_NOISY,), *((known,) for known in _KNOWN)),
            uses=_KNOWN,
            model=_MODEL,
            options=(_STEPS, REALISM, _JACOBIAN, TILE),
        ),
    ]
