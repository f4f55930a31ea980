"""Where things are in a model folder, and in which latent space its signals live. Imports no torch.

A pipeline is a folder as diffusers saves it: model_index.json names the class, and each component has a folder of its own,

    unet or transformer   config.json, diffusion_pytorch_model.safetensors, perhaps in shards
    vae, or movq          the same
    scheduler             scheduler_config.json
    text_encoder, tokenizer, and the same with _2 and _3
    controlnet            in pipelines that have one
    hyper_enc             in PerCo(SD): the encoder that makes tokens of latents, and their codebook
    empty_prompt.safetensors   optional: the embeddings of the empty prompt, so that no text encoder is needed for it

The space of an AutoencoderKL is called "kl-" and the first 16 digits of a SHA-256: of the settings that its latents depend
on, and of its weights; those of other autoencoders likewise (`SPACES`). So two models that share an autoencoder share a
space, whoever saved it, and no others do. Tokens of a hyper-encoder are called "vq-" and the first 16 digits of its
folder's digest.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gcodec.errors import ModelDamaged
from gcodec.models.digests import remembered
from gcodec.models.needed import weights_of
from gcodec.plugin import Codes, Place

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore

__all__ = [
    "EMPTY_PROMPT",
    "FAMILIES",
    "HYPER_ENCODER",
    "PIXELS",
    "PIXEL_PIPELINES",
    "SPACES",
    "Family",
    "autoencoder_of",
    "family_of",
    "name_of_space",
    "place_of_autoencoder",
    "place_of_space",
    "place_of_pipeline",
    "place_of_pixels",
    "place_of_unet",
    "reads_text",
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

#: Pipelines by the `_class_name` of model_index.json. The refiner of SDXL is saved as an image-to-image pipeline. Those that
#: differ by how they sample alone mean the same folder; of T2I-Adapters, the one without its adapter.
FAMILIES = {
    **dict.fromkeys(
        (
            "LatentConsistencyModelImg2ImgPipeline",
            "LatentConsistencyModelPipeline",
            "StableDiffusionAdapterPipeline",
            "StableDiffusionControlNetPipeline",
            "StableDiffusionImg2ImgPipeline",
            "StableDiffusionPAGPipeline",
            "StableDiffusionPanoramaPipeline",
            "StableDiffusionPipeline",
            "StableDiffusionPipelinePerco",
            "StableDiffusionPipelineSafe",
            "StableDiffusionSAGPipeline",
        ),
        _SD,
    ),
    **dict.fromkeys(
        (
            "StableDiffusionXLAdapterPipeline",
            "StableDiffusionXLControlNetPipeline",
            "StableDiffusionXLImg2ImgPipeline",
            "StableDiffusionXLPAGPipeline",
            "StableDiffusionXLPipeline",
        ),
        _SDXL,
    ),
    **dict.fromkeys(
        (
            "StableDiffusion3ControlNetPipeline",
            "StableDiffusion3Img2ImgPipeline",
            "StableDiffusion3PAGPipeline",
            "StableDiffusion3Pipeline",
        ),
        _SD3,
    ),
    **dict.fromkeys(("FluxControlNetPipeline", "FluxImg2ImgPipeline", "FluxPipeline"), _FLUX),
}

#: Settings of an AutoencoderKL that decide what its latents are, with what diffusers takes where they are not given.
_LATENT_SETTINGS: dict[str, Any] = {
    "scaling_factor": 0.18215,
    "shift_factor": None,
    "latents_mean": None,
    "latents_std": None,
}
#: What the space of an autoencoder's class is called, before its digest.
SPACES = {
    "AsymmetricAutoencoderKL": "asym",
    "AutoencoderDC": "dc",
    "AutoencoderKL": "kl",
    "AutoencoderKLFlux2": "flux2",
    "AutoencoderKLHunyuanImage": "hunyuan",
    "AutoencoderKLQwenImage": "qwen",
    "AutoencoderKLWan": "wan",
    "AutoencoderTiny": "tiny",
    "VQModel": "movq",
}
#: The space of models of pixels, and the pipelines that hold one.
PIXELS = "pixels"
PIXEL_PIPELINES = ("ConsistencyModelPipeline", "DDIMPipeline", "DDPMPipeline", "PNDMPipeline")
#: Components that are a pipeline's latent space.
_AUTOENCODERS = ("vae", "movq")


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
    folders = [model.folder.absolute() / name for name in _AUTOENCODERS]
    found = next((folder for folder in folders if (folder / "config.json").is_file()), None)
    if found is None:
        raise ModelDamaged(
            model.name,
            f"the pipeline has no folder {_AUTOENCODERS[0]} with its autoencoder; fetch or save it whole",
        )
    return found


def reads_text(model: Model) -> bool:
    """Whether a pipeline has a text encoder."""
    return any(path.is_dir() for path in model.folder.glob("text_encoder*"))


def name_of_space(folder: Path) -> str:
    """The name of the latent space of an autoencoder. Raises ModelDamaged."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        kind = SPACES[config.get("_class_name", "AutoencoderKL")]
        settings = {key: config.get(key, default) for key, default in _LATENT_SETTINGS.items()}
        words = json.dumps(settings, sort_keys=True)
        files = weights_of([path.name for path in folder.iterdir()])
        found = remembered(words, folder, files, lambda: _digest(folder, files, words))
    except KeyError as error:
        raise ModelDamaged(
            str(folder),
            f"its class {error} is no autoencoder that is known; known are {', '.join(SPACES)}",
        ) from error
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ModelDamaged(str(folder), f"config.json: {error}") from error
    return f"{kind}-{found[:16]}"


def _digest(folder: Path, files: list[str], settings: str) -> str:
    digest = hashlib.sha256(settings.encode())
    for name in files:
        with (folder / name).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


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
    return Place(name_of_space(folder), str(folder), str(own), codebooks)


def place_of_pixels(model: Model, store: ModelStore) -> Place:
    """A model of pixels is its own space."""
    folder = str(model.folder.absolute())
    return Place(PIXELS, folder, folder)


def place_of_space(model: Model, store: ModelStore) -> Place:
    """An autoencoder by itself. Raises ModelDamaged."""
    folder = model.folder.absolute()
    return Place(name_of_space(folder), str(folder))


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
