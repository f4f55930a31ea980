"""Trainer "autoencoder": a latent space, on squared error and LPIPS, with a little noise in the latent.

GCODEC_METRICS=LPIPS gcodec train autoencoder.toml --data PHOTOS --out RUN
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.folders import save
from gcodec_diffusers.training._tables import channels_last
from gcodec_train import Crops, Inputs, PhotoTask, Schema, pixels
from gcodec_train.perceptual import lpips_loss

__all__ = ["AutoencoderTask"]

#: Photographs and side of the crops that choose the initial linear transform.
_SAMPLES, _SAMPLE_SIDE = 256, 128
#: The logarithm of the squared error makes a flat crop weigh as much as a busy one, down to 50 dB.
_FLOOR = 1e-5


@dataclass(frozen=True)
class Space:
    """The table [space]: the name of the latents ("base" in "latent/base")."""

    name: str


@dataclass(frozen=True)
class Linear:
    """The table [linear]: the fit of the two linear maps, before anything else."""

    steps: int
    lr: float


@dataclass(frozen=True)
class Loss:
    """The table [loss].

    lpips  weight of LPIPS beside the logarithm of the squared error.
    noise  largest deviation of the noise in the latents; half of the crops have none.
    """

    lpips: float
    noise: float


class AutoencoderTask(PhotoTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        "space": Space,
        "network": LappedAutoencoder,
        "linear": Linear,
        "data": Crops,
        "loss": Loss,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.loss = inputs.table("loss", Loss)
        self.metric = lpips_loss(inputs.device) if self.loss.lpips else None
        super().__init__(inputs)

    def build(self) -> nn.Module:
        network = self.inputs.table("network", LappedAutoencoder)
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        network.start_linear(pixels(self.photos.crops(self.members, _SAMPLES, _SAMPLE_SIDE, rng)))
        self.fit_linear(network, self.inputs.table("linear", Linear))
        network.project.requires_grad_(False)
        return channels_last(network)

    def fit_linear(self, network: LappedAutoencoder, plan: Linear) -> None:
        """Fit the two linear maps together: the window opens and hides the block borders."""
        linear = [network.project.weight, network.unproject.weight]
        optimizer = torch.optim.Adam(linear, plan.lr)
        for step in range(plan.steps):
            self.inputs.progress("fitting the linear maps", step, plan.steps)
            rng = np.random.default_rng((self.inputs.recipe["seed"], step, 1))
            fall = (plan.steps - step) / (0.7 * plan.steps)
            for group in optimizer.param_groups:
                group["lr"] = plan.lr * min(1, (step + 1) / 50, fall)
            x = pixels(self.photos.crops(self.members, 8, 192, rng))
            error = ((network.expand(network.encode(x)) + 1) / 2 - x).square().mean((1, 2, 3))
            optimizer.zero_grad()
            (error + _FLOOR).log().mean().backward()
            optimizer.step()

    def rates(self) -> dict[str, float]:
        return {"unproject": 0.1}

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, LappedAutoencoder)
        x = pixels(self.crops(self.data.batch, rng))
        x = x.to(self.inputs.device)
        with torch.no_grad():
            z = network.encode(x)
        # Denoisers and quantizers leave errors behind; the decoder learns to live with them.
        noise = rng.standard_normal(z.shape, np.float32)
        level = self.loss.noise * np.maximum(rng.random((len(z), 1, 1, 1), np.float32) * 2 - 1, 0)
        decoded = network.decode(z + torch.from_numpy(level * noise).to(z.device))
        square = (decoded - x).square().mean((1, 2, 3))
        error = (square + _FLOOR).log().mean()
        result = {"loss": error, "mse": square.mean()}
        if self.metric is not None:
            distance = self.metric(2 * decoded - 1, 2 * x - 1).mean()
            result |= {"loss": error + self.loss.lpips * distance, "lpips": distance}
        return result

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, LappedAutoencoder)
        psnr = []
        for index in self.aside:
            x = pixels(self.photos.centre(int(index), 256)[None]).to(self.inputs.device)
            error = (network(x).clamp(0, 1) - x).square().mean()
            psnr.append(-10 * math.log10(max(float(error), 1e-9)))
        return {"psnr": float(np.mean(psnr))}

    def export(self, network: nn.Module, folder: Path) -> None:
        with torch.inference_mode():
            ceiling = 10 ** (-self.evaluate(network)["psnr"] / 10)
        name = self.inputs.table("space", Space).name
        about = {"space": name, "ceiling": float(f"{ceiling:.3g}")}
        save(network, self.inputs.recipe["network"], about, folder)
