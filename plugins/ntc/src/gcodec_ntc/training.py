"""Trainer "ntc": rate and squared error at every quality at once.

    gcodec train ntc.toml --data PHOTOS --out RUN
    gcodec train ntc.toml --data PHOTOS --out RUN --set 'start.model="base/ntc"'     # from the weights there are

The loss is bits per sample position + lambda(q) * MSE * 255^2, with lambda(q) = c / step(q)^2 as high-rate theory has it
(Sullivan and Wiegand 1998), weighted by lambda^-1/2 so that all qualities weigh alike.
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

from gcodec.entropy.model import EntropyConfig
from gcodec.errors import RecipeError
from gcodec.models import ModelStore
from gcodec_ntc.export import export
from gcodec_ntc.model import Model, Sizes
from gcodec_ntc.start import grow, rebuilt
from gcodec_ntc.transform import TransformConfig
from gcodec_train import Crops, Inputs, PhotoTask, Schema, pixels

__all__ = ["NtcTask"]

#: Crops that choose the coefficients of the lapped transform, in batches.
_SAMPLES = 16
#: Qualities and held-out photographs that are judged.
_LEVELS, _JUDGED = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 6
_LINEAR = (
    "analysis.colour",
    "analysis.pre",
    "analysis.dct",
    "synthesis.colour",
    "synthesis.post",
    "synthesis.dct",
)


@dataclass(frozen=True)
class Loss:
    """The table [loss].

    scale        c in lambda(q) = c / step(q)^2.
    trade        of squared error, in steps^2, against bits in the rounding of latents.
    focus        interval of qualities from which `focus_share` of each batch is drawn.
    frozen       first steps, in which the entropy model alone learns; the squared error is that of latents then.
    """

    scale: float
    trade: float
    focus: tuple[float, float] = (0.0, 1.0)
    focus_share: float = 1.0
    frozen: int = 0


@dataclass(frozen=True)
class Rates:
    """The table [rates]: factors on the learning rate of the lapped transform's matrices, and of the gains."""

    linear: float
    gain: float


@dataclass(frozen=True)
class Export:
    """The table [export].

    tables  crops that the frequency tables are fitted on.
    trade   as in [loss], for the encoder of the exported model: rounding less often towards zero than in training
            keeps the context from which later symbols are predicted.
    """

    tables: int
    trade: float


@dataclass(frozen=True)
class Start:
    """The table [start]: name or folder of a model to begin from, instead of the lapped transform."""

    model: str


class NtcTask(PhotoTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        "transform": TransformConfig,
        "entropy": EntropyConfig,
        "data": Crops,
        "loss": Loss,
        "rates": Rates,
        "export": Export,
        "start": Start | None,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.loss = inputs.table("loss", Loss)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        inputs = self.inputs
        sizes = Sizes(
            inputs.table("transform", TransformConfig), inputs.table("entropy", EntropyConfig)
        )
        model = Model(sizes)
        if "start" in inputs.recipe:
            begun = ModelStore.installed().find(inputs.table("start", Start).model)
            try:
                grow(rebuilt(begun.folder), model)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                why = f"{begun.name}, a {begun.class_name}, cannot be grown to the recipe's sizes"
                raise RecipeError(inputs.source, f"{why}: {error}", "start.model") from error
        else:
            rng = np.random.default_rng(inputs.recipe["seed"])
            batches = [self.crops(self.data.batch, rng) for _ in range(_SAMPLES)]
            model.initialise(torch.cat(list(map(pixels, batches))))
        return model

    def rates(self) -> dict[str, float]:
        factors = self.inputs.table("rates", Rates)
        linear = dict.fromkeys(_LINEAR, factors.linear)
        return linear | dict.fromkeys(("gain", "synthesis.ungain"), factors.gain)

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, Model)
        device = self.inputs.device
        x = pixels(self.crops(self.data.batch, rng)).to(device)
        q = qualities(self.loss, len(x), rng).to(device)
        frozen = step < self.loss.frozen
        with torch.set_grad_enabled(not frozen):
            v = network.scaled(network.analysis(x), q)
        # Its hard rounding and its tails want single precision.
        with torch.autocast(device.type, enabled=False):
            quantized, bits, soft = network.entropy(v, q, noise=True, trade=self.loss.trade)
        positions = x.shape[2] * x.shape[3]
        rate = (bits + soft) / positions
        multiplier = self.loss.scale * torch.exp2(-2 * network.log_step(q))
        if frozen:
            # Of the latents: without it means go where bits are fewest, and the picture pays for it.
            width = torch.exp2(network.log_step(q))
            error = (quantized - v).square().sum((1, 2, 3)) * width**2 / (3 * positions)
        else:
            error = (network.synthesis(quantized, q) - x).square().mean((1, 2, 3)) * 255**2
        loss = ((rate + multiplier * error) * multiplier.rsqrt()).mean() * 0.05
        return {"loss": loss, "bpp": bits.mean() / positions, "mse": error.mean()}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, Model)
        figures: dict[str, float] = {}
        for level in _LEVELS:
            bpp, psnr = [], []
            for index in self.aside[:_JUDGED]:
                x = pixels(self.photos.centre(int(index), 512)[None]).to(self.inputs.device)
                q = torch.tensor([level], device=x.device)
                v = network.scaled(network.analysis(x), q)
                quantized, bits, _ = network.entropy(v, q, noise=False, trade=self.loss.trade)
                output = (network.synthesis(quantized, q).clamp(0, 1) * 255).round()
                mse = (output - x * 255).square().mean().item()
                bpp.append(bits.item() / (x.shape[2] * x.shape[3]))
                psnr.append(10 * math.log10(255**2 / max(mse, 1e-9)))
            figures[f"bpp_{level:.1f}"] = float(np.mean(bpp))
            figures[f"psnr_{level:.1f}"] = float(np.mean(psnr))
        return figures

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, Model)
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        wanted = self.inputs.table("export", Export)
        export(network, wanted.trade, pixels(self.crops(wanted.tables, rng)).numpy(), folder)


def qualities(loss: Loss, count: int, rng: np.random.Generator) -> Tensor:
    """Stratified qualities of one batch, [count] in [0, 1], denser within `loss.focus`."""
    low, high = loss.focus
    share = loss.focus_share
    below = (1 - share) * low / max(1 - high + low, 1e-9)
    u = (np.arange(count) + rng.random(count)) / count
    q = np.interp(u, (0, below, below + share, 1), (0, low, high, 1))
    return torch.from_numpy(q.astype(np.float32))
