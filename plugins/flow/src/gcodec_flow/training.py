"""Trainers "flow" and "bridge": flow matching on the normalised residual of a preview, and LPIPS of the sampler's end point.

    gcodec train plugins/base/recipes/flow.toml --data PHOTOS --out RUN

The pairs (`gcodec_flow.pairs`) are made in the cache first. LPIPS takes its weights from the folder that GCODEC_METRICS
names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gcodec.errors import RecipeError
from gcodec.run import Run
from gcodec_flow.losses import Perceptual, objective, residual, sampled
from gcodec_flow.network import PATCH, BridgeUNet, FlowUNet, PatchUNet, load
from gcodec_flow.pairs import Pairs, PairSet, make
from gcodec_train import Inputs, Schema, Task, packed

__all__ = ["Bridge", "Flow"]

#: Held-out pairs of each set that are evaluated, and Euler steps taken on them.
_HELD_OUT_PAIRS, _STEPS = 32, 4


@dataclass(frozen=True)
class Data:
    """The table [data]: pairs in a batch, photographs held out of training."""

    batch: int
    held_out: int = 16


@dataclass(frozen=True)
class Sampling:
    """The table [sampling]: the model's default spacing of its steps; 1 is even."""

    time_shift: float = 1.0


@dataclass(frozen=True)
class Matching:
    """The table [matching]: t is uniform on (t_min, 1]."""

    t_min: float = 0.03


def pair_sets(**sets: PairSet) -> dict[str, PairSet]:
    """The table [pairs]: a table of its own for each set."""
    return sets


class Flow(Task):
    """Flow matching from noise; the recipe's tables are those of `tables`."""

    architecture: ClassVar[type[PatchUNet]] = FlowUNet
    tables: ClassVar[Mapping[str, Schema] | None] = {
        "network": FlowUNet,
        "data": Data,
        "pairs": pair_sets,
        "matching": Matching,
        "perceptual": Perceptual | None,
        "sampling": Sampling,
    }

    def __init__(self, inputs: Inputs) -> None:
        recipe, seed = inputs.recipe, inputs.recipe["seed"]
        self.data = inputs.table("data", Data)
        self.t_min = inputs.table("matching", Matching).t_min
        self.time_shift = inputs.table("sampling", Sampling).time_shift
        self.perceptual = inputs.table("perceptual", Perceptual) if "perceptual" in recipe else None
        self.metric = self.perceptual.network(inputs.device) if self.perceptual else None
        photos = packed(inputs.data, inputs.cache, inputs.progress)
        members, aside = photos.split(self.data.held_out, seed)
        self.sets: list[tuple[Pairs, float]] = []
        self.held_out: list[tuple[str, Pairs]] = []
        for name, settings in inputs.table("pairs", pair_sets).items():
            folder = inputs.cache / f"pairs-{name}"
            try:
                pairs = make(photos, members, settings, seed, folder, inputs.progress)
                self.sets.append((pairs, settings.share))
                if len(aside):
                    kept = inputs.cache / f"pairs-{name}-held-out"
                    self.held_out.append((name, make(photos, aside, settings, seed, kept)))
            except ValueError as error:
                raise RecipeError(inputs.source, str(error), f"pairs.{name}") from error
        super().__init__(inputs)

    def build(self) -> nn.Module:
        return self.inputs.table("network", self.architecture)

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, PatchUNet)
        batch = [part.to(self.inputs.device) for part in draw(self.sets, self.data.batch, rng)]
        wanted = self.perceptual if self.perceptual and step >= self.perceptual.start else None
        return objective(network, batch, self.t_min, wanted, self.metric, rng)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Squared error of the sample in multiples of the preview's, and LPIPS where it is trained on, by set."""
        assert isinstance(network, PatchUNet)
        figures = {}
        for name, pairs in self.held_out:
            rng = np.random.default_rng(0)
            x, y, s = (p.to(self.inputs.device) for p in draw([(pairs, 1)], _HELD_OUT_PAIRS, rng))
            eps = torch.from_numpy(rng.standard_normal(x.shape, np.float32)).to(x.device)
            eps *= network.noise
            r_hat = sampled(network, y, s.log(), eps, _STEPS)
            r = residual(x, y, s)
            figures[f"{name}.mse"] = float((r_hat - r).square().mean() / r.square().mean())
            if self.metric is not None:
                shown = (y + s[:, None, None, None] * r_hat).clamp(0, 1)
                figures[f"{name}.lpips"] = float(self.metric(2 * shown - 1, 2 * x - 1).mean())
        return figures

    def export(self, network: nn.Module, folder: Path) -> None:
        """Write config.json and float16 weights."""
        weights = {k: v.half().contiguous().cpu() for k, v in network.state_dict().items()}
        save_file(weights, folder / "diffusion_pytorch_model.safetensors")
        config = {"_class_name": self.architecture.__name__, "_time_shift": self.time_shift}
        config |= self.inputs.recipe["network"]
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


@dataclass(frozen=True)
class Start:
    """The table [start]: the network of a `flow` or of a `bridge` to begin with, by name, folder or digest."""

    model: str


class Bridge(Flow):
    """Flow matching from the preview; the recipe's tables are those of `tables`."""

    architecture = BridgeUNet
    tables: ClassVar[Mapping[str, Schema] | None] = {**(Flow.tables or {}), "start": Start | None}

    def build(self) -> nn.Module:
        network = super().build()
        if "start" in self.inputs.recipe:
            model = Run().models.find(self.inputs.table("start", Start).model)
            begun = load(model)
            state = begun.state_dict()
            own = isinstance(begun, BridgeUNet)
            try:
                network.load_state_dict(state if own else from_flow(state), strict=True)
            except RuntimeError as error:
                why = f"{model.name} has other sizes than [network] says"
                raise RecipeError(self.inputs.source, why, "start.model") from error
        return network


def from_flow(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a `FlowUNet` for a `BridgeUNet` of the same sizes, without those that see the state."""
    seen, width = 3 * PATCH**2, len(state["head.weight"])
    tail = state["tail.weight"]
    return {
        **state,
        "head.weight": state["head.weight"][:, seen:],
        "tail.weight": torch.cat([tail[:, :width], tail[:, width + seen :]], 1),
    }


def draw(
    sets: list[tuple[Pairs, float]], size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """(x [B,3,h,w], y [B,3,h,w], s [B]), pixels in [0, 1], s = sqrt(mse) up to 5 % of jitter."""
    shares = np.array([share for _, share in sets])
    which = rng.choice(len(sets), size=size, p=shares / shares.sum())
    drawn = [sets[k][0].draw(rng) for k in which]
    x, y = (
        torch.from_numpy(np.stack([pair[j] for pair in drawn])).permute(0, 3, 1, 2).float() / 255
        for j in (0, 1)
    )
    s = np.sqrt([pair[2] for pair in drawn]) * np.exp(0.05 * rng.standard_normal(size))
    return x, y, torch.from_numpy(s.astype(np.float32))
