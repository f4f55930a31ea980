"""Trainer "ntc_linear": the scales of the linear mode of `ntc`, on coefficients of photographs.

    gcodec train plugins/base/recipes/ntc_linear.toml --data PHOTOS --out RUN

What is minimised is the bits of the symbols under logistic distributions of these scales, each crop at a step of its own,
divided by their mean so that all steps weigh alike. Symbols and features come of `contexts.walk`, as in coding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec_ntc.linear import grid as grids
from gcodec_ntc.linear.codec import COARSEST, width_of
from gcodec_ntc.linear.contexts import COLOURS, FEATURES, KNOT, STEPS, Features, Key, Visit, walk
from gcodec_ntc.linear.export import export, matrices
from gcodec_ntc.linear.transform import Lapped
from gcodec_ntc.payload import BLOCK
from gcodec_train import Crops, Inputs, PhotoTask, Schema

__all__ = ["LinearTask", "Scales"]

#: Crops that the first bases are taken from; held-out photographs that are judged, and their side.
_SAMPLES, _JUDGED, _SIDE = 40, 6, 256
#: Logistic scales below this are as good as it.
_LEAST = 0.06
#: Of the fraction beyond which a coefficient is rounded away from 0, in place of the weighing of bits.
_UP = 0.42


@dataclass(frozen=True)
class Export:
    """The table [export].

    networks  name, folder or digest of the model for the lower range.
    tables    crops that the frequency tables are fitted on.
    trade     of squared error against bits in the encoder's rounding (`gcodec_ntc.rounding`).
    """

    networks: str
    tables: int
    trade: float


class Scales(nn.Module):
    """Logarithms of bases [6, 3, 3, 16, 16] and weights [3, 3, 16, 16, 13], which are positive so."""

    def __init__(self, spread: Tensor) -> None:
        """spread: mean magnitude of coefficients [3, 16, 16], in samples of 0 to 255."""
        super().__init__()
        knots = COARSEST * 2.0 ** -torch.arange((STEPS - 1) // KNOT + 1)
        bases = spread[None, None] / knots[:, None, None, None, None] / 4 + 0.025
        self.base = nn.Parameter(bases.log().repeat(1, grids.PHASES, 1, 1, 1))
        self.weight = nn.Parameter(
            torch.full((grids.PHASES, COLOURS, BLOCK, BLOCK, FEATURES), -2.5)
        )

    def forward(self, seen: NDArray[np.float32], grid: grids.Grid, step: float) -> Tensor:
        """Scales [3, 16, 16, P] of features [3, 16, 16, P, 13] in coding order, at a step of 0..160."""
        low = min(int(step / KNOT), len(self.base) - 2)
        part = step / KNOT - low
        base = self.base[low].exp() * (1 - part) + self.base[low + 1].exp() * part
        given, weight = torch.from_numpy(seen), self.weight.exp()
        made = [
            base[p, ..., None] + (given[..., grid.phase(p), :] @ weight[p, ..., None]).squeeze(-1)
            for p in range(grids.PHASES)
        ]
        return torch.cat(made, -1).clamp(min=_LEAST)


class LinearTask(PhotoTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {"data": Crops, "export": Export}

    def __init__(self, inputs: Inputs) -> None:
        self.lapped = Lapped(matrices())
        super().__init__(inputs)

    def build(self) -> nn.Module:
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        found = [self._coefficients(crop) for crop in self.crops(_SAMPLES, rng)]
        return Scales(torch.from_numpy(np.mean([np.abs(c).mean(-1) for c in found], 0)))

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, Scales)
        bits, loss = [], []
        for crop in self.crops(self.data.batch, rng):
            mean = self._bits(network, crop, float(rng.random() * (STEPS - 1)))
            loss.append(mean * (1 / (mean.detach() + 0.02)).clamp(max=8))
            bits.append(mean.detach())
        return {"loss": torch.stack(loss).mean(), "bits": torch.stack(bits).mean()}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Bits per pixel at steps of 32, 16, 8, 4, 2 and 1."""
        assert isinstance(network, Scales)
        photos = [self.photos.centre(int(index), _SIDE) for index in self.aside[:_JUDGED]]
        return {
            f"bpp_{width_of(step):.0f}": 3
            * float(np.mean([self._bits(network, photo, step).item() for photo in photos]))
            for step in range(0, STEPS, KNOT)
        }

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, Scales)
        wanted = self.inputs.table("export", Export)
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        crops = self.crops(wanted.tables, rng)
        export(network, wanted.networks, wanted.trade, crops, folder)

    def _coefficients(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.lapped.coefficients(crop.transpose(2, 0, 1) / np.float32(255))

    def _bits(self, network: Scales, crop: NDArray[np.uint8], step: float) -> Tensor:
        """Bits of a symbol, on average."""
        h, w = (side // BLOCK for side in crop.shape[:2])
        symbols, seen = observed(self._coefficients(crop) / np.float32(width_of(step)), h, w)
        scale = network(seen, grids.of(h, w), step)
        size = torch.from_numpy(np.abs(symbols).astype(np.float32))
        mass = torch.sigmoid((0.5 - size) / scale) - torch.sigmoid((-0.5 - size) / scale)
        return -(mass + 2.0**-22).log2().mean()


def observed(
    wanted: NDArray[np.float32], h: int, w: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Symbols [3, 16, 16, h * w] and features [3, 16, 16, h * w, 13] of coefficients in steps, all in coding order."""
    grid = grids.of(h, w)
    symbols = np.zeros(wanted.shape, np.int32)
    seen = np.zeros((*wanted.shape, FEATURES), np.float32)
    now: list[tuple[int | NDArray[np.int64] | slice, ...]] = []

    def index(key: Key, features: Features) -> NDArray[np.uint8]:
        phase, colour, u, v = key
        now[:] = [(colour, u, v, grid.phase(phase))]
        for number, feature in enumerate(features):
            if feature is not None:
                seen[(*now[0], number)] = feature
        return np.zeros(0, np.uint8)

    def choose(visit: Visit) -> NDArray[np.int32]:
        off = wanted[visit.where] - (0 if visit.chain else visit.mean)
        found = (np.sign(off) * np.floor(np.abs(off) + _UP)).astype(np.int32)
        if visit.chain:
            found = visit.differences(found)
        symbols[now[0]] = found
        return found

    walk(h, w, index, choose)
    return symbols, seen
