"""Specs of gcodec-ldm. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import TrainerSpec, hookimpl


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    """What codes latents."""
    return [
        TrainerSpec(
            name="latent_entropy",
            summary="bits of a latent space's latents at every bin width, for ldm_quant and rate_variable",
            implementation="gcodec_ldm.scalar.training:LatentEntropyTask",
        ),
        TrainerSpec(
            name="perco",
            summary="the prior of vector-quantized tokens, of all codebooks at once",
            implementation="gcodec_ldm.perco.training:PercoTask",
        ),
    ]
