"""A codebook from a model folder of class `LatentCodebook`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gcodec.devices import torch_device
from gcodec.models import Model
from gcodec.networks import Codebook
from gcodec.run import Run
from gcodec_diffusers.codebook import LatentCodebook
from gcodec_diffusers.folders import load_codebook
from gcodec_diffusers.space import padded

if TYPE_CHECKING:
    from gcodec.signals import FloatArray, IntArray

__all__ = ["ScalarCodebook", "open_codebook"]


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
        h, w = (-(-n // self.stride) for n in shape)
        if indices.shape != (h, w):
            raise ValueError(f"{indices.shape} tokens where ({h}, {w}) are due")
        if indices.min() < 0 or indices.max() >= self.entries:
            raise ValueError(f"a token is not one of 0..{self.entries - 1}")
        index = torch.from_numpy(indices.astype(np.int64))[None].to(self.network.deviation.device)
        estimate: FloatArray = self.network.dequantize(index)[0].cpu().numpy()
        return estimate[:, : shape[0], : shape[1]], self.network.error.cpu().numpy()


def open_codebook(model: Model, run: Run) -> ScalarCodebook:
    """The codebook in `model`. Raises ModelDamaged."""
    network, about = load_codebook(model)
    return ScalarCodebook(network, run, about)
