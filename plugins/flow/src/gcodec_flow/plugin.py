"""Specs of gcodec-flow. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import REALISM, TILE, Option, ReconstructorSpec, TrainerSpec, hookimpl, steps

GCODEC_INTERFACE = 1

_STEPS = steps(4)
_RATIO = Option(
    "ratio", float, 0.25, "of one bin width to the one before it", minimum=0.01, maximum=0.99
)
_BETA = Option(
    "beta", float, 0.0, "strength of the noise injected between steps", minimum=0.0, maximum=1.0
)
_START = Option(
    "start",
    str,
    "auto",
    "noise, given what stage 1 says, or the state that this is by itself; auto is a state where a time or noise of one is"
    " given, else what the model is made for",
    choices=("auto", "noise", "state"),
)
_NOISE = Option(
    "noise",
    float,
    0.0,
    "of a state: noise added to it, in multiples of its error; with 0 nothing is drawn",
    minimum=0.0,
    maximum=4.0,
)
_TIME = Option(
    "time",
    float,
    0.0,
    "of a state: begin at this time of the flow, whatever the error; 0 takes the one that fits it",
    minimum=0.0,
    maximum=0.95,
)


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    """Conditional flow matching from noise to the image: on samples, and in a latent space."""
    return [
        ReconstructorSpec(
            name="flow",
            summary="adds the detail that the preview lost: flow matching, noise to X given X*",
            implementation="gcodec_flow.reconstructor:Flow",
            needs=(("preview",),),
            model="base/flow",
            options=(_STEPS, REALISM, TILE),
            available="gcodec.models.graphs:networks_missing",
        ),
        ReconstructorSpec(
            name="bridge",
            summary="flow matching from the preview to X, without noise: HFD-flow",
            implementation="gcodec_flow.reconstructor:Bridge",
            needs=(("preview",),),
            model="base/bridge",
            options=(steps(2), REALISM, TILE),
            available="gcodec.models.graphs:networks_missing",
        ),
        ReconstructorSpec(
            name="latent_flow",
            summary="flow matching in a latent space, given a preview, a latent, tokens or a sketch",
            implementation="gcodec_flow.latent:LatentFlow",
            needs=(
                ("latent/{space}",),
                ("preview",),
                ("tokens/{codebook}",),
                ("sketch",),
            ),
            uses=("sketch",),
            model="base/denoiser",
            options=(_STEPS, REALISM, TILE),
            available="gcodec.models.graphs:torch_missing",
        ),
        ReconstructorSpec(
            name="one_step",
            summary="one call of a denoiser, from what stage 1 says to the picture",
            implementation="gcodec_flow.one_step:OneStep",
            needs=(
                ("noisy/{space}",),
                ("latent/{space}",),
                ("preview",),
                ("tokens/{codebook}",),
                ("sketch",),
            ),
            uses=("sketch", "text"),
            model="base/one_step",
            options=(_START, _NOISE, _TIME, REALISM, TILE),
            available="gcodec.models.graphs:torch_missing",
        ),
        ReconstructorSpec(
            name="rate_variable",
            summary="quantization undone in two steps, from the dequantized latent",
            implementation="gcodec_flow.rate_variable:RateVariable",
            needs=(("latent/{space}",),),
            model="base/denoiser",
            options=(steps(2), _RATIO, _BETA, REALISM, TILE),
            available="gcodec.models.graphs:torch_missing",
        ),
    ]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    """The networks of the reconstructors `flow` and `bridge`."""
    return [
        TrainerSpec(
            name=name,
            summary=f"the velocity network of the reconstructor {name}, on pairs made from photographs",
            implementation=f"gcodec_flow.training:{name.title()}",
        )
        for name in ("flow", "bridge")
    ]
