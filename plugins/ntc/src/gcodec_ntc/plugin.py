"""What the `ntc` distribution offers; imports nothing heavy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Option, Profile, TrainerSpec, hookimpl

GCODEC_INTERFACE = 1

# Profile 2 pins the weights `base/ntc` by digest; profile 1 was withdrawn.
DIGEST = "2ed0b32b95746d6a06144449c1ad26810601a073c12078d8367bb46e8b9811b1"


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """The embedding `ntc`."""
    return [
        EmbeddingSpec(
            name="ntc",
            id=16,
            levels=256,
            summary="nonlinear transform coding, continuous rate, about 0.02 to 1.5 bpp",
            implementation="gcodec_ntc.embedding:Ntc",
            makes=("preview",),
            profiles=(Profile(id=2, model=DIGEST),),
            model="base/ntc",
            parse_class="B",
            options=(
                Option(
                    "effort",
                    int,
                    0,
                    "how long to search for less error in the same bytes: 0 not at all, 9 a minute a megapixel",
                    minimum=0,
                    maximum=9,
                ),
            ),
            finder="gcodec_ntc.zoo:find",
            available="gcodec.models.graphs:networks_missing",
            spread=(0, 0, 0.1546, 0.1699, 0.0083, 0.0103, 0.0087, -0.0307, -0.0012, -0.0029),
        )
    ]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    """`ntc`: transforms and entropy model together; `ntc_linear`: scales of the linear mode."""
    return [
        TrainerSpec(
            name="ntc",
            summary="transforms and integer entropy model of the embedding ntc, on photographs",
            implementation="gcodec_ntc.training:NtcTask",
        ),
        TrainerSpec(
            name="ntc_linear",
            summary="contexts of the linear mode of the embedding ntc, on photographs",
            implementation="gcodec_ntc.linear.training:LinearTask",
        ),
    ]
