"""What the trainers of denoisers of the latent space of `base` share: the recipe's tables, the network, its folder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.models import ModelStore
from gcodec_diffusers.folders import load_codebook, save
from gcodec_diffusers.network import EstimateDenoiser
from gcodec_diffusers.training._conditions import Conditions, Draw
from gcodec_diffusers.training._tables import autoencoder, channels_last
from gcodec_train import Crops, Inputs, PhotoTask, Schema, pixels
from gcodec_train.perceptual import lpips_loss

__all__ = ["LatentTask", "mix"]

#: Crops whose latents' deviation is the prior's, and their side.
_SAMPLES, _SAMPLE_SIDE = 256, 128


@dataclass(frozen=True)
class Space:
    """The table [space]: the model of the latent space."""

    autoencoder: str


@dataclass(frozen=True)
class UNet:
    """The table [unet]: arguments of diffusers' `UNet2DModel`."""

    block_out_channels: tuple[int, ...]
    layers_per_block: int
    down_block_types: tuple[str, ...]
    up_block_types: tuple[str, ...]
    attention_head_dim: int


def codebooks(**models: str) -> dict[str, str]:
    """The table [codebooks]: name of the tokens = model."""
    return models


class LatentTask(PhotoTask):
    """A task whose network is an `EstimateDenoiser` of random conditions; `schemas` are the tables that it reads."""

    schemas: ClassVar[Mapping[str, Schema]] = {
        "space": Space,
        "codebooks": codebooks,
        "unet": UNet,
        "data": Crops,
        "conditions": Conditions,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.place = inputs.table("space", Space).autoencoder
        self.space = autoencoder(inputs, self.place)
        store = ModelStore.installed()
        books = [
            load_codebook(store.find(name))[0].to(inputs.device)
            for name in inputs.table("codebooks", codebooks).values()
        ]
        self.draw = Draw(inputs.table("conditions", Conditions), self.space, books)
        self.metric = lpips_loss(inputs.device)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        sample = pixels(self.photos.crops(self.members, _SAMPLES, _SAMPLE_SIDE, rng))
        with torch.no_grad():
            z = self.space.encode(sample.to(self.inputs.device))
        deviation = z.square().mean((0, 2, 3)).sqrt().tolist()
        unet = asdict(self.inputs.table("unet", UNet))
        network = EstimateDenoiser(unet, [round(s, 4) for s in deviation])
        return channels_last(network)

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What the folder's "gcodec" says beside space, deviation and codebooks."""

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, EstimateDenoiser)
        about = {
            "space": self.place,
            "deviation": [round(s, 4) for s in network.deviation.tolist()],
            "codebooks": self.inputs.table("codebooks", codebooks),
            **self.about(),
        }
        save(network.unet, network.unet.config, about, folder)


def mix(x_0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """x_t = (1 - t) x_0 + t eps."""
    return torch.lerp(x_0, eps, t[:, None, None, None])
