"""Trainer "latent_entropy": bits of a latent space's latents at every bin width.

    gcodec train latent_entropy.toml --data PHOTOS --out RUN

Half the samples of a batch are rounded to multiples of the bin width, half relative to the predicted means. The bits of
a sample weigh width**tilt, so that coarse and fine widths count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.entropy.model import EntropyConfig
from gcodec.errors import RecipeError
from gcodec.models import ModelStore
from gcodec.models.networks import open_space
from gcodec.run import Run
from gcodec_ldm.scalar.export import export
from gcodec_ldm.scalar.model import LatentEntropy, log_width
from gcodec_train import Crops, Inputs, PhotoTask, Schema

__all__ = ["LatentEntropyTask"]

#: Crops whose latents' deviations begin the model; qualities and held-out photographs that are judged.
_SAMPLES = 32
_LEVELS, _JUDGED = (0.0, 0.25, 0.5, 0.75, 1.0), 8


@dataclass(frozen=True)
class Space:
    """The table [space]: name of the model of the latent space."""

    autoencoder: str


@dataclass(frozen=True)
class Loss:
    """The table [loss]: exponent of the bin width in the weight of its bits."""

    tilt: float


@dataclass(frozen=True)
class Export:
    """The table [export]: crops that the frequency tables are fitted on."""

    tables: int


class LatentEntropyTask(PhotoTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        "space": Space,
        "entropy": EntropyConfig,
        "data": Crops,
        "loss": Loss,
        "export": Export,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.loss = inputs.table("loss", Loss)
        run = Run(device=str(inputs.device))
        self.model = ModelStore.installed().find(inputs.table("space", Space).autoencoder)
        self.space = open_space(self.model, run)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        sizes = self.inputs.table("entropy", EntropyConfig)
        if sum(sizes.groups) != self.space.channels:
            raise RecipeError(
                self.inputs.source,
                f"they have {sum(sizes.groups)} channels, the space {self.space.name} has"
                f" {self.space.channels}",
                "entropy.groups",
            )
        entropy = LatentEntropy(sizes)
        y = self.latents(np.random.default_rng(self.inputs.recipe["seed"]), _SAMPLES)
        entropy.initialise(y.square().mean((0, 2, 3)).sqrt().tolist())
        return entropy

    def latents(self, rng: np.random.Generator, count: int) -> Tensor:
        """Of random crops, float32 [count, C, h, w]."""
        return torch.stack([self.latent(crop) for crop in self.crops(count, rng)])

    def latent(self, photo: np.ndarray) -> Tensor:
        """Of uint8 [H, W, 3], float32 [C, h, w]."""
        pixels = photo.transpose(2, 0, 1).astype(np.float32) / 255
        return torch.from_numpy(self.space.encode(pixels)).to(self.inputs.device)

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, LatentEntropy)
        count = self.data.batch
        y = self.latents(rng, count)
        # Evenly spread qualities; which half is anchored has nothing to do with them.
        q = torch.from_numpy(((np.arange(count) + rng.random(count)) / count).astype(np.float32))
        anchored = torch.from_numpy((rng.permutation(count) % 2).astype(np.float32))
        bits, soft = network.bits(y, q.to(y), anchored.to(y), noise=True)
        positions = y.shape[2] * y.shape[3]
        weight = torch.exp2(self.loss.tilt * log_width(q.to(y)))
        loss = ((bits + soft) * weight).mean() / positions
        return {"loss": loss, "bits": bits.mean() / positions}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, LatentEntropy)
        ys = [
            self.latent(self.photos.centre(int(index), 384))[None] for index in self.aside[:_JUDGED]
        ]
        figures: dict[str, float] = {}
        for name, anchored in (("plain", 0.0), ("anchored", 1.0)):
            for level in _LEVELS:
                rates = []
                for y in ys:
                    q, a = y.new_tensor([level]), y.new_tensor([anchored])
                    bits, _ = network.bits(y, q, a, noise=False)
                    rates.append(bits.item() / (y.shape[2] * y.shape[3]))
                figures[f"{name}_{level:.2f}"] = float(np.mean(rates))
        return figures

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, LatentEntropy)
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        wanted = self.inputs.table("export", Export)
        export(network, self.model, self.latents(rng, wanted.tables).cpu().numpy(), folder)
