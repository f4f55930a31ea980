"""Specs of gcodec-ldm. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import (
    CAPTION,
    EmbeddingSpec,
    NetworkSpec,
    Option,
    Profile,
    TrainerSpec,
    hookimpl,
)

GCODEC_INTERFACE = 1

#: What profile 1 of `ldm_quant` and of `rate_variable` pins.
_ENTROPY = "632f0bc7d1f23405b16131146fc0555975aa7468f4b0f8bef9d0469bbb24d8a9"
#: What profile 1 of `perco` pins.
_PERCO = "83063d242a5e5ed0fb14db3bc225deaf5794e8561f8da6152b07bb1c835d1322"
#: What profile 1 of `tokens` pins.
_TOKENS = "e2562dc62e49fe9144c5b45fdfafb829c804dcd111d4a003e66cdede1016fb0b"

_EFFORT = Option(
    "effort",
    int,
    0,
    "how often to choose symbols by what they cost: 0 never, the nearest are taken; above 3 nothing is gained",
    minimum=0,
    maximum=3,
)


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """Latents, quantized."""
    return [
        EmbeddingSpec(
            name="ldm_quant",
            id=24,
            levels=256,
            summary="autoencoder latent rounded to multiples of any bin width, about 0.05 to 1.5 bpp",
            implementation="gcodec_ldm.scalar.embedding:LdmQuant",
            makes=("latent/{space}",),
            profiles=(Profile(id=1, model=_ENTROPY),),
            model="base/ldm",
            parse_class="B",
            options=(
                Option(
                    "dither",
                    bool,
                    False,
                    "universal quantization: the error is uniform noise everywhere, at the price of more bytes",
                ),
                _EFFORT,
            ),
            spread=(
                *(1.0419, -0.1753),
                *(0.3095, 0.3603, 0.0084, 0.025, -0.019, -0.0508, -0.0002, -0.0049),
            ),
        ),
        EmbeddingSpec(
            name="rate_variable",
            id=26,
            summary="autoencoder latent rounded relative to predicted means, any bin width",
            implementation="gcodec_ldm.scalar.embedding:RateVariable",
            makes=("latent/{space}",),
            profiles=(Profile(id=1, model=_ENTROPY),),
            model="base/ldm",
            parse_class="B",
            options=(_EFFORT,),
        ),
        EmbeddingSpec(
            name="perco",
            id=25,
            levels=32,
            summary="vector-quantized tokens on one of two grids and a caption, about 0.002 to 0.03 bpp",
            implementation="gcodec_ldm.perco.embedding:Perco",
            # Which codebook is the sender's choice of rate; one file in both would say everything twice.
            makes=("tokens/{codebook}", "text"),
            one_of=1,
            profiles=(Profile(id=1, model=_PERCO),),
            model="base/perco",
            parse_class="B",
            options=CAPTION,
        ),
        EmbeddingSpec(
            name="tokens",
            id=27,
            levels=1 << 18,
            summary="any beginning of a stream of tokens, the rest drawn from their prior, about 0.001 to 0.2 bpp",
            implementation="gcodec_ldm.tokens.embedding:Tokens",
            makes=("latent/{space}",),
            profiles=(Profile(id=1, model=_TOKENS),),
            model="base/tokens",
            parse_class="B",
            progressive=True,
            options=(
                Option(
                    "complete",
                    bool,
                    True,
                    "the receiver draws the tokens that are not sent; else it leaves them to the reconstructor",
                ),
            ),
        ),
    ]


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    """Entropy models, so that it is known whose latents they code."""
    place = "gcodec_ldm.scalar.place"
    return [
        NetworkSpec(
            "LatentEntropy",
            "other",
            "integer entropy model of the latents of one autoencoder",
            f"{place}:latents_of",
            f"{place}:place_of_entropy",
        )
    ]


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
        TrainerSpec(
            name="tokens",
            summary="tokens coarse to fine: codewords of what codebooks leave, and the priors of all levels",
            implementation="gcodec_ldm.tokens.training:TokensTask",
        ),
    ]
