"""Codebooks from model folders: of class `LatentCodebook`, and of class `HyperEncoder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gcodec.models import Model
from gcodec.models.devices import torch_device
from gcodec.models.networks import Codebook
from gcodec.run import Run
from gcodec_diffusers.codebook import LatentCodebook
from gcodec_diffusers.folders import load_codebook, load_hyper_encoder
from gcodec_diffusers.lapped import padded
from gcodec_diffusers.layout import space_of_hyper_encoder, tokens_of

if TYPE_CHECKING:
    from gcodec.signals import FloatArray, IntArray
    from gcodec_diffusers.hyper import HyperEncoder

__all__ = ["HyperCodebook", "ScalarCodebook", "open_codebook", "open_hyper_encoder"]


class ScalarCodebook(Codebook):
    """`LatentCodebook` behind core's interface."""

    def __init__(self, network: LatentCodebook, run: Run, about: dict[str, Any]) -> None:
        self.name, self.space = about["codebook"], about["space"]
        self.network = network.to(torch_device(run.device))
        self.entries, self.stride = network.entries, network.stride

    @torch.inference_mode()
    def quantize(self, latent: FloatArray) -> IntArray:
        """int32 indices [ceil(h / stride), ceil(w / stride)] of a latent [C, h, w]."""
        z = torch.from_numpy(padded(latent, self.stride))[None].to(self.network.deviation.device)
        indices: IntArray = self.network.quantize(z)[0].cpu().numpy().astype(np.int32)
        return indices

    @torch.inference_mode()
    def dequantize(
        self, indices: IntArray, shape: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """The estimate [C, h, w] for shape = (h, w), and the deviation [C] of its error.

        Raises ValueError where the indices are not of that shape or not below `entries`.
        """
        index = _checked(self, indices, shape)[None].to(self.network.deviation.device)
        estimate: FloatArray = self.network.dequantize(index)[0].cpu().numpy()
        return estimate[:, : shape[0], : shape[1]], self.network.error.cpu().numpy()


class HyperCodebook(Codebook):
    """`HyperEncoder` behind core's interface, and what the U-Net that was trained with it sees of its tokens.

    width  channels of the hyper-latent.
    """

    def __init__(self, network: HyperEncoder, run: Run, name: str, space: str) -> None:
        self.name, self.space = name, space
        self.device = torch_device(run.device)
        self.network = network.to(self.device)
        self.entries, self.stride, self.width = network.entries, network.stride, network.width
        with torch.inference_mode():
            self._table = network.table()

    @torch.inference_mode()
    def quantize(self, latent: FloatArray) -> IntArray:
        """int32 indices [ceil(h / stride), ceil(w / stride)] of a latent [C, h, w]."""
        z = torch.from_numpy(padded(latent, self.stride))[None].to(self.device)
        indices: IntArray = self.network.quantize(z).cpu().numpy().astype(np.int32)
        return indices

    def dequantize(
        self, indices: IntArray, shape: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """Nothing, 0 with a deviation of 1: without the U-Net these tokens say nothing of the latent.

        Raises ValueError where the indices are not of that shape or not below `entries`.
        """
        _checked(self, indices, shape)
        channels = self.network.channels
        return np.zeros((channels, *shape), np.float32), np.ones(channels, np.float32)

    def plane(self, indices: IntArray, shape: tuple[int, int]) -> torch.Tensor:
        """The index of every latent position, int64 [h, w] for shape = (h, w); raises what `dequantize` does."""
        index = _checked(self, indices, shape).to(self.device)
        wide = index.repeat_interleave(self.stride, 0).repeat_interleave(self.stride, 1)
        return wide[: shape[0], : shape[1]]

    def hyper_latent(self, plane: torch.Tensor) -> torch.Tensor:
        """z_l [width, h, w] of a part of a `plane`, upsampled as its neighbours are nearest."""
        return self._table[plane].permute(2, 0, 1)


def _checked(book: Codebook, indices: IntArray, shape: tuple[int, int]) -> torch.Tensor:
    """Indices that `book` can have made of a latent of that shape, int64."""
    h, w = (-(-n // book.stride) for n in shape)
    if indices.shape != (h, w):
        raise ValueError(f"{indices.shape} tokens where ({h}, {w}) are due")
    if indices.min() < 0 or indices.max() >= book.entries:
        raise ValueError(f"a token is not one of 0..{book.entries - 1}")
    return torch.from_numpy(indices.astype(np.int64))


def open_hyper_encoder(model: Model, run: Run) -> HyperCodebook:
    """The hyper-encoder of a pipeline, its folder within the pipeline's. Raises ModelDamaged."""
    network = load_hyper_encoder(model)
    return HyperCodebook(network, run, tokens_of(model), space_of_hyper_encoder(model))


def open_codebook(model: Model, run: Run) -> ScalarCodebook:
    """The codebook in `model`. Raises ModelDamaged."""
    network, about = load_codebook(model)
    return ScalarCodebook(network, run, about)
