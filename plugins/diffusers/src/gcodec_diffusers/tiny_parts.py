"""What the tiny pipelines of `tiny_families` are put together from: autoencoders, schedulers, prompts, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gcodec_diffusers.tiny import autoencoder

__all__ = [
    "DDPM",
    "DPM",
    "DYNAMIC",
    "FLOW",
    "FLUX",
    "FLUX2",
    "PIXART",
    "SD",
    "SHIFTED",
    "TEXT",
    "TOKENS",
    "Tiny",
    "dc_vae",
    "flux2_vae",
    "hunyuan_vae",
    "kl",
    "mask",
    "masked",
    "movq",
    "places",
    "text",
    "video_vae",
]

#: Width of text embeddings, and tokens of a prompt.
TEXT, TOKENS = 32, 7


class Tiny(NamedTuple):
    """A family: the class of its network and its settings, its autoencoder, its scheduler, what each call of its
    `encode_prompt` returns, and `more` of its index."""

    network: str
    settings: Mapping[str, Any]
    vae: Callable[[], Any]
    scheduler: Mapping[str, Any]
    prompts: Callable[[], tuple[Any, ...]]
    more: Mapping[str, Any] = {}
    part: str = "transformer"
    vae_part: str = "vae"


def text(*shape: int) -> Tensor:
    return torch.randn(*(shape or (1, TOKENS, TEXT)))


def mask(dtype: torch.dtype = torch.long) -> Tensor:
    """All tokens but the last two count."""
    return (torch.arange(TOKENS) < TOKENS - 2).to(dtype)[None]


def masked(dtype: torch.dtype = torch.long) -> tuple[Any, ...]:
    return ((text(), mask(dtype), None, None),)


def flux2_vae() -> Any:
    import diffusers

    made: Any = diffusers.AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
    )
    made.bn.running_mean.normal_(std=0.3)
    made.bn.running_var.uniform_(0.5, 2.0)
    return made


def video_vae(name: str) -> Any:
    import diffusers

    return getattr(diffusers, name)(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        latents_mean=[-0.7, 0.1, 0.4, -0.2],
        latents_std=[2.8, 1.4, 0.9, 1.9],
    )


def dc_vae() -> Any:
    from diffusers import AutoencoderDC

    blocks: Any = {
        f"{side}_{what}": value
        for side in ("encoder", "decoder")
        for what, value in (
            ("block_types", ("ResBlock",) * 6),
            ("block_out_channels", (8,) * 6),
            ("layers_per_block", (1,) * 6),
            ("qkv_multiscales", ((),) * 6),
        )
    }
    return AutoencoderDC(latent_channels=4, attention_head_dim=4, scaling_factor=0.41407, **blocks)


def hunyuan_vae() -> Any:
    from diffusers import AutoencoderKLHunyuanImage

    return AutoencoderKLHunyuanImage(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(32, 32, 32, 32),
        layers_per_block=1,
        spatial_compression_ratio=8,
        sample_size=64,
        scaling_factor=0.75,
    )


def movq() -> Any:
    from diffusers import VQModel

    return VQModel(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        num_vq_embeddings=12,
        vq_embed_dim=4,
    )


FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}
SHIFTED = {**FLOW, "shift": 3.0}
DYNAMIC = {**FLOW, "use_dynamic_shifting": True}
DDPM = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "prediction_type": "epsilon",
}
SD = {**DDPM, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
DPM = {**DDPM, "_class_name": "DPMSolverMultistepScheduler"}
FLUX = {
    "in_channels": 16,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT,
    "axes_dims_rope": (4, 4, 8),
}
FLUX2 = {**FLUX, "axes_dims_rope": (4, 4, 4, 4), "timestep_guidance_channels": 16}
PIXART = {
    "sample_size": 16,
    "num_layers": 1,
    "patch_size": 2,
    "attention_head_dim": 8,
    "num_attention_heads": 3,
    "caption_channels": TEXT,
    "cross_attention_dim": 24,
    "in_channels": 4,
    "out_channels": 8,
    "use_additional_conditions": False,
}


def kl(channels: int = 4) -> Callable[[], Any]:
    return lambda: autoencoder(channels, shifted=True)


def places(axes: int) -> Tensor:
    return torch.arange(TOKENS * axes).view(TOKENS, axes) % 5 * 1.0
