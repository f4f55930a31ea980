"""Specs of gcodec-diffc. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Option, Profile, TrainerSpec, hookimpl

_DIFFC = EmbeddingSpec(
    name="diffc",
    summary="noisy x_t by channel simulation under an unconditional denoiser; progressive",
    implementation="gcodec_diffc.diffc.embedding:Diffc",
    makes=("noisy/base",),
    parse_class="A",
    id=40,
    profiles=(Profile(1, "b55afe8dc78629c94fd546ade61fbb238a41e766806e80cf9b913314e0d641ce"),),
    model="base/diffc",
    progressive=True,
    levels=8193,
    options=(
        Option(
            "channel",
            str,
            "trellis",
            "channel simulator; chunked is the published one, for comparison",
            choices=("trellis", "chunked"),
        ),
        Option(
            "memory",
            int,
            14,
            "bits of the trellis' register: one more halves the sender's speed and gains a little rate",
            minimum=4,
            maximum=19,
        ),
    ),
)


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """Stage 1 by channel simulation."""
    return [_DIFFC]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    """`uqdm`: prior and restorer together."""
    return [
        TrainerSpec(
            name="uqdm",
            summary="prior and previews of the embedding uqdm, on photographs",
            implementation="gcodec_diffc.uqdm.training:UqdmTask",
        )
    ]
