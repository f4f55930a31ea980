"""Tiny random pipelines of every architecture, saved as folders: what tests need in the place of the hub.

They have the layout, the classes and the configurations of the published ones at a thousandth of the size, and mean
nothing.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.layout import EMPTY_PROMPT, HYPER_ENCODER

__all__ = ["KINDS", "POOLED", "TEXT", "add_controlnet", "autoencoder", "make", "write"]

#: Width of text embeddings, of pooled ones, and tokens of a prompt.
TEXT, POOLED, _TOKENS = 32, 16, 7
#: Channels of the hyper-latent of PerCo(SD).
_Z = 12


class _Kind(NamedTuple):
    """A published model: its pipeline's class, latent channels, scheduler, how its network is made; `more` of its index,
    and how else it `differs`, given its folder."""

    pipeline: str
    channels: int
    scheduler: Mapping[str, Any]
    network: Callable[[], Any]
    more: Mapping[str, Any] = {}
    differs: Callable[[Path], None] = lambda folder: None


def make(kind: str, folder: Path, seed: int = 0) -> Path:
    """Save a pipeline of one of `KINDS` in `folder`, with the embeddings of the empty prompt and without text encoders."""
    _torchvision_cpu.install()
    about = KINDS[kind]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = about.network()
        part = "unet" if "UNet" in type(network).__name__ else "transformer"
        network.save_pretrained(folder / part)
        autoencoder(about.channels).save_pretrained(folder / "vae")
        empty = {"text": torch.randn(1, _TOKENS, TEXT), "pooled": torch.randn(1, POOLED)}
        about.differs(folder)
    save_file(empty, folder / EMPTY_PROMPT)
    write(folder / "scheduler" / "scheduler_config.json", about.scheduler)
    index = {"_class_name": about.pipeline, **about.more}
    for name, made in ((part, network), ("vae", None)):
        cls = "AutoencoderKL" if made is None else type(made).__name__
        index[name] = ["diffusers", cls]
    index["scheduler"] = ["diffusers", about.scheduler["_class_name"]]
    write(folder / "model_index.json", index)
    return folder


def add_controlnet(kind: str, folder: Path, seed: int = 0) -> Path:
    """Give a pipeline that `make` made a ControlNet whose every layer counts, as after training."""
    _torchvision_cpu.install()
    pipeline, path, settings = _CONTROLNETS[kind]
    module, _, name = path.partition(":")
    part = next(p for p in ("unet", "transformer") if (folder / p).is_dir())
    config = json.loads((folder / part / "config.json").read_text("utf-8"))
    cls = getattr(import_module(module), name)
    known = set(inspect.signature(cls).parameters)
    with torch.random.fork_rng(devices=()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers, of its own parts
        torch.manual_seed(seed)
        made = cls(**{k: v for k, v in config.items() if k in known}, **settings)
        for parameter in made.parameters():
            if not parameter.detach().any():
                torch.nn.init.normal_(parameter, std=0.1)
    made.save_pretrained(folder / "controlnet")
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    write(
        folder / "model_index.json",
        {**index, "_class_name": pipeline, "controlnet": ["diffusers", name]},
    )
    return folder


_UNETS = "diffusers.models.controlnets.controlnet:ControlNetModel"
_NARROW = {"conditioning_embedding_out_channels": (4, 4, 4, 8)}
#: Class of the pipeline, of the ControlNet, and what it has besides the network's settings.
_CONTROLNETS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "sd15": ("StableDiffusionControlNetPipeline", _UNETS, _NARROW),
    "sd21": ("StableDiffusionControlNetPipeline", _UNETS, _NARROW),
    "sdxl": ("StableDiffusionXLControlNetPipeline", _UNETS, _NARROW),
    "sd3": (
        "StableDiffusion3ControlNetPipeline",
        "diffusers.models.controlnets.controlnet_sd3:SD3ControlNetModel",
        {"force_zeros_for_pooled_projection": True},
    ),
    "flux": (
        "FluxControlNetPipeline",
        "diffusers.models.controlnets.controlnet_flux:FluxControlNetModel",
        {},
    ),
}


def write(path: Path, value: Mapping[str, Any] | str) -> None:
    """Write a text, or JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value, indent=2) + "\n"
    path.write_text(text, "utf-8")


def autoencoder(channels: int, shifted: bool | None = None) -> Any:
    """Factor 8, scaled to unit variance on noise; 16 channels, those of SD3 and FLUX, are shifted too, or whatever is."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    made = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 16),
        norm_num_groups=4,
        latent_channels=channels,
        sample_size=256,
        use_quant_conv=channels == 4,
        use_post_quant_conv=channels == 4,
    )
    with torch.no_grad():
        blocks = torch.rand(1, 3, 8, 8).repeat_interleave(16, 2).repeat_interleave(16, 3)
        z = made.encode(2 * blocks - 1).latent_dist.mode()
    made.register_to_config(scaling_factor=float(1 / z.std()))
    if channels != 4 if shifted is None else shifted:
        made.register_to_config(shift_factor=float(z.mean()))
    return made


def _unet(**settings: Any) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT,
        attention_head_dim=4,
        norm_num_groups=4,
        **settings,
    )


def _sdxl(ids: int) -> Any:
    return _unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=4 * ids + POOLED,
        use_linear_projection=True,
    )


def _perco(folder: Path) -> None:
    """What PerCo(SD) adds: a first layer for z_l too, beside the one that it replaces, and the hyper-encoder."""
    from gcodec_diffusers.hyper import HyperEncoder

    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    extended = torch.nn.Conv2d(4 + _Z, len(tensors["conv_in.bias"]), 3, padding=1).state_dict()
    tensors |= {f"conv_in_extended.{name}": tensor for name, tensor in extended.items()}
    save_file(tensors, weights, {"format": "pt"})
    config = {"N": 8, "M": _Z, "codebook_dim": 4, "cfg_ss": 32, "cfg_cs": 16}
    made = HyperEncoder(**config)
    rows = made.backbone(torch.randn(1, 4, 32, 32))[0].flatten(1).T
    state, entries = made.state_dict(), "quantizer._codebook"
    # All tokens occur, not only that to which a random encoder's offset leads.
    state["quantizer.project_in.bias"] -= made.quantizer.project_in(rows).mean(0).detach()
    state |= {
        f"{entries}.initted": torch.ones(1),
        f"{entries}.cluster_size": torch.ones(1, config["cfg_cs"]),
        f"{entries}.embed_avg": state[f"{entries}.embed"].clone(),
    }
    write(
        folder / HYPER_ENCODER / "config.json",
        {"_class_name": "HyperEncoder", "in_channels": 4, **config},
    )
    save_file(state, folder / HYPER_ENCODER / weights.name, {"format": "pt"})


def _sd3() -> Any:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    return SD3Transformer2DModel(
        sample_size=16,
        num_layers=2,  # a ControlNet does nothing to the last
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=TEXT,
        caption_projection_dim=16,
        pooled_projection_dim=POOLED,
        pos_embed_max_size=64,
    )


def _flux() -> Any:
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    return FluxTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT,
        pooled_projection_dim=POOLED,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    )


def _ddpm(scheduler: str, prediction: str) -> dict[str, Any]:
    return {
        "_class_name": scheduler,
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": prediction,
    }


_FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}

KINDS: Mapping[str, _Kind] = {
    "sd15": _Kind("StableDiffusionPipeline", 4, _ddpm("PNDMScheduler", "epsilon"), _unet),
    "sd21": _Kind("StableDiffusionPipeline", 4, _ddpm("DDIMScheduler", "v_prediction"), _unet),
    "perco": _Kind(
        "StableDiffusionPipelinePerco",
        4,
        _ddpm("DDIMScheduler", "v_prediction"),
        _unet,
        {HYPER_ENCODER: ["hyper_encoder", "HyperEncoder"]},
        _perco,
    ),
    "sdxl": _Kind(
        "StableDiffusionXLPipeline",
        4,
        _ddpm("EulerDiscreteScheduler", "epsilon"),
        lambda: _sdxl(6),
        {"force_zeros_for_empty_prompt": True},
    ),
    "sdxl-refiner": _Kind(
        "StableDiffusionXLImg2ImgPipeline",
        4,
        _ddpm("EulerDiscreteScheduler", "epsilon"),
        lambda: _sdxl(5),
        {"requires_aesthetics_score": True},
    ),
    "sd3": _Kind("StableDiffusion3Pipeline", 16, {**_FLOW, "shift": 3.0}, _sd3),
    "flux": _Kind("FluxPipeline", 16, {**_FLOW, "use_dynamic_shifting": True}, _flux),
}
