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
from gcodec_diffusers.folders import load_autoencoder

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LappedSpace", "latent_error", "open_space", "preview_error"]

#: Variance of a codec's error in a component, per squared error of the samples and per unit of `scale`: measured on
#: JPEG, WebP, AVIF and `ntc` at 0.05 to 0.75 of their quality, where it holds within a factor of 1.5 in every channel.
_COLOUR = 30.0


def codec_error(mse: float, scale: Tensor) -> Tensor:
    """Deviation [C] of a preview's latent from the image's, for a squared error of the samples in [0, 1].

    A codec errs most where the image varies most: before scaling, the variance of its error grows as the component's
    deviation, so after it as `scale`.
    """
    return (_COLOUR * mse * scale).sqrt()


def preview_error(mse: float, scale: Tensor, deviation: Tensor) -> Tensor:
    """`codec_error` where the latent's own `deviation` [C] is known.

    A preview never errs by more than the channel holds, so both combine as in the reverse water-filling of a Gaussian
    source: 1 / s^2 = 1 / deviation^2 + 1 / (30 mse scale).
    """
    return (deviation.pow(-2) + codec_error(max(mse, 1e-7), scale).pow(-2)).rsqrt()


def latent_error(step: float, deviation: Tensor) -> Tensor:
    """Deviation [C] of a quantized latent's error: uniform noise one bin wide, never more than the channel holds."""
    return (deviation.pow(-2) + 12 / max(step, 1e-3) ** 2).rsqrt()


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
