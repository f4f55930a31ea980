"""Tiny random pipelines of the families of `families`, saved as folders, with what their text encoders would say of nothing.

They have the layout, the classes and the kind of configuration of the published ones, at a thousandth of the size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.layout import EMPTY_PROMPT
from gcodec_diffusers.prompt_files import flat
from gcodec_diffusers.tiny import autoencoder, write

__all__ = [
    "TINY",
    "dc_vae",
    "flux2_vae",
    "hunyuan_vae",
    "make_family",
    "make_pixels",
    "movq",
    "video_vae",
]

#: Width of text embeddings, and tokens of a prompt.
_TEXT, _TOKENS = 32, 7


class _Tiny(NamedTuple):
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


def make_family(name: str, folder: Path, seed: int = 0) -> Path:
    """Save a pipeline of one of `TINY`, by the class of its pipeline, with a stored prompt and without text encoders."""
    _torchvision_cpu.install()
    import diffusers

    about = TINY[name]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network, vae = getattr(diffusers, about.network)(**about.settings), about.vae()
        for parameter in network.parameters():
            if not parameter.detach().any():  # else it would answer nothing
                torch.nn.init.normal_(parameter, std=0.1)
        network.save_pretrained(folder / about.part)
        vae.save_pretrained(folder / about.vae_part)
        if prompts := about.prompts():
            save_file(flat(prompts, "prompt."), folder / EMPTY_PROMPT)
    scheduler = dict(about.scheduler)
    write(folder / "scheduler" / "scheduler_config.json", scheduler)
    index = {
        "_class_name": name,
        about.part: ["diffusers", about.network],
        about.vae_part: ["diffusers", type(vae).__name__],
        "scheduler": ["diffusers", scheduler["_class_name"]],
        **about.more,
    }
    write(folder / "model_index.json", json.loads(json.dumps(index)))
    return folder


def make_pixels(name: str, folder: Path, seed: int = 0, **settings: Any) -> Path:
    """Save an unconditional model of pixels, by the class of its pipeline; `settings` are its scheduler's."""
    _torchvision_cpu.install()
    from diffusers.models.unets.unet_2d import UNet2DModel

    scheduler = {
        "ConsistencyModelPipeline": "CMStochasticIterativeScheduler",
        "DDIMPipeline": "DDIMScheduler",
        "DDPMPipeline": "DDPMScheduler",
        "PNDMPipeline": "PNDMScheduler",
    }[name]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = UNet2DModel(
            sample_size=32,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=4,
            norm_num_groups=4,
        )
    network.save_pretrained(folder / "unet")
    about = {"_class_name": scheduler, **settings}
    write(folder / "scheduler" / "scheduler_config.json", about)
    index = {"unet": ["diffusers", "UNet2DModel"], "scheduler": ["diffusers", scheduler]}
    write(folder / "model_index.json", {"_class_name": name, **index})
    return folder


def _text(*shape: int) -> Tensor:
    return torch.randn(*(shape or (1, _TOKENS, _TEXT)))


def _mask(dtype: torch.dtype = torch.long) -> Tensor:
    """All tokens but the last two count."""
    return (torch.arange(_TOKENS) < _TOKENS - 2).to(dtype)[None]


def _masked(dtype: torch.dtype = torch.long) -> tuple[Any, ...]:
    return ((_text(), _mask(dtype), None, None),)


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


_FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}
_SHIFTED = {**_FLOW, "shift": 3.0}
_DYNAMIC = {**_FLOW, "use_dynamic_shifting": True}
_DDPM = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "prediction_type": "epsilon",
}
_SD = {**_DDPM, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
_DPM = {**_DDPM, "_class_name": "DPMSolverMultistepScheduler"}
_FLUX = {
    "in_channels": 16,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": _TEXT,
    "axes_dims_rope": (4, 4, 8),
}
_FLUX2 = {**_FLUX, "axes_dims_rope": (4, 4, 4, 4), "timestep_guidance_channels": 16}
_PIXART = {
    "sample_size": 16,
    "num_layers": 1,
    "patch_size": 2,
    "attention_head_dim": 8,
    "num_attention_heads": 3,
    "caption_channels": _TEXT,
    "cross_attention_dim": 24,
    "in_channels": 4,
    "out_channels": 8,
    "use_additional_conditions": False,
}


def _kl(channels: int = 4) -> Callable[[], Any]:
    return lambda: autoencoder(channels, shifted=True)


def _places(axes: int) -> Tensor:
    return torch.arange(_TOKENS * axes).view(_TOKENS, axes) % 5 * 1.0


TINY: Mapping[str, _Tiny] = {
    "AuraFlowPipeline": _Tiny(
        "AuraFlowTransformer2DModel",
        {
            "sample_size": 32,
            "num_mmdit_layers": 1,
            "num_single_dit_layers": 1,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "joint_attention_dim": _TEXT,
            "caption_projection_dim": 32,
            "pos_embed_max_size": 256,
        },
        lambda: autoencoder(4),
        {**_FLOW, "shift": 1.73},
        _masked,
    ),
    "BriaPipeline": _Tiny(
        "BriaTransformer2DModel",
        _FLUX,
        _kl(),
        _SHIFTED,
        lambda: ((_text(), None, _places(3)),),
    ),
    "ChromaPipeline": _Tiny(
        "ChromaTransformer2DModel",
        {
            **_FLUX,
            "approximator_hidden_dim": 32,
            "approximator_num_channels": 16,
            "approximator_layers": 1,
        },
        _kl(),
        _SHIFTED,
        lambda: ((_text(), torch.zeros(_TOKENS, 3), _mask(torch.bool), None, None, None),),
    ),
    "CogView3PlusPipeline": _Tiny(
        "CogView3PlusTransformer2DModel",
        {
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "attention_head_dim": 4,
            "num_attention_heads": 2,
            "text_embed_dim": _TEXT,
            "time_embed_dim": 8,
            "condition_dim": 2,
            "pos_embed_max_size": 64,
            "sample_size": 16,
        },
        lambda: autoencoder(4),
        {
            **_SD,
            "_class_name": "DDIMScheduler",
            "prediction_type": "v_prediction",
            "clip_sample": False,
        },
        lambda: ((_text(), None),),
    ),
    "CogView4Pipeline": _Tiny(
        "CogView4Transformer2DModel",
        {
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "attention_head_dim": 8,
            "num_attention_heads": 2,
            "text_embed_dim": _TEXT,
            "time_embed_dim": 8,
            "condition_dim": 4,
            "rope_axes_dim": (64, 64),
            "sample_size": 16,
        },
        lambda: autoencoder(4),
        {**_DYNAMIC, "base_shift": 0.25, "max_shift": 0.75},
        lambda: ((_text(), None),),
    ),
    "DiTPipeline": _Tiny(
        "DiTTransformer2DModel",
        {
            "sample_size": 8,
            "num_layers": 1,
            "attention_head_dim": 8,
            "num_attention_heads": 2,
            "in_channels": 4,
            "out_channels": 8,
            "num_embeds_ada_norm": 10,
        },
        lambda: autoencoder(4),
        {**_DDPM, "_class_name": "DDIMScheduler", "clip_sample": False},
        lambda: (),
    ),
    "ErnieImagePipeline": _Tiny(
        "ErnieImageTransformer2DModel",
        {
            "hidden_size": 32,
            "num_attention_heads": 2,
            "num_layers": 1,
            "ffn_hidden_size": 32,
            "in_channels": 16,
            "out_channels": 16,
            "text_in_dim": _TEXT,
            "rope_axes_dim": (4, 4, 8),
        },
        flux2_vae,
        _SHIFTED,
        lambda: ([_text(_TOKENS, _TEXT)],),
    ),
    "Flux2Pipeline": _Tiny(
        "Flux2Transformer2DModel",
        {**_FLUX2, "guidance_embeds": True},
        flux2_vae,
        _DYNAMIC,
        lambda: ((_text(), _places(4)[None]),),
    ),
    "Flux2KleinPipeline": _Tiny(
        "Flux2Transformer2DModel",
        {**_FLUX2, "guidance_embeds": False},
        flux2_vae,
        _DYNAMIC,
        lambda: ((_text(), _places(4)[None]),),
        {"is_distilled": True},
    ),
    "HiDreamImagePipeline": _Tiny(
        "HiDreamImageTransformer2DModel",
        {
            "patch_size": 2,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "num_single_layers": 1,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "caption_channels": [_TEXT, _TEXT],
            "text_emb_dim": 16,
            "num_routed_experts": 4,
            "num_activated_experts": 2,
            "axes_dims_rope": (4, 2, 2),
            "max_resolution": (32, 32),
            "llama_layers": (0, 1),
        },
        _kl(),
        _SHIFTED,
        lambda: ((_text(), None, _text(2, 1, _TOKENS, _TEXT), None, _text(1, 16), None),),
    ),
    "HunyuanImagePipeline": _Tiny(
        "HunyuanImageTransformer2DModel",
        {
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "num_single_layers": 1,
            "num_refiner_layers": 1,
            "attention_head_dim": 8,
            "num_attention_heads": 2,
            "text_embed_dim": _TEXT,
            "text_embed_2_dim": _TEXT,
            "rope_axes_dim": (4, 4),
        },
        hunyuan_vae,
        {**_FLOW, "shift": 7.0},
        lambda: ((_text(), _mask(), _text(1, 5, _TEXT), torch.ones(1, 5, dtype=torch.long)),),
    ),
    "HunyuanDiTPipeline": _Tiny(
        "HunyuanDiT2DModel",
        {
            "sample_size": 8,
            "num_layers": 2,
            "patch_size": 2,
            "attention_head_dim": 8,
            "num_attention_heads": 3,
            "in_channels": 4,
            "hidden_size": 24,
            "cross_attention_dim": _TEXT,
            "cross_attention_dim_t5": _TEXT,
            "pooled_projection_dim": 16,
            "text_len": _TOKENS,
            "text_len_t5": 9,
            "use_style_cond_and_image_meta_size": False,
        },
        lambda: autoencoder(4),
        {
            **_SD,
            "_class_name": "DDPMScheduler",
            "beta_end": 0.02,
            "prediction_type": "v_prediction",
            "clip_sample": False,
        },
        lambda: (
            (_text(), _text(), _mask(), _mask()),
            (
                _text(1, 9, _TEXT),
                _text(1, 9, _TEXT),
                torch.ones(1, 9, dtype=torch.long),
                torch.ones(1, 9, dtype=torch.long),
            ),
        ),
    ),
    "Kandinsky3Pipeline": _Tiny(
        "Kandinsky3UNet",
        {
            "time_embedding_dim": 4,
            "groups": 2,
            "attention_head_dim": 4,
            "layers_per_block": 3,
            "block_out_channels": (8, 16),
            "cross_attention_dim": 4,
            "encoder_hid_dim": _TEXT,
        },
        movq,
        {
            **_DDPM,
            "_class_name": "DDPMScheduler",
            "beta_schedule": "squaredcos_cap_v2",
            "clip_sample": False,
        },
        lambda: ((_text(), None, _mask(), None),),
        part="unet",
        vae_part="movq",
    ),
    "KolorsPipeline": _Tiny(
        "UNet2DConditionModel",
        {
            "sample_size": 16,
            "block_out_channels": (8, 16),
            "layers_per_block": 1,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": 24,
            "encoder_hid_dim": _TEXT,
            "encoder_hid_dim_type": "text_proj",
            "attention_head_dim": 4,
            "norm_num_groups": 4,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": 24 + 16,
            "use_linear_projection": True,
        },
        lambda: autoencoder(4),
        {
            **_SD,
            "_class_name": "EulerDiscreteScheduler",
            "beta_end": 0.014,
            "num_train_timesteps": 1100,
        },
        lambda: ((_text(), None, _text(1, 16), None),),
        part="unet",
    ),
    "Krea2Pipeline": _Tiny(
        "Krea2Transformer2DModel",
        {
            "in_channels": 16,
            "num_layers": 1,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "intermediate_size": 32,
            "timestep_embed_dim": 16,
            "text_hidden_dim": _TEXT,
            "num_text_layers": 2,
            "text_num_attention_heads": 2,
            "text_num_key_value_heads": 2,
            "text_intermediate_size": 32,
            "num_layerwise_text_blocks": 1,
            "num_refiner_text_blocks": 1,
            "axes_dims_rope": (4, 6, 6),
        },
        lambda: video_vae("AutoencoderKLQwenImage"),
        _DYNAMIC,
        lambda: ((_text(1, _TOKENS, 2, _TEXT), _mask(torch.bool)),),
        {"text_encoder_select_layers": [0, 1], "patch_size": 2},
    ),
    "LongCatImagePipeline": _Tiny(
        "LongCatImageTransformer2DModel",
        {**_FLUX, "in_channels": 64, "pooled_projection_dim": _TEXT},
        _kl(16),
        _DYNAMIC,
        lambda: ((_text(), _places(3)),),
    ),
    "LuminaPipeline": _Tiny(
        "LuminaNextDiT2DModel",
        {
            "sample_size": 4,
            "hidden_size": 24,
            "num_layers": 1,
            "num_attention_heads": 3,
            "num_kv_heads": 1,
            "multiple_of": 16,
            "cross_attention_dim": _TEXT,
        },
        lambda: autoencoder(4),
        _FLOW,
        lambda: ((_text(), _mask(), None, None),),
    ),
    "Lumina2Pipeline": _Tiny(
        "Lumina2Transformer2DModel",
        {
            "sample_size": 4,
            "in_channels": 4,
            "hidden_size": 24,
            "num_layers": 1,
            "num_refiner_layers": 1,
            "num_attention_heads": 3,
            "num_kv_heads": 1,
            "multiple_of": 16,
            "cap_feat_dim": _TEXT,
            "axes_dim_rope": (4, 2, 2),
            "axes_lens": (64, 64, 64),
        },
        _kl(),
        {**_FLOW, "shift": 6.0},
        _masked,
    ),
    "OvisImagePipeline": _Tiny(
        "OvisImageTransformer2DModel",
        {**_FLUX, "out_channels": 16},
        _kl(),
        _DYNAMIC,
        lambda: ((_text(), None, _places(3), None),),
    ),
    "PixArtAlphaPipeline": _Tiny(
        "PixArtTransformer2DModel", _PIXART, lambda: autoencoder(4), _DPM, _masked
    ),
    "PixArtSigmaPipeline": _Tiny(
        "PixArtTransformer2DModel", _PIXART, lambda: autoencoder(4), _DPM, _masked
    ),
    "PRXPipeline": _Tiny(
        "PRXTransformer2DModel",
        {
            "in_channels": 4,
            "patch_size": 2,
            "context_in_dim": _TEXT,
            "hidden_size": 16,
            "mlp_ratio": 2.0,
            "num_heads": 2,
            "depth": 1,
            "axes_dim": [4, 4],
        },
        _kl(),
        _SHIFTED,
        lambda: ((_text(), None, _mask(torch.bool), None),),
    ),
    "QwenImagePipeline": _Tiny(
        "QwenImageTransformer2DModel",
        {
            "in_channels": 16,
            "out_channels": 4,
            "num_layers": 1,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "joint_attention_dim": _TEXT,
            "axes_dims_rope": (4, 6, 6),
        },
        lambda: video_vae("AutoencoderKLQwenImage"),
        {**_DYNAMIC, "shift_terminal": 0.02},
        lambda: ((_text(), _mask()),),
    ),
    "SanaPipeline": _Tiny(
        "SanaTransformer2DModel",
        {
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 1,
            "attention_head_dim": 4,
            "num_attention_heads": 2,
            "num_cross_attention_heads": 2,
            "cross_attention_head_dim": 4,
            "cross_attention_dim": 8,
            "caption_channels": _TEXT,
            "sample_size": 8,
            "timestep_scale": 0.5,
        },
        dc_vae,
        {
            "_class_name": "DPMSolverMultistepScheduler",
            "prediction_type": "flow_prediction",
            "use_flow_sigmas": True,
            "flow_shift": 3.0,
        },
        _masked,
    ),
    "WanPipeline": _Tiny(
        "WanTransformer3DModel",
        {
            "num_layers": 1,
            "attention_head_dim": 12,
            "num_attention_heads": 2,
            "in_channels": 4,
            "out_channels": 4,
            "text_dim": _TEXT,
            "freq_dim": 16,
            "ffn_dim": 32,
        },
        lambda: video_vae("AutoencoderKLWan"),
        {
            "_class_name": "UniPCMultistepScheduler",
            "prediction_type": "flow_prediction",
            "use_flow_sigmas": True,
            "flow_shift": 3.0,
        },
        lambda: ((_text(), None),),
    ),
    "ZImagePipeline": _Tiny(
        "ZImageTransformer2DModel",
        {
            "in_channels": 4,
            "dim": 32,
            "n_layers": 1,
            "n_refiner_layers": 1,
            "n_heads": 2,
            "n_kv_heads": 2,
            "cap_feat_dim": _TEXT,
            "axes_dims": [4, 6, 6],
            "axes_lens": [128, 64, 64],
        },
        _kl(),
        _SHIFTED,
        lambda: (([_text(_TOKENS, _TEXT)], []),),
    ),
}
