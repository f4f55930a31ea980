"""A trainer that exists for tests: a small network learns to undo a blur of photographs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec_train import Inputs, Schema, Task, packed

RECIPE = """
task = "test/blur"
seed = 5

[plan]
steps = 6
lr = 1e-2
warmup = 2
decay = 2
ema = 0.9
evaluate = 4

[data]
crop = 16
batch = 2
held_out = 1

[network]
width = 4
"""


@dataclass(frozen=True)
class Data:
    """The table [data]; `trouble` happens at step `at`."""

    crop: int
    batch: int = 2
    held_out: int = 1
    trouble: str = ""
    at: int = 0

    def __post_init__(self) -> None:
        if self.crop % 2:
            raise ValueError(f"crop = {self.crop} is odd")


def network(width: int, depth: int = 1) -> nn.Sequential:
    """Chance at every step (dropout) and a state beside the weights (running means)."""
    layers = [nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)]
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.SiLU(),
        nn.Dropout(0.1),
        *layers,
        nn.Conv2d(width, 3, 3, padding=1),
    )


class Blur(Task):
    tables: ClassVar[Mapping[str, Schema] | None] = {"data": Data, "network": network}

    def __init__(self, inputs: Inputs) -> None:
        self.data = inputs.table("data", Data)
        self.photos = packed(inputs.data, inputs.cache, inputs.progress)
        self.members, self.aside = self.photos.split(self.data.held_out, inputs.recipe["seed"])
        super().__init__(inputs)

    def build(self) -> nn.Module:
        return self.inputs.table("network", network)

    def rates(self) -> dict[str, float]:
        return {"0.": 0.5}

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        if step == self.data.at and self.data.trouble == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        data = self.data
        crops = self.photos.crops(self.members, data.batch, data.crop, rng)
        loss = error(network, tensor(crops, self.inputs.device))
        if step == self.data.at and self.data.trouble == "mistake":
            raise LookupError("no such layer")
        if step == self.data.at and self.data.trouble == "loss":
            loss = loss + float("nan")
        if step == self.data.at and self.data.trouble == "gradient":
            # The square root's slope at zero.
            loss = loss + (next(network.parameters()) * 0).square().sum().sqrt()
        return {"loss": loss, "psnr": -10 * loss.log10()}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        crops = np.stack([self.photos.centre(int(i), 32) for i in self.aside])
        return {"mse": float(error(network, tensor(crops, self.inputs.device)))}

    def export(self, network: nn.Module, folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps(self.inputs.recipe["network"]))
        state = {k: v.contiguous() for k, v in network.state_dict().items()}
        save_file(state, folder / "diffusion_pytorch_model.safetensors")


def tensor(crops: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float() / 255


def error(network: nn.Module, x: Tensor) -> Tensor:
    blurred = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2)
    loss: Tensor = (network(blurred) + blurred - x).square().mean()
    return loss
