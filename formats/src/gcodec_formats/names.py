"""Names that belong to a distribution although no file holds them: what plugins offer besides embeddings and reconstructors.

spec/REGISTRY.md holds the same rows; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["NAMES", "PREFIXES"]

_CORE: Final = [
    "encode",
    "decode",
    "mix",
    "info",
    "verify",
    "plugins",
    "matrix",
    "models",
    "new-plugin",
    "check-plugin",
]

#: Kind -> name -> package.
NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "network": {
        **dict.fromkeys(
            (
                "LappedAutoencoder",
                "UNet2DModel",
                "LatentCodebook",
                "HyperEncoder",
                "AutoencoderKL",
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
                "Blip2ForConditionalGeneration",
                "BlipForConditionalGeneration",
                "GitForCausalLM",
                "VisionEncoderDecoderModel",
            ),
            "gcodec-diffusers",
        ),
        "LatentEntropy": "gcodec-ldm",
        "DiffcSchedule": "gcodec-diffc",
    },
    "metric": {
        "psnr": "gcodec",
        **dict.fromkeys(("ms_ssim", "lpips", "dists", "fid", "kid"), "gcodec-eval"),
    },
    "command": {
        **dict.fromkeys(_CORE, "gcodec"),
        "batch": "gcodec-batch",
        "eval": "gcodec-eval",
        "train": "gcodec-train",
        "train-data": "gcodec-train",
        "view": "gcodec-view",
    },
    "trainer": {
        **dict.fromkeys(("autoencoder", "denoiser", "codebook"), "gcodec-diffusers"),
        **dict.fromkeys(("latent_entropy", "perco"), "gcodec-ldm"),
        "ntc": "gcodec-ntc",
        **dict.fromkeys(("flow", "bridge"), "gcodec-flow"),
        "uqdm": "gcodec-diffc",
    },
    "channel": {},
    "adapter": {
        "edges": "gcodec",
        **dict.fromkeys(
            (
                "encode",
                "decode",
                "denoise",
                "dequantize",
                "denoise_tokens",
                "noise_preview",
                "noise_latent",
                "noise_tokens",
            ),
            "gcodec-diffusers",
        ),
    },
    "signal": dict.fromkeys(("text", "preview", "sketch", "latent", "tokens", "noisy"), "gcodec"),
}

#: Kind -> beginning of a name -> package.
PREFIXES: Final[Mapping[str, Mapping[str, str]]] = {"model": {"base/": "gcodec-base"}}
