"""The latent spaces of published pipelines: diffusers' autoencoders behind core's interface, one row of a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.errors import ModelDamaged, ModelError
from gcodec.interfaces import Size
from gcodec.models import Model, _torchvision_cpu
from gcodec.models.devices import torch_device
from gcodec.models.networks import LatentSpace
from gcodec.run import Run
from gcodec_diffusers.lapped import padded
from gcodec_diffusers.layout import name_of_space
from gcodec_diffusers.loading import load_network, refusing

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PublishedSpace", "open_published"]


#: Samples beyond which a picture goes through in tiles whatever memory there is: in one piece it takes some 2 KB a sample.
_WHOLE = 1 << 21


class _Scaling(NamedTuple):
    """From what an autoencoder makes to what a denoiser sees, (z - shift) scale: shift and scale [C, 1, 1]."""

    shift: Tensor
    scale: Tensor


def _by_config(network: Any) -> _Scaling:
    """As the configuration has it: one factor and one shift, or a mean and a deviation for each channel."""
    config = network.config
    shift = config.get("latents_mean") or [config.get("shift_factor") or 0.0]
    spread = config.get("latents_std") or [1.0]
    factor = 1.0 if config.get("scaling_factor") is None else config.scaling_factor
    return _Scaling(_column(shift), factor / _column(spread))


def _by_statistics(network: Any) -> _Scaling:
    """FLUX.2: those of the batch normalization that its autoencoder keeps, of packed channels."""
    variance = network.bn.running_var.float() + network.config.batch_norm_eps
    return _Scaling(network.bn.running_mean.float()[:, None, None], variance.rsqrt()[:, None, None])


def _by_nothing(network: Any) -> _Scaling:
    """Kandinsky 3 takes its latents as they are, whatever the configuration says."""
    return _Scaling(_column([0.0]), _column([1.0]))


def _column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None, None]


class _Kind(NamedTuple):
    """A class of autoencoders.

    module    where diffusers has it.
    channels, factor   functions (network) -> number, of its latents.
    encode    function (network, x [1, 3, H, W] in [-1, 1]) -> z [1, C', h', w'], the mean of its posterior.
    decode    function (network, z) -> x.
    scaling   function (network) -> `_Scaling`.
    packed    whether each 2x2 positions of it are one of the space's.
    frames    whether its latents have an axis of time, of length 1 here.
    """

    module: str
    channels: Callable[[Any], int]
    factor: Callable[[Any], int]
    encode: Callable[[Any, Tensor], Tensor] = lambda net, x: net.encode(x).latent_dist.mode()
    decode: Callable[[Any, Tensor], Tensor] = lambda net, z: net.decode(z).sample
    scaling: Callable[[Any], _Scaling] = _by_config
    packed: bool = False
    frames: bool = False


def _halvings(key: str) -> Callable[[Any], int]:
    return lambda network: 2 ** (len(network.config[key]) - 1)


def _latent_channels(network: Any) -> int:
    return int(network.config.latent_channels)


_VIDEO: Any = {
    "channels": lambda net: int(net.config.z_dim),
    "factor": lambda net: int(net.spatial_compression_ratio),
    "encode": lambda net, x: net.encode(x[:, :, None]).latent_dist.mode(),
    "decode": lambda net, z: net.decode(z).sample[:, :, 0],
    "frames": True,
}
_MODULES = "diffusers.models.autoencoders"
_KINDS: Mapping[str, _Kind] = {
    "AsymmetricAutoencoderKL": _Kind(
        f"{_MODULES}.autoencoder_asym_kl", _latent_channels, _halvings("down_block_out_channels")
    ),
    "AutoencoderDC": _Kind(
        f"{_MODULES}.autoencoder_dc",
        _latent_channels,
        _halvings("encoder_block_out_channels"),
        encode=lambda net, x: net.encode(x).latent,
    ),
    "AutoencoderKL": _Kind(
        f"{_MODULES}.autoencoder_kl", _latent_channels, _halvings("block_out_channels")
    ),
    "AutoencoderKLFlux2": _Kind(
        f"{_MODULES}.autoencoder_kl_flux2",
        lambda net: 4 * int(net.config.latent_channels),
        lambda net: 2 ** len(net.config.block_out_channels),
        scaling=_by_statistics,
        packed=True,
    ),
    "AutoencoderKLHunyuanImage": _Kind(
        f"{_MODULES}.autoencoder_kl_hunyuanimage",
        _latent_channels,
        lambda net: int(net.config.spatial_compression_ratio),
    ),
    "AutoencoderKLQwenImage": _Kind(f"{_MODULES}.autoencoder_kl_qwenimage", **_VIDEO),
    "AutoencoderKLWan": _Kind(f"{_MODULES}.autoencoder_kl_wan", **_VIDEO),
    "AutoencoderTiny": _Kind(
        f"{_MODULES}.autoencoder_tiny",
        _latent_channels,
        _halvings("encoder_block_out_channels"),
        encode=lambda net, x: net.encode(x).latents,
    ),
    "VQModel": _Kind(
        f"{_MODULES}.vq_model",
        lambda net: int(net.config.vq_embed_dim or net.config.latent_channels),
        _halvings("block_out_channels"),
        encode=lambda net, x: net.encode(x).latents,
        decode=lambda net, z: net.decode(z, force_not_quantize=True).sample,
        scaling=_by_nothing,
    ),
}


class PublishedSpace(LatentSpace):
    """An autoencoder of diffusers behind core's interface: the mean of its posterior, shifted and scaled as pipelines do.

    Sides that are no multiple of the factor are continued by their last samples.

    shift, scale  latents are (z - shift) scale: [C, 1, 1].
    tiled  whether pictures larger than diffusers' tiles go through in those, mixed where they overlap; cf. `_WHOLE`.
    """

    def __init__(self, network: Any, name: str, device: torch.device, tiled: bool) -> None:
        self.name, self.network, self.device, self.tiled = name, network, device, tiled
        self._kind = _KINDS[type(network).__name__]
        self.channels, self.factor = self._kind.channels(network), self._kind.factor(network)
        self.shift, self.scale = (part.to(device) for part in self._kind.scaling(network))

    @torch.no_grad()
    def encode(self, pixels: FloatArray) -> FloatArray:
        """Latent float32 [C, ceil(H / f), ceil(W / f)] of pixels [3, H, W] in [0, 1]."""
        x = torch.from_numpy(padded(pixels, self.factor))[None].to(self.device)
        self._fit(x[0, 0].numel())
        z = self._kind.encode(self.network, (2 * x - 1).to(self.network.dtype))
        return self._sound(self.scaled(z.float())[0])

    @torch.no_grad()
    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Pixels float32 [3, H, W] in [0, 1]."""
        z = torch.from_numpy(np.ascontiguousarray(latent))[None].to(self.device)
        return self._sound(self.render(z)[0, :, : size.height, : size.width].clamp_(0, 1))

    def render(self, z: Tensor) -> Tensor:
        """Pixels [1, 3, f h, f w] of latents [1, C, h, w], nominally in [0, 1]; differentiable."""
        self._fit(z[0, 0].numel() * self.factor**2)
        x = self._kind.decode(self.network, self.raw(z).to(self.network.dtype))
        return (x.float() + 1) / 2

    def scaled(self, z: Tensor) -> Tensor:
        """Latents [1, C, h, w] of what the autoencoder makes, or a pipeline gives it to decode."""
        if self._kind.frames:
            z = z[:, :, 0]
        if self._kind.packed:
            z = F.pixel_unshuffle(z, 2)
        return (z - self.shift) * self.scale

    def raw(self, z: Tensor) -> Tensor:
        """The inverse of `scaled`."""
        z = z / self.scale + self.shift
        if self._kind.packed:
            z = F.pixel_shuffle(z, 2)
        return z[:, :, None] if self._kind.frames else z

    def _sound(self, made: Tensor) -> FloatArray:
        if not torch.isfinite(made).all():
            raise ModelError(
                f"model {self.name}: it answers with what is no number; its weights are damaged"
            )
        return np.ascontiguousarray(made.cpu().numpy())

    def _fit(self, samples: int) -> None:
        # The network is shared with whoever opened the same folder.
        self.network.use_tiling = self.tiled or samples > _WHOLE


def open_published(model: Model, run: Run) -> PublishedSpace:
    """The latent space in the folder of an autoencoder. Raises ModelDamaged."""
    folder = model.folder.absolute()
    name = str(model.class_name)
    network = _network(folder, name, model.digest, run.device, run.dtype, run.memory)
    there = torch_device(run.device)
    with refusing(model.name, "its configuration does not say how latents are scaled"):
        space = PublishedSpace(network, name_of_space(folder), there, run.memory != "plenty")
        torch.empty(space.channels, 1, 1).copy_(space.shift * space.scale)
    if not (torch.isfinite(space.scale) & (space.scale != 0)).all():
        raise ModelDamaged(model.name, "its latents are scaled by what is no number, or zero")
    return space


@lru_cache(maxsize=2)
def _network(folder: Path, name: str, digest: str, device: str, dtype: str, memory: str) -> Any:
    """The autoencoder, loaded once for sender and receiver, adapters and samplers."""
    _torchvision_cpu.install()
    cls = getattr(import_module(_KINDS[name].module), name)
    # Many overflow in float16, and those that do not are small.
    precision = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    network = load_network(cls, folder, precision)
    if memory != "plenty" and hasattr(network, "enable_slicing"):
        network.enable_slicing()
    return network.to(torch_device(device))
