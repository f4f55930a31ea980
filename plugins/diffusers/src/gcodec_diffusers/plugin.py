"""Specs of gcodec-diffusers. Imports neither torch nor NumPy."""

from __future__ import annotations

from gcodec.plugin import AdapterSpec, NetworkSpec, TrainerSpec, hookimpl

GCODEC_INTERFACE = 1

_SPACE = "base/autoencoder"
_DENOISER = "base/denoiser"
#: Classes of pipelines, as model_index.json has them.
PIPELINES = (
    "FluxControlNetPipeline",
    "FluxPipeline",
    "StableDiffusion3ControlNetPipeline",
    "StableDiffusion3Pipeline",
    "StableDiffusionControlNetPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionPipelinePerco",
    "StableDiffusionXLControlNetPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLPipeline",
)
#: Classes of transformers that answer a picture with a sentence and need no question.
CAPTIONERS = (
    "Blip2ForConditionalGeneration",
    "BlipForConditionalGeneration",
    "GitForCausalLM",
    "VisionEncoderDecoderModel",
)
#: Codebooks of `base`: name of the tokens and of the model.
_CODEBOOKS = {"base-16": "base/codebook16", "base-32": "base/codebook32"}


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    """Classes that model folders may name."""
    package = "gcodec_diffusers"
    return [
        NetworkSpec(
            "LappedAutoencoder",
            "space",
            "linear encoder of factor 8, convolutional decoder",
            f"{package}.space:open_space",
            f"{package}.layout:place_of_autoencoder",
        ),
        NetworkSpec(
            "UNet2DModel",
            "denoiser",
            "diffusers' U-Net around a linear estimate of x_0",
            f"{package}.denoiser:open_denoiser",
            f"{package}.layout:place_of_unet",
        ),
        NetworkSpec(
            "LatentCodebook",
            "codebook",
            "finite scalar quantization of latents",
            f"{package}.tokens:open_codebook",
        ),
        NetworkSpec(
            "HyperEncoder",
            "codebook",
            "the hyper-encoder of a PerCo(SD) pipeline",
            f"{package}.tokens:open_hyper_encoder",
        ),
        NetworkSpec(
            "AutoencoderKL",
            "space",
            "the latent space of Stable Diffusion, SDXL, SD3 or FLUX",
            f"{package}.kl:open_kl",
            f"{package}.layout:place_of_kl",
        ),
        *(
            NetworkSpec(
                name,
                "denoiser",
                "a published pipeline: its network, schedule, text encoders and autoencoder",
                f"{package}.pipeline:open_pipeline",
                f"{package}.layout:place_of_pipeline",
            )
            for name in PIPELINES
        ),
        *(
            NetworkSpec(
                name,
                "captioner",
                "a captioner of transformers, by greedy search",
                f"{package}.captioner:open_captioner",
            )
            for name in CAPTIONERS
        ),
    ]


@hookimpl
def gcodec_adapters() -> list[AdapterSpec]:
    """Ways in and out of the latent space of `base`, and of noise there; and of any space that a model brings with it."""
    adapters = "gcodec_diffusers.adapters"
    return [
        AdapterSpec(
            source="preview",
            target="latent/base",
            implementation=f"{adapters}:preview_to_latent",
            cost=30,
            summary="the preview's latent",
            model=_SPACE,
        ),
        AdapterSpec(
            source="latent/base",
            target="preview",
            implementation=f"{adapters}:latent_to_preview",
            cost=400,
            summary="the autoencoder's reconstruction",
            model=_SPACE,
        ),
        *(
            AdapterSpec(
                source=f"tokens/{name}",
                target="preview",
                implementation=f"{adapters}:tokens_to_preview",
                cost=430,
                summary="the autoencoder's reconstruction of what the tokens say",
                model=model,
            )
            for name, model in _CODEBOOKS.items()
        ),
        AdapterSpec(
            source="noisy/base",
            target="preview",
            implementation=f"{adapters}:noisy_to_preview",
            cost=850,
            summary="one denoising step and the autoencoder's reconstruction",
            model=_DENOISER,
        ),
        *(
            AdapterSpec(
                source=source,
                target="noisy/base",
                implementation=f"{adapters}:to_noisy",
                cost=cost,
                summary="noise added until all channels err alike",
                model=_DENOISER,
            )
            # From a preview straight: by way of its latent, which comes as exact, its error would be forgotten.
            for source, cost in (
                ("preview", 35),
                ("latent/base", 10),
                *((f"tokens/{name}", 40) for name in _CODEBOOKS),
            )
        ),
        # Costs are those of Stable Diffusion 1.
        *(
            AdapterSpec(source, target, f"{adapters}:{function}", cost, summary)
            for source, target, function, cost, summary in (
                ("preview", "latent/*", "preview_to_latent", 10_000, "the preview's latent"),
                ("latent/*", "preview", "latent_to_preview", 25_000, "the latent, decoded"),
                ("noisy/*", "preview", "noisy_to_preview", 37_000, "one denoising step, decoded"),
                (
                    "tokens/*",
                    "preview",
                    "tokens_by_denoiser",
                    37_000,
                    "one denoising step, decoded",
                ),
                ("preview", "noisy/*", "to_noisy", 10_000, "noise added to the preview's latent"),
                ("latent/*", "noisy/*", "to_noisy", 10, "noise added to the latent"),
            )
        ),
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
        TrainerSpec("codebook", "tokens for a latent space", f"{package}.codebook:CodebookTask"),
    ]
