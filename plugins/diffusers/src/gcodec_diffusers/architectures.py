"""How the network of each family is called: the same latents and levels, other words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.interfaces import Size

__all__ = ["ARCHITECTURES", "Architecture", "Call"]

#: Call(network, x [1, C, h, w], timestep [1], globals of the condition) -> output [1, C, h, w]
Call = Callable[[Any, Tensor, Tensor, Mapping[str, Tensor]], Tensor]

#: Of a guidance-distilled FLUX: 1 is no guidance, which is what E[x_0 | x_t] wants.
_NO_GUIDANCE = 1.0
#: What the refiner of SDXL is told a picture's aesthetic score is; diffusers' default.
_AESTHETIC = 6.0


class Architecture(NamedTuple):
    """A family's network.

    module, cls  where diffusers has its class.
    call         how it is called.
    about        what it is told of the picture: function (network, size, globals) -> further globals of the condition.
    """

    module: str
    cls: str
    call: Call
    about: Callable[[Any, Size, Mapping[str, Tensor]], Mapping[str, Tensor]] = (
        lambda network, size, given: {}
    )


def _unet(network: Any, x: Tensor, timestep: Tensor, given: Mapping[str, Tensor]) -> Tensor:
    added = None
    if "time_ids" in given:
        added = {"text_embeds": given["pooled"], "time_ids": given["time_ids"]}
    output: Tensor = network(
        x,
        timestep,
        encoder_hidden_states=given["text"],
        added_cond_kwargs=added,
        return_dict=False,
    )[0]
    return output


def _time_ids(network: Any, size: Size, given: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """SDXL's micro-conditioning (Podell et al. 2023, section 2.2): a picture of its own size, not cropped.

    The base is told original size, crop and target size, the refiner original size, crop and an aesthetic score.
    """
    room = network.add_embedding.linear_1.in_features - given["pooled"].shape[-1]
    numbers: list[float] = [*size, 0, 0, *size]
    if room == 5 * network.config.addition_time_embed_dim:
        numbers = [*size, 0, 0, _AESTHETIC]
    return {"time_ids": given["pooled"].new_tensor([numbers])}


def _sd3(network: Any, x: Tensor, timestep: Tensor, given: Mapping[str, Tensor]) -> Tensor:
    output: Tensor = network(
        hidden_states=x,
        timestep=timestep,
        encoder_hidden_states=given["text"],
        pooled_projections=given["pooled"],
        return_dict=False,
    )[0]
    return output


def _flux(network: Any, x: Tensor, timestep: Tensor, given: Mapping[str, Tensor]) -> Tensor:
    # Patches of 2x2 latent positions are tokens: channels first, then rows, then columns of the patch.
    h, w = (side // 2 for side in x.shape[2:])
    tokens = F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)
    # Not in half precision, which does not hold all whole numbers.
    places = torch.zeros(h, w, 3, device=x.device)
    places[..., 1] = torch.arange(h, device=x.device)[:, None]
    places[..., 2] = torch.arange(w, device=x.device)
    guidance = timestep.new_full((1,), _NO_GUIDANCE) if network.config.guidance_embeds else None
    output: Tensor = network(
        hidden_states=tokens,
        timestep=timestep / 1000,
        guidance=guidance,
        encoder_hidden_states=given["text"],
        pooled_projections=given["pooled"],
        txt_ids=places.new_zeros(given["text"].shape[1], 3),
        img_ids=places.view(-1, 3),
        return_dict=False,
    )[0]
    return F.pixel_shuffle(output.transpose(1, 2).unflatten(2, (h, w)), 2)


_UNET = ("diffusers.models.unets.unet_2d_condition", "UNet2DConditionModel")

ARCHITECTURES: Mapping[str, Architecture] = {
    "sd": Architecture(*_UNET, _unet),
    "sdxl": Architecture(*_UNET, _unet, _time_ids),
    "sd3": Architecture(
        "diffusers.models.transformers.transformer_sd3", "SD3Transformer2DModel", _sd3
    ),
    "flux": Architecture(
        "diffusers.models.transformers.transformer_flux", "FluxTransformer2DModel", _flux
    ),
}
