"""What the `ntc` distribution offers; imports nothing heavy."""

from __future__ import annotations

from gcodec.plugin import EmbeddingSpec, Option, Profile, TrainerSpec, hookimpl

GCODEC_INTERFACE = 1

# Profiles pin weights by digest: 6 `base/ntc`, 7 `base/ntc_range`, which names them for its lower range.
# 1 to 5 were withdrawn; the networks of 1 were others.
_FORMER = (
    Profile(2, "2ed0b32b95746d6a06144449c1ad26810601a073c12078d8367bb46e8b9811b1", withdrawn=True),
    Profile(3, "a1efa3c0e18dc455cd76dd728e486effe8af0115e5653ca871a9ddda3dfea016", withdrawn=True),
    Profile(4, "9c889980fc7e06483cdc7f2117d432fd44f7220f7a0a879d3f31eff48793e6f1", withdrawn=True),
    Profile(5, "ce2139e13c78da01c1fff96734d483c5447e625708cbba43608fce24a94390c4", withdrawn=True),
)
NETWORKS = "34cdb195e5e81643e0f7a22efb7f984ba12aca4c3c00e848ed8491ae8825e709"
WHOLE = "69a39af1db26ed5d05c860a0acb4d015e49adf79df6f1e123159630ebfe25065"


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """The embedding `ntc`."""
    return [
        EmbeddingSpec(
            name="ntc",
            id=16,
            levels=605,
            summary="nonlinear transform coding, continuous rate, 0.02 bpp to all but lossless",
            implementation="gcodec_ntc.embedding:Ntc",
            makes=("preview",),
            profiles=(*_FORMER, Profile(id=6, model=NETWORKS), Profile(id=7, model=WHOLE)),
            model="base/ntc_range",
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
            spread=(0, 0, 0.1348, 0.03, -0.0049, -0.0035, 0.0117, -0.0066, 0.0009, -0.0005),
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
