"""Specs of gcodec-diffc. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import (
    ChannelSpec,
    EmbeddingSpec,
    NetworkSpec,
    Option,
    Profile,
    TrainerSpec,
    hookimpl,
)

GCODEC_INTERFACE = 1

_DIFFC = EmbeddingSpec(
    name="diffc",
    summary="noisy x_t by channel simulation under an unconditional denoiser; progressive",
    implementation="gcodec_diffc.diffc.embedding:Diffc",
    makes=("noisy/{space}",),
    parse_class="A",
    id=40,
    profiles=(Profile(2, "7bbf988e67e8b4ceeadcef719df594e0a764a6483dc78b2fcb081fdba3233f23"),),
    model="base/diffc",
    progressive=True,
    levels=8193,
    options=(
        Option(
            "channel",
            str,
            "folded",
            "channel simulator, with its options as in folded:memory=14; `gcodec plugins` lists what is installed",
        ),
    ),
)

_CHANNELS = [
    ChannelSpec(
        name="trellis",
        id=0,
        summary="trellis channel coding: a whole step is one block, to the bit",
        implementation="gcodec_diffc.channels:Trellis",
        options=(
            Option(
                "memory",
                int,
                14,
                "bits of its register: one more halves the sender's speed and gains a little rate",
                minimum=4,
                maximum=19,
            ),
        ),
        fixed=True,
    ),
    ChannelSpec(
        name="antipodal",
        id=2,
        summary="trellis channel coding with signs at the ends of its register: 3 % fewer bits",
        implementation="gcodec_diffc.channels:Antipodal",
        options=(
            Option(
                "memory",
                int,
                16,
                "bits of its register: one more halves the sender's speed and gains a little rate",
                minimum=4,
                maximum=19,
            ),
        ),
        fixed=True,
    ),
    ChannelSpec(
        name="folded",
        id=4,
        summary="antipodal with 4096 rows for all registers: faster, so with three bits more: conveys 1.2 % more",
        implementation="gcodec_diffc.channels:Folded",
        options=(
            Option(
                "memory",
                int,
                19,
                "bits of its register: one more halves the sender's speed and gains a little rate",
                minimum=8,
                maximum=23,
            ),
        ),
        fixed=True,
    ),
    ChannelSpec(
        name="chunked",
        id=1,
        summary="the published scheme: a truncated Poisson race in chunks of 16 bits; for comparison",
        implementation="gcodec_diffc.channels:shared",
    ),
]

#: SHA-256 of `base/denoiser`, which profile 2 of `ddcm` pins.
DENOISER = "b99a20ff62ff2c0d4c048f42e196e854341f41a728c5358441fdae05d19b27d0"
#: That of profile 1.
FORMER = "c2e96d264d77e1d12404e77ea1e1f2574b182397756455786c63618f4c0740a5"

_DDCM = EmbeddingSpec(
    name="ddcm",
    summary="noisy x_t from noise codebooks, 0.005 to 0.3 bpp; progressive",
    implementation="gcodec_diffc.ddcm.embedding:Ddcm",
    makes=("noisy/{space}",),
    parse_class="A",
    id=42,
    profiles=(Profile(1, FORMER, withdrawn=True), Profile(2, DENOISER)),
    model="base/denoiser",
    progressive=True,
    options=(
        Option(
            "atoms",
            int,
            1,
            "atoms of a block, the rate decides how many blocks; 0: one block, the rate decides how many atoms",
            minimum=0,
            maximum=128,
        ),
        Option(
            "codebook",
            int,
            16,
            "base-2 logarithm of the codebook's entries; 16 at most but for hadamard, where 20 suits one block",
            minimum=1,
            maximum=22,
        ),
        Option("coefficients", int, 1, "bits of an atom's coefficient", minimum=1, maximum=8),
        Option(
            "method",
            str,
            "hadamard",
            "codewords, and how atoms are chosen: hadamard from the rows of a transform (H-DDCM), threshold from normals"
            " all at once (Turbo-DDCM), pursuit one by one (DDCM)",
            choices=("hadamard", "threshold", "pursuit"),
        ),
        Option(
            "steps", int, 8, "steps of the sampler; time is proportional", minimum=1, maximum=256
        ),
    ),
)

_UQDM = EmbeddingSpec(
    name="uqdm",
    id=41,
    levels=17,
    summary="universal quantization step by step, 0.07 bpp to lossless; progressive",
    implementation="gcodec_diffc.uqdm.embedding:Uqdm",
    makes=("preview",),
    profiles=(Profile(1, "e563bc9683a9d642b6db6e601dbb0ee6d394c34fc63379b91895a877fec4b82a"),),
    model="base/uqdm",
    parse_class="B",
    progressive=True,
)


@hookimpl
def gcodec_embeddings() -> list[EmbeddingSpec]:
    """Stage 1 by channel simulation."""
    return [_DIFFC, _UQDM, _DDCM]


@hookimpl
def gcodec_channels() -> list[ChannelSpec]:
    """What `diffc` can send a step by."""
    return _CHANNELS


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    """Schedules of `diffc`."""
    schedule = "gcodec_diffc.diffc._schedule"
    return [
        NetworkSpec(
            "DiffcSchedule",
            "other",
            "bits of the steps of the embedding diffc, for one denoiser",
            f"{schedule}:open_schedule",
            f"{schedule}:place_of_schedule",
        )
    ]


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
