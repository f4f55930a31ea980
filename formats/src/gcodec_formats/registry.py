"""The registered numbers and names of GCX. Append only: a row is never changed in meaning, moved or reused.

spec/REGISTRY.md holds the same rows for readers and ports; a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .errors import UnknownEmbedding
from .names import NAMES, PREFIXES

if TYPE_CHECKING:
    from ._values import Identity

# Segment types. Even must be understood, odd may be ignored.
MAIN: Final = 0
ICC: Final = 1
COMPANION: Final = 2
EXIF: Final = 3
ALPHA: Final = 4
XMP: Final = 5
THUMBNAIL: Final = 7

# Extension keys. Even must be understood, odd may be ignored.
SEED: Final = 0
RECONSTRUCTOR: Final = 1
PARAMETERS: Final = 2
CHANNELS: Final = 3
SYMBOLS_DIGEST: Final = 5
DEPTH: Final = 7
PACKAGE: Final = 9


class Embedding(NamedTuple):
    """One embedding. `status` is "published", or "reserved" while its plugin is not."""

    id: int
    name: str
    package: str
    status: str
    summary: str


class Reconstructor(NamedTuple):
    """One reconstructor, known by name only: the receiver chooses it, so no file depends on it."""

    name: str
    package: str
    status: str
    summary: str


class Channel(NamedTuple):
    """One channel simulator of `diffc`, whose number travels in its files."""

    id: int
    name: str
    package: str
    status: str
    summary: str


class Entry(NamedTuple):
    """One segment type or extension key."""

    id: int
    name: str
    summary: str


class Profile(NamedTuple):
    """One profile. `status` is "published", or "withdrawn" where its weights are no longer shipped.

    `model` and `digest` are None where the embedding has no weights.
    """

    embedding: str
    profile: int
    status: str
    model: str | None
    digest: str | None


EMBEDDINGS: Final = (
    Embedding(1, "jpeg", "gcodec-classic", "published", "JPEG as stage 1"),
    Embedding(2, "webp", "gcodec-classic", "published", "WebP as stage 1"),
    Embedding(3, "avif", "gcodec-classic", "published", "AVIF as stage 1"),
    Embedding(4, "jxl", "gcodec-classic", "published", "JPEG XL as stage 1"),
    Embedding(16, "ntc", "gcodec-ntc", "published", "nonlinear transform coding, continuous rate"),
    Embedding(
        17, "compressai", "gcodec-compressai", "published", "models of CompressAI, by CompressAI"
    ),
    Embedding(24, "ldm_quant", "gcodec-ldm", "published", "quantized autoencoder latents"),
    Embedding(25, "perco", "gcodec-ldm", "published", "vector-quantized latents and a caption"),
    Embedding(
        26, "rate_variable", "gcodec-ldm", "published", "hyperprior-coded autoencoder latents"
    ),
    Embedding(27, "tokens", "gcodec-ldm", "published", "tokens coarse to fine, the rest drawn"),
    Embedding(32, "text_sketch", "gcodec-text-sketch", "published", "caption and edge sketch"),
    Embedding(40, "diffc", "gcodec-diffc", "published", "noisy x_t by reverse channel coding"),
    Embedding(41, "uqdm", "gcodec-diffc", "published", "noisy x_t by universal quantization"),
    Embedding(42, "ddcm", "gcodec-diffc", "published", "noisy x_t from noise codebooks"),
    Embedding(48, "lossless", "gcodec-lossless", "published", "exact samples under a learned law"),
)

RECONSTRUCTORS: Final = (
    Reconstructor("preview", "gcodec", "published", "the MMSE preview as it is"),
    Reconstructor(
        "flow", "gcodec-flow", "published", "flow matching from noise, given the preview"
    ),
    Reconstructor(
        "latent_flow",
        "gcodec-flow",
        "published",
        "flow matching in a latent space, given what is known",
    ),
    Reconstructor("bridge", "gcodec-flow", "published", "flow from the preview to the image"),
    Reconstructor(
        "rate_variable",
        "gcodec-flow",
        "published",
        "quantization undone, from the dequantized latent",
    ),
    Reconstructor(
        "one_step", "gcodec-flow", "published", "one call of a denoiser, from what is known"
    ),
    Reconstructor("cdc", "gcodec-diffusion", "published", "DDIM given the quantized latent"),
    Reconstructor("hfd", "gcodec-diffusion", "published", "ancestral sampling given the preview"),
    Reconstructor("perco", "gcodec-diffusion", "published", "diffusion given tokens and a caption"),
    Reconstructor(
        "controlnet", "gcodec-diffusion", "published", "diffusion given a sketch and a caption"
    ),
    Reconstructor(
        "relic", "gcodec-diffusion", "published", "diffusion from the noise of the bin width"
    ),
    Reconstructor("ode", "gcodec-posterior", "published", "probability flow from x_t"),
    Reconstructor("sde", "gcodec-posterior", "published", "ancestral sampling from x_t"),
    Reconstructor("mse", "gcodec-posterior", "published", "one denoising step from x_t"),
    Reconstructor("dps", "gcodec-posterior", "published", "diffusion posterior sampling"),
)

CHANNEL_SIMULATORS: Final = (
    Channel(0, "trellis", "gcodec-diffc", "published", "trellis channel coding, to the bit"),
    Channel(1, "chunked", "gcodec-diffc", "published", "truncated Poisson race in chunks"),
    Channel(2, "antipodal", "gcodec-diffc", "published", "trellis channel coding with signed ends"),
    Channel(4, "folded", "gcodec-diffc", "published", "trellis channel coding with few rows"),
)

SEGMENTS: Final = (
    Entry(MAIN, "main", "a layer of the embedding, base first"),
    Entry(ICC, "icc", "ICC colour profile, zstd"),
    Entry(COMPANION, "companion", "a layer of another embedding: its identity, then its payload"),
    Entry(EXIF, "exif", "Exif block from the TIFF header on, zstd"),
    Entry(ALPHA, "alpha", "depth byte, then the alpha plane, zstd"),
    Entry(XMP, "xmp", "XMP packet, zstd"),
    Entry(THUMBNAIL, "thumbnail", "a complete JPEG, PNG or WebP file"),
)

EXTENSIONS: Final = (
    Entry(SEED, "seed", "seed of the common randomness; 0 when absent"),
    Entry(RECONSTRUCTOR, "reconstructor", "suggested reconstructor: name and settings"),
    Entry(PARAMETERS, "parameters", "parameters of the embedding"),
    Entry(CHANNELS, "channels", "1: the source was grayscale"),
    Entry(
        SYMBOLS_DIGEST, "symbols_digest", "SHA-256 of the decoded stage 1 symbols, first 8 bytes"
    ),
    Entry(DEPTH, "depth", "bits per sample of the source; 8 when absent"),
    Entry(PACKAGE, "package", "distribution that has the embedding, where it has no number"),
)

PROFILES: Final = (
    Profile("jpeg", 1, "published", None, None),
    Profile("webp", 1, "published", None, None),
    Profile("avif", 1, "published", None, None),
    Profile("jxl", 1, "published", None, None),
    Profile(
        *("ntc", 1, "withdrawn", "base/ntc"),
        "6b25454acfab7700111cd04a216e2bc5e1ab39f969f4e8f8c34c3d98e586d60f",
    ),
    Profile(
        *("ntc", 2, "withdrawn", "base/ntc"),
        "2ed0b32b95746d6a06144449c1ad26810601a073c12078d8367bb46e8b9811b1",
    ),
    Profile(
        *("ntc", 3, "withdrawn", "base/ntc_range"),
        "a1efa3c0e18dc455cd76dd728e486effe8af0115e5653ca871a9ddda3dfea016",
    ),
    Profile(
        *("ntc", 4, "withdrawn", "base/ntc"),
        "9c889980fc7e06483cdc7f2117d432fd44f7220f7a0a879d3f31eff48793e6f1",
    ),
    Profile(
        *("ntc", 5, "withdrawn", "base/ntc_range"),
        "ce2139e13c78da01c1fff96734d483c5447e625708cbba43608fce24a94390c4",
    ),
    Profile(
        *("ntc", 6, "published", "base/ntc"),
        "34cdb195e5e81643e0f7a22efb7f984ba12aca4c3c00e848ed8491ae8825e709",
    ),
    Profile(
        *("ntc", 7, "published", "base/ntc_range"),
        "69a39af1db26ed5d05c860a0acb4d015e49adf79df6f1e123159630ebfe25065",
    ),
    Profile(
        *("diffc", 1, "withdrawn", "base/diffc"),
        "b55afe8dc78629c94fd546ade61fbb238a41e766806e80cf9b913314e0d641ce",
    ),
    Profile(
        *("diffc", 2, "published", "base/diffc"),
        "7bbf988e67e8b4ceeadcef719df594e0a764a6483dc78b2fcb081fdba3233f23",
    ),
    Profile(
        *("ddcm", 1, "withdrawn", "base/denoiser"),
        "c2e96d264d77e1d12404e77ea1e1f2574b182397756455786c63618f4c0740a5",
    ),
    Profile(
        *("ddcm", 2, "published", "base/denoiser"),
        "b99a20ff62ff2c0d4c048f42e196e854341f41a728c5358441fdae05d19b27d0",
    ),
    Profile(
        *("uqdm", 1, "published", "base/uqdm"),
        "e563bc9683a9d642b6db6e601dbb0ee6d394c34fc63379b91895a877fec4b82a",
    ),
    Profile(
        *("lossless", 1, "withdrawn", "base/lossless"),
        "c9c7405c9f91e9ee4cb591d30dcd103ba4d3fcfbadcd765c8f8fed37ce2ce170",
    ),
    Profile(
        *("lossless", 2, "published", "base/lossless"),
        "578ab3ce6e9417a1b088276a5f2c9f38fec123582526cb93820a342317ded1c8",
    ),
    Profile(
        *("ldm_quant", 1, "published", "base/ldm"),
        "632f0bc7d1f23405b16131146fc0555975aa7468f4b0f8bef9d0469bbb24d8a9",
    ),
    Profile(
        *("rate_variable", 1, "published", "base/ldm"),
        "632f0bc7d1f23405b16131146fc0555975aa7468f4b0f8bef9d0469bbb24d8a9",
    ),
    Profile("text_sketch", 1, "published", None, None),
    Profile(
        *("perco", 1, "published", "base/perco"),
        "83063d242a5e5ed0fb14db3bc225deaf5794e8561f8da6152b07bb1c835d1322",
    ),
    Profile(
        *("tokens", 1, "published", "base/tokens"),
        "e2562dc62e49fe9144c5b45fdfafb829c804dcd111d4a003e66cdede1016fb0b",
    ),
)

#: Numbers of channel simulators that can be registered.
CHANNEL_NUMBERS: Final = range(15)

PRIVATE: Final = range(192, 255)
RESERVED_ID: Final = 255

_EMBEDDINGS_BY_ID = {row.id: row for row in EMBEDDINGS}
_EMBEDDINGS_BY_NAME = {row.name: row for row in EMBEDDINGS}
_PROFILES = {(row.embedding, row.profile): row for row in PROFILES}
_SEGMENTS_BY_TYPE = {row.id: row for row in SEGMENTS}
_EXTENSIONS_BY_KEY = {row.id: row for row in EXTENSIONS}
_RECONSTRUCTORS_BY_NAME = {row.name: row for row in RECONSTRUCTORS}


def embedding(key: int | str) -> Embedding | None:
    """The row of an embedding by id or by name, or None."""
    return _EMBEDDINGS_BY_ID.get(key) if isinstance(key, int) else _EMBEDDINGS_BY_NAME.get(key)


def reconstructor(name: str) -> Reconstructor | None:
    """The row of a reconstructor by name, or None."""
    return _RECONSTRUCTORS_BY_NAME.get(name)


def channel(id: int) -> Channel | None:
    """The row of a channel simulator by number, or None."""
    return next((row for row in CHANNEL_SIMULATORS if row.id == id), None)


def row(kind: str, key: int | str) -> Embedding | Reconstructor | Channel | None:
    """The row of an embedding, a reconstructor or a channel by name or number, or None; of other kinds None."""
    tables: dict[str, tuple[Embedding | Reconstructor | Channel, ...]] = {
        "embedding": EMBEDDINGS,
        "reconstructor": RECONSTRUCTORS,
        "channel": CHANNEL_SIMULATORS,
    }
    rows = tables.get(kind, ())
    return next((row for row in rows if key in (row.name, getattr(row, "id", None))), None)


def owner(kind: str, name: str) -> str | None:
    """The package that a name belongs to, or None.

    kind  "embedding", "reconstructor", or one of the keys of `gcodec_formats.names`.
    """
    found = row(kind, name)
    if found:
        return found.package
    for beginning, package in PREFIXES.get(kind, {}).items():
        if name.startswith(beginning):
            return package
    return NAMES.get(kind, {}).get(name)


def profile(embedding: str, number: int) -> Profile | None:
    """The row of an embedding's profile, or None."""
    return _PROFILES.get((embedding, number))


def segment(type: int) -> Entry | None:
    """The row of a segment type, or None."""
    return _SEGMENTS_BY_TYPE.get(type)


def extension(key: int) -> Entry | None:
    """The row of an extension key, or None."""
    return _EXTENSIONS_BY_KEY.get(key)


def unknown_embedding(identity: Identity, *, offset: int | None = 4) -> UnknownEmbedding:
    """The error for an embedding that the caller cannot decode.

    It names the package to install where the registry knows a published one.
    """
    row = None if identity.id is None else embedding(identity.id)
    if row is None:
        return UnknownEmbedding(identity.id, identity.name, offset=offset)
    published = row.status == "published"
    return UnknownEmbedding(row.id, row.name, row.package, published=published, offset=offset)
