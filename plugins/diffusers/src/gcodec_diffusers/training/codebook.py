"""Trainer "codebook": tokens for a latent space, on squared error of the latents.

gcodec train codebook16.toml --data PHOTOS --out RUN
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gcodec_diffusers.codebook import LatentCodebook
from gcodec_diffusers.folders import save
from gcodec_diffusers.training._tables import autoencoder, channels_last
from gcodec_train import Crops, Inputs, PhotoTask, Schema, pixels

__all__ = ["CodebookTask"]

#: Crops whose latents' deviation scales the network.
_SAMPLES = 64


@dataclass(frozen=True)
class Space:
    """The table [space]: the model whose latents are quantized, and the name of the tokens."""

    autoencoder: str
    codebook: str


@dataclass(frozen=True)
class Network:
    """The table [network]: arguments of `LatentCodebook` that are not measured."""

    levels: Sequence[int]
    stride: int
    width: int
    blocks: int


class CodebookTask(PhotoTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        "space": Space,
        "network": Network,
        "data": Crops,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.place = inputs.table("space", Space)
        self.space = autoencoder(inputs, self.place.autoencoder)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        z = self.latents(np.random.default_rng(self.inputs.recipe["seed"]), _SAMPLES)
        deviation = z.square().mean((0, 2, 3)).sqrt()
        self.config = asdict(self.inputs.table("network", Network)) | {
            "deviation": [round(s, 4) for s in deviation.tolist()]
        }
        return channels_last(LatentCodebook(**self.config))

    def latents(self, rng: np.random.Generator, count: int) -> Tensor:
        x = pixels(self.crops(count, rng))
        with torch.no_grad():
            return self.space.encode(x.to(self.inputs.device))

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        z = self.latents(rng, self.data.batch)
        return {"loss": (network(z) - z).square().mean()}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, LatentCodebook)
        z, estimate, indices = self.held_out(network)
        error = (estimate - z).square().mean()
        p = torch.bincount(indices.flatten(), minlength=network.entries) / indices.numel()
        return {
            "mse": float(error),
            "of_variance": float(error / z.square().mean()),
            "entropy": float(-torch.special.xlogy(p, p).sum() / np.log(2)),
            "used": float((p > 0).sum()),
        }

    @torch.no_grad()
    def held_out(self, network: LatentCodebook) -> tuple[Tensor, Tensor, Tensor]:
        """(latents, their estimate, tokens) of the photographs that no step sees."""
        side = self.data.crop
        crops = [self.photos.centre(int(i), side, side) for i in self.aside]
        z = self.space.encode(pixels(np.stack(crops)).to(self.inputs.device))
        indices = network.quantize(z)
        return z, network.dequantize(indices), indices

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, LatentCodebook)
        z, estimate, _ = self.held_out(network)
        error = (estimate - z).square().mean((0, 2, 3)).sqrt().tolist()
        config = self.config | {"error": [round(s, 4) for s in error]}
        save(
            network,
            config,
            {"space": self.place.autoencoder, "codebook": self.place.codebook},
            folder,
        )
