"""Specs of gcodec-diffusers. Imports neither torch nor NumPy."""

from __future__ import annotations

from importlib.util import find_spec

from gcodec.plugin import AdapterSpec, NetworkSpec, TrainerSpec, hookimpl
from gcodec_diffusers.families import DRIVEN
from gcodec_diffusers.layout import FAMILIES, PIXEL_PIPELINES, SPACES

GCODEC_INTERFACE = 1

#: What says what is missing: the space of `base` runs without torch, all others need it.
TORCH, NETWORKS = f"{__name__}:torch_missing", "gcodec.models.graphs:networks_missing"

#: Classes of transformers that answer a picture with a sentence and need no question.
CAPTIONERS = (
    "Blip2ForConditionalGeneration",
    "BlipForConditionalGeneration",
    "GitForCausalLM",
    "VisionEncoderDecoderModel",
)


def torch_missing() -> str:
    """Say what to install where torch or diffusers is not."""
    if find_spec("torch") and find_spec("diffusers"):
        return ""
    return 'it needs torch: pip install "gcodec-diffusers[torch]"'


def pipelines_missing() -> str:
    """Say what to install where diffusers' own pipelines cannot be called."""
    if find_spec("transformers"):
        return torch_missing()
    return 'diffusers\' pipelines need transformers: pip install "gcodec-diffusers[text]"'


def captioners_missing() -> str:
    """Say what to install where no captioner can be opened."""
    if find_spec("transformers"):
        return ""
    return 'captioners need transformers: pip install "gcodec-diffusers[text]"'


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    """Classes that model folders may name."""
    package = "gcodec_diffusers"
    return [
        NetworkSpec(
            "LappedAutoencoder",
            "space",
            "linear encoder of factor 8, convolutional decoder",
            f"{package}.lapped:open_space",
            f"{package}.layout:place_of_autoencoder",
            NETWORKS,
            half=True,
        ),
        NetworkSpec(
            "UNet2DModel",
            "denoiser",
            "diffusers' U-Net around a linear estimate of x_0",
            f"{package}.denoiser:open_denoiser",
            f"{package}.layout:place_of_unet",
            TORCH,
            half=True,
        ),
        NetworkSpec(
            "LatentCodebook",
            "codebook",
            "finite scalar quantization of latents",
            f"{package}.tokens:open_codebook",
            available=TORCH,
        ),
        NetworkSpec(
            "HyperEncoder",
            "codebook",
            "the hyper-encoder of a PerCo(SD) pipeline",
            f"{package}.tokens:open_hyper_encoder",
            available=TORCH,
        ),
        *(
            NetworkSpec(
                name,
                "space",
                "the latent space of published pipelines",
                f"{package}.spaces:open_published",
                f"{package}.layout:place_of_space",
                TORCH,
            )
            for name in SPACES
        ),
        *(
            NetworkSpec(
                name,
                "denoiser",
                "a published pipeline: its network, schedule, text encoders and autoencoder",
                f"{package}.known:open_pipeline",
                f"{package}.layout:place_of_pipeline",
                TORCH,
            )
            for name in sorted(FAMILIES)
        ),
        *(
            NetworkSpec(
                name,
                "denoiser",
                "an unconditional model of pixels",
                f"{package}.pixels:open_pixels",
                f"{package}.layout:place_of_pixels",
                TORCH,
            )
            for name in PIXEL_PIPELINES
        ),
        *(
            family.spec(f"{package}.driven:open_family", name)
            for family in DRIVEN
            for name in (family.name, *family.aliases)
        ),
        *(
            NetworkSpec(
                name,
                "captioner",
                "a captioner of transformers, by greedy search",
                f"{package}.captioner:open_captioner",
                available=f"{__name__}:captioners_missing",
            )
            for name in CAPTIONERS
        ),
    ]


@hookimpl
def gcodec_adapters() -> list[AdapterSpec]:
    """Ways in and out of a latent space, and of noise there."""
    preview, latent, noisy, tokens = (
        "preview",
        "latent/{space}",
        "noisy/{space}",
        "tokens/{codebook}",
    )
    space, denoiser, codebook = "{autoencoder}", "{denoiser}", "{codebook}"
    decoded, noised = "one denoising step, decoded", "noise added until all channels err alike"
    return [
        AdapterSpec(
            *(name, source, target, f"gcodec_diffusers.adapters:{function}", cost, summary, model),
            NETWORKS if name in ("encode", "decode") else TORCH,
        )
        for name, source, target, function, model, cost, summary in (
            ("encode", preview, latent, "preview_to_latent", space, 30, "the preview's latent"),
            ("decode", latent, preview, "latent_to_preview", space, 400, "the latent, decoded"),
            (
                "dequantize",
                tokens,
                preview,
                "tokens_to_preview",
                codebook,
                430,
                "what the tokens say of the latent, decoded",
            ),
            ("denoise", noisy, preview, "noisy_to_preview", denoiser, 850, decoded),
            ("denoise_tokens", tokens, preview, "tokens_by_denoiser", denoiser, 900, decoded),
            # From a preview straight: by way of its latent, which comes as exact, its error would be forgotten.
            ("noise_preview", preview, noisy, "to_noisy", denoiser, 35, noised),
            ("noise_latent", latent, noisy, "to_noisy", denoiser, 10, noised),
            ("noise_tokens", tokens, noisy, "tokens_to_noisy", codebook, 40, noised),
        )
    ]


@hookimpl
def gcodec_trainers() -> list[TrainerSpec]:
    """The latent space and what lives in it."""
    package = "gcodec_diffusers.training"
    return [
        TrainerSpec(
            "autoencoder",
            "a latent space: linear encoder, convolutional decoder",
            f"{package}.autoencoder:AutoencoderTask",
        ),
        TrainerSpec(
            "denoiser",
            "flow matching in a latent space, under random conditions",
            f"{package}.denoiser:DenoiserTask",
        ),
        TrainerSpec(
            "one_step",
            "a denoiser whose one call begins at what a file says",
            f"{package}.one_step:OneStepTask",
        ),
        TrainerSpec("codebook", "tokens for a latent space", f"{package}.codebook:CodebookTask"),
    ]
