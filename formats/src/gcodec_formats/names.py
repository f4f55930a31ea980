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
                "AsymmetricAutoencoderKL",
                "AutoencoderDC",
                "AutoencoderKL",
                "AutoencoderKLFlux2",
                "AutoencoderKLHunyuanImage",
                "AutoencoderKLQwenImage",
                "AutoencoderKLWan",
                "AutoencoderTiny",
                "VQModel",
                "AuraFlowPipeline",
                "BriaPipeline",
                "ChromaPipeline",
                "CogView3PlusPipeline",
                "CogView4Pipeline",
                "ConsistencyModelPipeline",
                "DDIMPipeline",
                "DDPMPipeline",
                "DiTPipeline",
                "ErnieImagePipeline",
                "Flux2KleinPipeline",
                "Flux2Pipeline",
                "FluxControlNetPipeline",
                "FluxImg2ImgPipeline",
                "FluxPipeline",
                "HiDreamImagePipeline",
                "HunyuanDiTPipeline",
                "HunyuanImagePipeline",
                "Kandinsky3Pipeline",
                "KolorsPipeline",
                "Krea2Pipeline",
                "LatentConsistencyModelImg2ImgPipeline",
                "LatentConsistencyModelPipeline",
                "LongCatImagePipeline",
                "Lumina2Pipeline",
                "Lumina2Text2ImgPipeline",
                "LuminaPipeline",
                "LuminaText2ImgPipeline",
                "OvisImagePipeline",
                "PNDMPipeline",
                "PRXPipeline",
                "PixArtAlphaPipeline",
                "PixArtSigmaPAGPipeline",
                "PixArtSigmaPipeline",
                "QwenImagePipeline",
                "SanaPAGPipeline",
                "SanaPipeline",
                "StableDiffusion3ControlNetPipeline",
                "StableDiffusion3Img2ImgPipeline",
                "StableDiffusion3PAGPipeline",
                "StableDiffusion3Pipeline",
                "StableDiffusionAdapterPipeline",
                "StableDiffusionControlNetPipeline",
                "StableDiffusionImg2ImgPipeline",
                "StableDiffusionPAGPipeline",
                "StableDiffusionPanoramaPipeline",
                "StableDiffusionPipeline",
                "StableDiffusionPipelinePerco",
                "StableDiffusionPipelineSafe",
                "StableDiffusionSAGPipeline",
                "StableDiffusionXLAdapterPipeline",
                "StableDiffusionXLControlNetPipeline",
                "StableDiffusionXLImg2ImgPipeline",
                "StableDiffusionXLPAGPipeline",
                "StableDiffusionXLPipeline",
                "WanPipeline",
                "ZImagePipeline",
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
    "engine": {"onnxruntime": "gcodec-light"},
    "metric": {
        "psnr": "gcodec",
        **dict.fromkeys(("ms_ssim", "lpips", "dists", "fid", "kid"), "gcodec-eval"),
    },
    "command": {
        **dict.fromkeys(_CORE, "gcodec"),
        "batch": "gcodec-batch",
        "doctor": "gcodec-doors",
        "eval": "gcodec-eval",
        "report": "gcodec-view",
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
