"""Specs of gcodec-lossless. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Profile, TrainerSpec, hookimpl

GCODEC_INTERFACE = 1

#: SHA-256 of `base/lossless`, which profile 1 pins.
MODEL = "c9c7405c9f91e9ee4cb591d30dcd103ba4d3fcfbadcd765c8f8fed37ce2ce170"

_LOSSLESS = EmbeddingSpec(
    name="lossless",
    id=48,
    summary="the very samples, 8 or 16 bits, under a learned law of integers; or within a few of 255 parts",
    implementation="gcodec_lossless.embedding:Lossless",
    makes=("preview",),
    profiles=(Profile(1, MODEL),),
    model="base/lossless",
    parse_class="B",
    levels=16,
    quality=1.0,
)


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """Stage 1 without loss."""
    return [_LOSSLESS]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    """The law of the samples."""
    return [
        TrainerSpec(
            name="lossless",
            summary="the law of the embedding lossless, on photographs",
            implementation="gcodec_lossless.training:LosslessTask",
        )
    ]
