"""A latent space from a model folder of class `LappedAutoencoder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.devices import torch_device
from gcodec.models.networks import LatentSpace
from gcodec.run import Run
from gcodec_diffusers.autoencoder import FACTOR, LappedAutoencoder
from gcodec_diffusers.estimates import codec_error
from gcodec_diffusers.folders import load_autoencoder

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LappedSpace", "open_space", "padded"]


class LappedSpace(LatentSpace):
    """`LappedAutoencoder` behind core's interface; sides that are no multiple of 8 are continued by their last samples."""

    factor = FACTOR

    def __init__(self, network: LappedAutoencoder, run: Run, about: dict[str, Any]) -> None:
        self.name = about["space"]
        #: Squared error of a round trip, signal range [0, 1], on photographs.
        self.ceiling: float = about["ceiling"]
        self.network = network.to(torch_device(run.device))
        self.channels = len(network.scale)
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

    def error(self, latent: FloatArray, deviation: FloatArray) -> float:
        """That of the round trip, and what the error of the latent makes of its own."""
        # The encoder's components are nearly orthonormal before scaling, on samples in [-1, 1].
        of_latent = float(np.sum(np.square(deviation / self.scale.numpy()))) / (4 * 3 * FACTOR**2)
        return self.ceiling + of_latent

    def spread(self, pixels: FloatArray, mse: float) -> FloatArray:
        """`codec_error`: it has been measured for this space."""
        deviation: FloatArray = codec_error(mse, self.scale).numpy()
        return deviation

    def render(self, z: Tensor) -> Tensor:
        """Pixels [1, 3, 8 h, 8 w] of latents [1, C, h, w], nominally in [0, 1]; differentiable."""
        with torch.autocast(z.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.network.decode(z)


def padded(planes: FloatArray, multiple: int) -> FloatArray:
    """[C, H, W] with both sides continued to the next multiple by their last samples."""
    bottom, right = (-n % multiple for n in planes.shape[1:])
    result: FloatArray = np.pad(planes, ((0, 0), (0, bottom), (0, right)), mode="edge")
    return np.ascontiguousarray(result)


def open_space(model: Model, run: Run) -> LappedSpace:
    """The latent space in `model`. Raises ModelDamaged."""
    network, about = load_autoencoder(model)
    return LappedSpace(network, run, about)
