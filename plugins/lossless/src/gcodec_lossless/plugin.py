"""Specs of gcodec-lossless. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Profile, TrainerSpec, hookimpl

GCODEC_INTERFACE = 1

#: SHA-256 of `base/lossless`, which profile 2 pins.
MODEL = "578ab3ce6e9417a1b088276a5f2c9f38fec123582526cb93820a342317ded1c8"
#: What goes by a further byte has come since.
_FORMER = Profile(
    1, "c9c7405c9f91e9ee4cb591d30dcd103ba4d3fcfbadcd765c8f8fed37ce2ce170", withdrawn=True
)

_LOSSLESS = EmbeddingSpec(
    name="lossless",
    id=48,
    summary="the very samples, 8 or 16 bits, under a learned law of integers; or within a few of 255 parts",
    implementation="gcodec_lossless.embedding:Lossless",
    makes=("preview",),
    profiles=(_FORMER, Profile(2, MODEL)),
    model="base/lossless",
    parse_class="B",
    levels=16,
    apart=True,
    quality=1.0,
    spread=(0.0,) * 10,  # as far as is said, everywhere alike
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
