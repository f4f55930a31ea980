"""Unconditional models of pixels: DDPM, DDIM and consistency models of diffusers, in a space whose autoencoder does nothing.

Their latents are the samples, scaled from [0, 1] to [-1, 1]. Where the folder's sampler cuts x0-hat off at the bounds of a
picture, so does the denoiser: every picture lies inside, so that it errs less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.devices import torch_device
from gcodec.models.networks import Condition, LatentSpace
from gcodec.run import Run
from gcodec_diffusers.components import open_network, read_schedule
from gcodec_diffusers.layout import PIXELS
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.pipeline import PipelineDenoiser, padded_to

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PixelDenoiser", "PixelSpace", "open_pixels"]

_NETWORK, _CHANNELS = "unet", 3
#: Deviation of the samples of photographs, "sigma_data" of Karras et al. 2022.
_DEVIATION = 0.5


class PixelSpace(LatentSpace):
    """Samples 2 p - 1 of pixels p."""

    name, channels, factor = PIXELS, _CHANNELS, 1

    def encode(self, pixels: FloatArray) -> FloatArray:
        """float32 [3, H, W] in [-1, 1] of pixels [3, H, W] in [0, 1]."""
        latent: FloatArray = np.float32(2) * pixels - np.float32(1)
        return latent

    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Pixels float32 [3, H, W] in [0, 1]."""
        pixels: FloatArray = np.clip((latent + np.float32(1)) / np.float32(2), 0, 1)
        return np.ascontiguousarray(pixels[:, : size.height, : size.width])

    def render(self, z: Tensor) -> Tensor:
        """Pixels [1, 3, H, W], nominally in [0, 1]."""
        return (z + 1) / 2

    def error(self, latent: FloatArray, deviation: FloatArray) -> float:
        """Exactly what noise of that deviation makes."""
        return float(np.square(deviation, dtype=np.float64).mean()) / 4

    def spread(self, pixels: FloatArray, mse: float) -> FloatArray:
        """Exactly what noise of the samples makes."""
        return np.full(_CHANNELS, 2 * mse**0.5, np.float32)


class PixelDenoiser(PipelineDenoiser):
    """A U-Net of pixels."""

    several = True

    def __init__(self, model: Model, run: Run) -> None:
        schedule = read_schedule(model)._replace(deviation=_DEVIATION)
        device = torch_device(run.device)
        super().__init__(model, str(model.folder.absolute()), PixelSpace(), schedule, device)
        self.own_space = self.encoder
        self.network = open_network(model, _NETWORK, {}, run)
        self.dtype = getattr(torch, run.dtype)
        config = self.network.config
        self._multiple = 2 ** (len(config.block_out_channels) - 1)
        # The variance that some predict beside is of no use here.
        if config.in_channels != _CHANNELS or config.out_channels not in (_CHANNELS, 2 * _CHANNELS):
            raise ModelDamaged(
                model.name,
                f"its network makes pictures of {config.in_channels} channels; only those of {_CHANNELS} are known",
            )
        if config.get("num_class_embeds") or config.get("class_embed_type"):
            raise ModelDamaged(
                model.name,
                "its network wants to be told a class; only unconditional ones are known",
            )

    @property
    def bound(self) -> float | None:
        """As the folder's sampler has it."""
        return self.schedule.bound

    def output(self, x: Tensor, at: Level, condition: Condition) -> Tensor:
        """What the network says, [B, 3, H, W]."""
        clock = torch.tensor([at.timestep], device=x.device)

        def call(whole: Callable[[Tensor], Tensor]) -> Tensor:
            out: Tensor = self.network(whole(x).to(self.dtype), clock, return_dict=False)[0]
            return out[:, :_CHANNELS]

        return padded_to(self._multiple, x, call).float()


def open_pixels(model: Model, run: Run) -> PixelDenoiser:
    """The denoiser of a pipeline's folder. Raises ModelDamaged."""
    return PixelDenoiser(model, run)
