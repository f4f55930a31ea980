"""Where things are in a model folder, and in which latent space its signals live. Imports no torch.

A pipeline is a folder as diffusers saves it: model_index.json names the class, and each component has a folder of its own,

    unet or transformer   config.json, diffusion_pytorch_model.safetensors, perhaps in shards
    vae                   the same
    scheduler             scheduler_config.json
    text_encoder, tokenizer, and the same with _2 and _3
    controlnet            in pipelines that have one
    hyper_enc             in PerCo(SD): the encoder that makes tokens of latents, and their codebook
    empty_prompt.safetensors   optional: the embeddings of the empty prompt, so that no text encoder is needed for it

The space of an AutoencoderKL is called "kl-" and the first 16 digits of a SHA-256: of the settings that its latents depend
on, and of its weights. So two models that share an autoencoder share a space, whoever saved it, and no others do. Tokens of
a hyper-encoder are called "vq-" and the first 16 digits of its folder's digest.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gcodec.errors import ModelDamaged
from gcodec.plugin import Codes, Place

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore

__all__ = [
    "EMPTY_PROMPT",
    "FAMILIES",
    "HYPER_ENCODER",
    "Family",
    "autoencoder_of",
    "family_of",
    "kl_name",
    "place_of_autoencoder",
    "place_of_kl",
    "place_of_pipeline",
    "place_of_unet",
    "space_of_hyper_encoder",
    "tokens_of",
]

EMPTY_PROMPT = "empty_prompt.safetensors"
HYPER_ENCODER = "hyper_enc"


class Family(NamedTuple):
    """What pipelines of one architecture have in common.

    name     of the architecture: how its network is called.
    network  component that denoises.
    texts    numbers of text encoders, as suffixes of the components' names.
    """

    name: str
    network: str
    texts: tuple[str, ...]


_SD = Family("sd", "unet", ("",))
_SDXL = Family("sdxl", "unet", ("", "_2"))
_SD3 = Family("sd3", "transformer", ("", "_2", "_3"))
_FLUX = Family("flux", "transformer", ("", "_2"))

#: Pipelines by the `_class_name` of model_index.json. The refiner of SDXL is saved as an image-to-image pipeline.
FAMILIES = {
    "StableDiffusionPipeline": _SD,
    "StableDiffusionImg2ImgPipeline": _SD,
    "StableDiffusionControlNetPipeline": _SD,
    "StableDiffusionPipelinePerco": _SD,
    "StableDiffusionXLPipeline": _SDXL,
    "StableDiffusionXLImg2ImgPipeline": _SDXL,
    "StableDiffusionXLControlNetPipeline": _SDXL,
    "StableDiffusion3Pipeline": _SD3,
    "StableDiffusion3ControlNetPipeline": _SD3,
    "FluxPipeline": _FLUX,
    "FluxControlNetPipeline": _FLUX,
}

#: Settings of an AutoencoderKL that decide what its latents are, with what diffusers takes where they are not given.
_LATENT_SETTINGS: dict[str, Any] = {
    "scaling_factor": 0.18215,
    "shift_factor": None,
    "latents_mean": None,
    "latents_std": None,
}


def family_of(model: Model) -> Family:
    """The family of a pipeline's folder. Raises ModelDamaged where it is none."""
    try:
        return FAMILIES[model.class_name or ""]
    except KeyError as error:
        raise ModelDamaged(
            model.name, f"{model.class_name} is no pipeline that is known"
        ) from error


def autoencoder_of(model: Model) -> Path:
    """The folder of a pipeline's autoencoder. Raises ModelDamaged where there is none."""
    folder = model.folder.absolute() / "vae"
    if not (folder / "config.json").is_file():
        raise ModelDamaged(model.name, "the pipeline has no folder vae")
    return folder


def kl_name(folder: Path) -> str:
    """The name of the latent space of an AutoencoderKL. Raises ModelDamaged."""
    weights = sorted(folder.glob("*.safetensors"))
    try:
        stamp = tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in weights)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        settings = {key: config.get(key, default) for key, default in _LATENT_SETTINGS.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelDamaged(str(folder), f"config.json: {error}") from error
    return _kl_name(folder, json.dumps(settings, sort_keys=True), stamp)


@lru_cache
def _kl_name(folder: Path, settings: str, weights: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256(settings.encode())
    for name, _, _ in weights:
        with (folder / name).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return f"kl-{digest.hexdigest()[:16]}"


def tokens_of(model: Model) -> str:
    """The name of the tokens of a hyper-encoder."""
    return f"vq-{model.digest[:16]}"


def space_of_hyper_encoder(model: Model) -> str:
    """The autoencoder whose latents a hyper-encoder quantizes: that of its pipeline. Raises ModelDamaged."""
    folder = model.folder.absolute().parent / "vae"
    if not (folder / "config.json").is_file():
        raise ModelDamaged(model.name, "a hyper-encoder belongs into a pipeline, beside its vae")
    return str(folder)


def place_of_pipeline(model: Model, store: ModelStore) -> Place:
    """A pipeline works in the space of its autoencoder, and with the tokens of its hyper-encoder. Raises ModelDamaged."""
    folder, own = autoencoder_of(model), model.folder.absolute()
    codebooks: tuple[Codes, ...] = ()
    if (own / HYPER_ENCODER).is_dir():
        book = store.find(str(own / HYPER_ENCODER))
        codebooks = (Codes(tokens_of(book), book.name, alone=False),)
    return Place(kl_name(folder), str(folder), str(own), codebooks)


def place_of_kl(model: Model, store: ModelStore) -> Place:
    """An AutoencoderKL by itself. Raises ModelDamaged."""
    folder = model.folder.absolute()
    return Place(kl_name(folder), str(folder))


def place_of_autoencoder(model: Model, store: ModelStore) -> Place:
    """A `LappedAutoencoder` says the name of its space. Raises ModelDamaged."""
    return Place(_space(model), model.name)


def place_of_unet(model: Model, store: ModelStore) -> Place:
    """A `UNet2DModel` names the models of its space and of its codebooks. Raises ModelMissing and ModelDamaged."""
    encoder = store.find(_space(model))
    codebooks = model.config["gcodec"].get("codebooks", {})
    if not isinstance(codebooks, dict):
        raise ModelDamaged(model.name, 'config.json has no table "codebooks" under "gcodec"')
    known = tuple(Codes(str(name), str(book)) for name, book in codebooks.items())
    return Place(_space(encoder), encoder.name, model.name, known)


def _space(model: Model) -> str:
    about = model.config.get("gcodec")
    space = about.get("space") if isinstance(about, dict) else None
    if not isinstance(space, str):
        raise ModelDamaged(model.name, 'config.json says nothing of space under "gcodec"')
    return space
