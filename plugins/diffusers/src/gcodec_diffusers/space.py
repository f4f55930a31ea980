"""A latent space from a model folder of class `LappedAutoencoder` in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.run import Run
from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.folders import load_autoencoder, shared
from gcodec_diffusers.lapped import FACTOR, Lapped, padded

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LappedSpace", "open_space"]


class LappedSpace(Lapped):
    """`LappedAutoencoder` behind core's interface; sides that are no multiple of 8 are continued by their last samples."""

    def __init__(self, network: LappedAutoencoder, run: Run, about: dict[str, Any]) -> None:
        super().__init__(network.scale.cpu().numpy(), about)
        self.network = network
        self.dtype = getattr(torch, run.dtype)

    @property
    def scale(self) -> Tensor:
        """Of every channel, [C] on the CPU."""
        return self.network.scale.cpu()

    @torch.inference_mode()
    def encode(self, pixels: FloatArray) -> FloatArray:
        """Latent float32 [C, ceil(H / 8), ceil(W / 8)] of pixels [3, H, W] in [0, 1]."""
        x = torch.from_numpy(padded(pixels, FACTOR))[None].to(self.network.scale.device)
        latent: FloatArray = self.network.encode(x)[0].cpu().numpy()
        return latent

    @torch.inference_mode()
    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Pixels float32 [3, H, W] in [0, 1]."""
        device = self.network.scale.device
        z = torch.from_numpy(np.ascontiguousarray(latent))[None].to(device)
        x = self.render(z)[0].float().clamp_(0, 1).cpu().numpy()
        pixels: FloatArray = x[:, : size.height, : size.width]
        return pixels

    @torch.inference_mode()
    def changed(self, pixels: FloatArray, latent: FloatArray) -> FloatArray:
        """The linear part of decoding what the latents differ by, added: no network takes part, all else stays as it was."""
        difference = torch.from_numpy(latent - self.encode(pixels))[None]
        x = self.network.expand(difference.to(self.network.scale.device))[0].cpu().numpy() / 2
        _, height, width = pixels.shape
        made: FloatArray = np.clip(pixels + x[:, :height, :width], 0, 1)
        return made

    def render(self, z: Tensor) -> Tensor:
        """Pixels [1, 3, 8 h, 8 w] of latents [1, C, h, w], nominally in [0, 1]; differentiable."""
        with torch.autocast(z.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.network.decode(z)


def open_space(model: Model, run: Run) -> LappedSpace:
    """The latent space in `model`. Raises ModelDamaged."""
    network, about = shared(model, run, load_autoencoder)
    return LappedSpace(network, run, about)
