"""Trainer "uqdm": bits of every stage and error of every preview, both from simulated dither.

    gcodec train plugins/base/recipes/uqdm.toml --data PHOTOS --out RUN

The error of a universal quantizer does not depend on the networks, so any stage can be trained by itself: the stages take
turns, a batch each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from gcodec_diffc.uqdm.export import export
from gcodec_diffc.uqdm.model import Config, Uqdm
from gcodec_diffc.uqdm.schedule import GROUPS, LOSSLESS, PARTS, STAGES
from gcodec_diffc.uqdm.simulation import begin, simulate
from gcodec_train import Crops, Inputs, PhotoTask, Schema

__all__ = ["UqdmTask"]

#: Held-out photographs that are judged, their side, and the seed of their dither.
_JUDGED, _SIDE, _DITHER = 6, 256, 5
#: Crops that the first scales are taken from.
_SAMPLES = 16


@dataclass(frozen=True)
class Loss:
    """The table [loss].

    typical  bits per pixel of each stage; its loss is divided by their square root, so that all stages learn.
    restore  weight of the log error of previews.
    """

    typical: tuple[float, ...]
    restore: float


class UqdmTask(PhotoTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {"network": Config, "data": Crops, "loss": Loss}

    def __init__(self, inputs: Inputs) -> None:
        self.loss = inputs.table("loss", Loss)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        network = Uqdm(self.inputs.table("network", Config))
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        begin(network, self.crops(_SAMPLES, rng), rng)
        return network

    def rates(self) -> dict[str, float]:
        # No network stands before these, which must move by themselves.
        return {f"prior.out.{index}.bias": 8.0 for index in range(len(GROUPS))}

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, Uqdm)
        crops = self.crops(self.data.batch, rng)
        stage, part = step % STAGES, int(rng.integers(len(PARTS)))
        bits, error = simulate(network, crops, stage, part, rng, self.inputs.device)
        bpp = bits.mean() / self.data.crop**2
        restore = error.clamp(min=1e-3).log2().mean()
        # Factor 5: what is logged under a stage's name is its mean over all steps.
        figures = {f"bpp{s}": bpp * (STAGES if s == stage else 0) for s in range(STAGES)}
        rate = bpp / math.sqrt(self.loss.typical[stage])
        return {"loss": rate + self.loss.restore * restore, "log_mse": restore, **figures}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Bits per pixel of each stage, their sum, and PSNR of the preview after each step."""
        assert isinstance(network, Uqdm)
        figures: dict[str, list[float]] = {}
        for index in self.aside[:_JUDGED]:
            picture = self.photos.centre(int(index), _SIDE, 64)[None]
            total = 0.0
            for s in range(STAGES):
                rng = np.random.default_rng((_DITHER, s))
                bits, error = simulate(network, picture, s, len(PARTS) - 1, rng, self.inputs.device)
                bpp = bits.item() / (picture.shape[1] * picture.shape[2])
                total += bpp
                figures.setdefault(f"bpp_{s}", []).append(bpp)
                if s < LOSSLESS:
                    psnr = 10 * math.log10(255**2 / error.item())
                    figures.setdefault(f"psnr_{s}", []).append(psnr)
            figures.setdefault("bpp_lossless", []).append(total)
        return {name: float(np.mean(values)) for name, values in figures.items()}

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, Uqdm)
        export(network, folder)
