"""How the network of each family is called: the same latents and levels, other words; and its ControlNet, where it has one.

A ControlNet (Zhang et al. 2023) sees the sketch as a *hint* over latent positions: that of a U-Net its edges, those of the
transformers their picture's latent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.interfaces import Size

__all__ = ["ARCHITECTURES", "Architecture", "Call", "Control"]


class Control(NamedTuple):
    """A ControlNet and its hint [B, K, h, w]."""

    network: Any
    hint: Tensor


#: Call(network, x [B, C, h, w], timestep [B], globals of the condition, control) -> output [B, C, h, w]
Call = Callable[[Any, Tensor, Tensor, Mapping[str, Tensor], Control | None], Tensor]

#: Of a guidance-distilled FLUX: 1 is no guidance, which is what E[x_0 | x_t] wants.
_NO_GUIDANCE = 1.0
#: What the refiner of SDXL is told a picture's aesthetic score is; diffusers' default.
_AESTHETIC = 6.0
#: Edges, among the modes of a ControlNet for FLUX that has several.
_EDGES = 0


class Architecture(NamedTuple):
    """A family's networks.

    network, controlnet  where diffusers has their classes, "module:Class".
    call   how they are called.
    hint   what the ControlNet's hint is: edges, f^2 planes of a latent position, or the latent of their picture.
    about  what the network is told of the picture: function (network, size, globals) -> further globals.
    patch  latent positions in one of the network's.
    """

    network: str
    controlnet: str
    call: Call
    hint: Literal["edges", "latent"]
    about: Callable[[Any, Size, Mapping[str, Tensor]], Mapping[str, Tensor]] = (
        lambda network, size, given: {}
    )
    patch: int = 1


def _unet(
    network: Any, x: Tensor, timestep: Tensor, given: Mapping[str, Tensor], control: Control | None
) -> Tensor:
    words: dict[str, Any] = {"encoder_hidden_states": given["text"], "return_dict": False}
    if "time_ids" in given:
        words["added_cond_kwargs"] = {
            "text_embeds": given["pooled"],
            "time_ids": given["time_ids"],
        }
    added: dict[str, Any] = {}
    if width := network.config.time_cond_proj_dim:
        added["timestep_cond"] = _unguided(width).to(x)
    if control is not None:
        edges = F.pixel_shuffle(control.hint, math.isqrt(control.hint.shape[1]))
        down, middle = control.network(
            x, timestep, controlnet_cond=edges.expand(-1, 3, -1, -1), **words
        )
        added["down_block_additional_residuals"] = down
        added["mid_block_additional_residual"] = middle
    output: Tensor = network(x, timestep, **words, **added)[0]
    return output


def _unguided(width: int) -> Tensor:
    """What a U-Net that guidance was distilled into is told of a guidance of 1: sines and cosines of nothing, [1, width].

    Luo et al. 2023, "Latent consistency models"; diffusers' `get_guidance_scale_embedding`.
    """
    half = torch.arange(width) // (width // 2)
    return (half == 1).float()[None]


def _time_ids(network: Any, size: Size, given: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """SDXL's micro-conditioning (Podell et al. 2023, section 2.2): a picture of its own size, not cropped.

    The base is told original size, crop and target size, the refiner original size, crop and an aesthetic score.
    """
    room = network.add_embedding.linear_1.in_features - given["pooled"].shape[-1]
    numbers: list[float] = [*size, 0, 0, *size]
    if room == 5 * network.config.addition_time_embed_dim:
        numbers = [*size, 0, 0, _AESTHETIC]
    return {"time_ids": given["pooled"].new_tensor([numbers])}


def _sd3(
    network: Any, x: Tensor, timestep: Tensor, given: Mapping[str, Tensor], control: Control | None
) -> Tensor:
    words = {"hidden_states": x, "timestep": timestep, "return_dict": False}
    text, pooled = given["text"], given["pooled"]
    added = {}
    if control is not None:
        config = control.network.config
        plain = config.force_zeros_for_pooled_projection
        added["block_controlnet_hidden_states"] = control.network(
            **words,
            controlnet_cond=control.hint,
            encoder_hidden_states=None if config.joint_attention_dim is None else text,
            pooled_projections=torch.zeros_like(pooled) if plain else pooled,
        )[0]
    output: Tensor = network(
        **words, encoder_hidden_states=text, pooled_projections=pooled, **added
    )[0]
    return output


def _flux(
    network: Any, x: Tensor, timestep: Tensor, given: Mapping[str, Tensor], control: Control | None
) -> Tensor:
    h, w = (side // 2 for side in x.shape[2:])
    # Not in half precision, which does not hold all whole numbers.
    places = torch.zeros(h, w, 3, device=x.device)
    places[..., 1] = torch.arange(h, device=x.device)[:, None]
    places[..., 2] = torch.arange(w, device=x.device)
    words = {
        "hidden_states": _tokens(x),
        "timestep": timestep / 1000,
        "encoder_hidden_states": given["text"],
        "pooled_projections": given["pooled"],
        "txt_ids": places.new_zeros(given["text"].shape[1], 3),
        "img_ids": places.view(-1, 3),
        "return_dict": False,
    }

    def guidance(net: Any) -> Tensor | None:
        return timestep.new_full((1,), _NO_GUIDANCE) if net.config.guidance_embeds else None

    added = {}
    if control is not None:
        several = bool(getattr(control.network, "union", False))
        blocks, singles = control.network(
            **words,
            guidance=guidance(control.network),
            controlnet_cond=_tokens(control.hint),
            controlnet_mode=torch.full((len(x), 1), _EDGES, device=x.device) if several else None,
        )
        added = {
            "controlnet_block_samples": blocks,
            "controlnet_single_block_samples": singles,
        }
    output: Tensor = network(**words, guidance=guidance(network), **added)[0]
    return F.pixel_shuffle(output.transpose(1, 2).unflatten(2, (h, w)), 2)


def _tokens(x: Tensor) -> Tensor:
    """[1, (h / 2)(w / 2), 4 C] of [1, C, h, w]: of each patch of 2x2 all channels, and of each its rows and columns."""
    return F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


_UNETS = (
    "diffusers.models.unets.unet_2d_condition:UNet2DConditionModel",
    "diffusers.models.controlnets.controlnet:ControlNetModel",
)

ARCHITECTURES: Mapping[str, Architecture] = {
    "sd": Architecture(*_UNETS, _unet, "edges"),
    "sdxl": Architecture(*_UNETS, _unet, "edges", _time_ids),
    "sd3": Architecture(
        "diffusers.models.transformers.transformer_sd3:SD3Transformer2DModel",
        "diffusers.models.controlnets.controlnet_sd3:SD3ControlNetModel",
        _sd3,
        "latent",
    ),
    "flux": Architecture(
        "diffusers.models.transformers.transformer_flux:FluxTransformer2DModel",
        "diffusers.models.controlnets.controlnet_flux:FluxControlNetModel",
        _flux,
        "latent",
        patch=4,
    ),
}
