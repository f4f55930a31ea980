"""The latent space of diffusers' `AutoencoderKL`: that of Stable Diffusion, SDXL, SD3 and FLUX."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gcodec.interfaces import Size
from gcodec.models import Model, _torchvision_cpu
from gcodec.models.devices import torch_device
from gcodec.models.networks import LatentSpace
from gcodec.run import Run
from gcodec_diffusers.lapped import padded
from gcodec_diffusers.layout import kl_name
from gcodec_diffusers.loading import load_network

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["KlSpace", "open_kl"]


#: Samples beyond which a picture goes through in tiles whatever memory there is: in one piece it takes some 2 KB a sample.
_WHOLE = 1 << 21


class KlSpace(LatentSpace):
    """An AutoencoderKL behind core's interface: the mean of its posterior, shifted and scaled as its config says.

    Sides that are no multiple of the factor are continued by their last samples.

    tiled  whether pictures larger than diffusers' tiles go through in those, mixed where they overlap; cf. `_WHOLE`.
    """

    def __init__(self, network: Any, name: str, device: torch.device, tiled: bool) -> None:
        self.name, self.network, self.device, self.tiled = name, network, device, tiled
        config = network.config
        self.channels: int = config.latent_channels
        self.factor: int = 2 ** (len(config.block_out_channels) - 1)
        shift = config.get("latents_mean") or [config.get("shift_factor") or 0.0]
        spread = config.get("latents_std") or [1.0]
        self.shift = torch.tensor(shift, device=device)[:, None, None]
        self.scale = config.scaling_factor / torch.tensor(spread, device=device)[:, None, None]

    @torch.no_grad()
    def encode(self, pixels: FloatArray) -> FloatArray:
        """Latent float32 [C, ceil(H / f), ceil(W / f)] of pixels [3, H, W] in [0, 1]."""
        x = torch.from_numpy(padded(pixels, self.factor))[None].to(self.device)
        self._fit(x[0, 0].numel())
        z = self.network.encode((2 * x - 1).to(self.network.dtype)).latent_dist.mode().float()
        latent: FloatArray = ((z - self.shift) * self.scale)[0].cpu().numpy()
        return np.ascontiguousarray(latent)

    @torch.no_grad()
    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Pixels float32 [3, H, W] in [0, 1]."""
        z = torch.from_numpy(np.ascontiguousarray(latent))[None].to(self.device)
        x = self.render(z)[0].clamp_(0, 1).cpu().numpy()
        pixels: FloatArray = x[:, : size.height, : size.width]
        return pixels

    def render(self, z: Tensor) -> Tensor:
        """Pixels [1, 3, f h, f w] of latents [1, C, h, w], nominally in [0, 1]; differentiable."""
        self._fit(z[0, 0].numel() * self.factor**2)
        x: Tensor = self.network.decode((z / self.scale + self.shift).to(self.network.dtype)).sample
        return (x.float() + 1) / 2

    def _fit(self, samples: int) -> None:
        # The network is shared with whoever opened the same folder.
        self.network.use_tiling = self.tiled or samples > _WHOLE


def open_kl(model: Model, run: Run) -> KlSpace:
    """The latent space in the folder of an AutoencoderKL. Raises ModelDamaged."""
    folder = model.folder.absolute()
    network = _network(folder, model.digest, run.device, run.dtype, run.memory)
    return KlSpace(network, kl_name(folder), torch_device(run.device), run.memory != "plenty")


@lru_cache(maxsize=2)
def _network(folder: Path, digest: str, device: str, dtype: str, memory: str) -> Any:
    """The autoencoder, loaded once for sender and receiver, adapters and samplers."""
    _torchvision_cpu.install()
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    # Many overflow in float16, and those that do not are small.
    precision = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    network = load_network(AutoencoderKL, folder, precision)
    if memory != "plenty":
        network.enable_slicing()
    return network.to(torch_device(device))
