"""A sound trainer, and defective ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import sample_training
import torch
from torch import Tensor, nn


class Sound(sample_training.Blur):
    def export(self, network: nn.Module, folder: Path) -> None:
        super().export(network, folder)
        (folder / "config.json").write_text(json.dumps({"_class_name": "Blur"}))


class Forgetful(Sound):
    """What it adds to the loss depends on how many steps this process has made."""

    made = 0

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        found = super().losses(network, step, rng)
        self.made += 1
        weight = next(network.parameters())
        return {"loss": found["loss"] + self.made * 1e-2 * weight.sum()}


class Stuck(Sound):
    """Nothing comes of one of its parameters."""

    def build(self) -> nn.Module:
        network = super().build()
        network.register_parameter("idle", nn.Parameter(torch.ones(1)))
        return network


class Broken(Sound):
    """Its model holds what no training has learned."""

    def export(self, network: nn.Module, folder: Path) -> None:
        with torch.no_grad():
            next(network.parameters()).fill_(float("nan"))
        super().export(network, folder)


class Nameless(sample_training.Blur):
    """Its config.json says no class."""


class Trusting(Sound):
    """It takes any table."""

    tables = None
