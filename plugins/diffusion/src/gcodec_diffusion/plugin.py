"""Specs of gcodec-diffusion. Imports neither torch nor NumPy."""

from __future__ import annotations

from dataclasses import replace

from gcodec.plugin import GUIDANCE, REALISM, TILE, Option, ReconstructorSpec, hookimpl, steps

GCODEC_INTERFACE = 1

_MODEL = "base/denoiser"
_GAMMA = Option(
    "gamma",
    float,
    0.8,
    "deviation of the noise to begin with; 0 makes the picture a function of the file",
    minimum=0.0,
    maximum=1.0,
)
_SCHEDULE = Option(
    "schedule",
    str,
    "cosine",
    "where the steps lie: cosine, as CDC's x-parametrisation has them, or linear, as its epsilon-parametrisation",
    choices=("cosine", "linear"),
)
_SHIFT = Option(
    "shift",
    float,
    0.5,
    "below 1 steps crowd towards low noise, above 1 towards high noise",
    minimum=0.05,
    maximum=20.0,
)
_ETA = Option(
    "eta",
    float,
    1.0,
    "1 draws noise in every step, as ancestral sampling does, 0 in none",
    minimum=0.0,
    maximum=1.0,
)
_TIME = Option(
    "time",
    float,
    0.0,
    "begin at this time of the flow, whatever the bin width; 0 takes the one that fits it",
    minimum=0.0,
    maximum=0.95,
)


@hookimpl
def gcodec_reconstructors() -> list[ReconstructorSpec]:
    """Conditional diffusion."""
    package = "gcodec_diffusion"
    return [
        ReconstructorSpec(
            name="cdc",
            summary="DDIM given the quantized latent (CDC)",
            implementation=f"{package}.cdc:ConditionalDiffusion",
            needs=(("latent/{space}",),),
            model=_MODEL,
            options=(steps(4), _GAMMA, _SCHEDULE, REALISM, TILE),
        ),
        ReconstructorSpec(
            name="hfd",
            summary="ancestral sampling given the preview, on a schedule of low noise (HFD)",
            implementation=f"{package}.hfd:HighFidelityDiffusion",
            needs=(("preview",),),
            model=_MODEL,
            options=(steps(4), _SHIFT, _ETA, REALISM, TILE),
        ),
        ReconstructorSpec(
            name="perco",
            summary="diffusion given tokens and a caption, with guidance (PerCo)",
            implementation=f"{package}.guided:PerceptualCompression",
            needs=(("tokens/{codebook}",), ("latent/{space}",), ("preview",), ("sketch",)),
            uses=("text", "sketch"),
            model=_MODEL,
            options=(steps(4), replace(GUIDANCE, default=1.5), REALISM, TILE),
        ),
        ReconstructorSpec(
            name="controlnet",
            summary="diffusion given an edge sketch and a caption, with guidance (Text+Sketch)",
            implementation=f"{package}.guided:TextSketch",
            needs=(("sketch",),),
            uses=("text", "preview"),
            model=_MODEL,
            options=(steps(4), replace(GUIDANCE, default=1.5), REALISM, TILE),
        ),
        ReconstructorSpec(
            name="relic",
            summary="few steps from the time at which diffusion's noise is quantization's (Relic)",
            implementation=f"{package}.relic:QuantizationNoise",
            needs=(("latent/{space}",),),
            model=_MODEL,
            options=(steps(3), _TIME, REALISM, TILE),
        ),
    ]
