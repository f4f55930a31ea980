"""What a training is made of: a plan that says how long and how fast, and a task that says what.

A recipe is a TOML file. Its key `task` names a trainer that a plugin has registered, `seed` is the only source of
chance, the table `[plan]` is read here, and every other table belongs to the task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from gcodec.progress import Progress, silent
from gcodec_train._recipe import Schema, read_table

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["Inputs", "Plan", "Task"]

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """The table `[plan]` of a recipe. Raises ValueError for values out of range.

    steps      updates in all.
    lr         peak learning rate; a task may scale it for some of its parameters.
    warmup     first steps, over which the rate rises linearly from zero.
    decay      last steps, over which it falls linearly to zero.
    ema        decay of the moving average of the weights, which is what is exported.
    clip       largest norm of the gradient.
    betas, weight_decay   of AdamW (Loshchilov and Hutter 2019).
    precision  "float32", or "bfloat16" for autocast of the networks.
    evaluate   steps between two evaluations on held-out data.
    """

    steps: int
    lr: float
    warmup: int = 100
    decay: int = 0
    ema: float = 0.999
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    evaluate: int = 500

    def __post_init__(self) -> None:
        bounds = {
            "steps": self.steps >= 1,
            "lr": self.lr > 0,
            "warmup": self.warmup >= 0,
            "decay": self.decay >= 0,
            "ema": 0 <= self.ema < 1,
            "clip": self.clip > 0,
            "betas": all(0 <= beta < 1 for beta in self.betas),
            "weight_decay": self.weight_decay >= 0,
            "evaluate": self.evaluate >= 1,
        }
        for name, fits in bounds.items():
            if not fits:
                raise ValueError(f"{name} = {getattr(self, name)} is out of range")

    def rate(self, step: int, since: int = 0) -> float:
        """Factor on the learning rates at `step`, counted from 0, after Adam's moments began anew at step `since`."""
        rise = min(1.0, (step - since + 1) / max(self.warmup, 1))
        fall = min(1.0, (self.steps - step) / max(self.decay, 1))
        return rise * fall


@dataclass(frozen=True)
class Inputs:
    """What a task is built from.

    recipe    the whole recipe.
    data      folder of training photographs.
    cache     folder for what the task derives from them; it may be deleted at any time.
    device    where networks and batches live.
    source    what to call the recipe in errors.
    progress  called as long preparations go on.
    """

    recipe: Mapping[str, Any]
    data: Path
    cache: Path
    device: torch.device = field(default_factory=lambda: _cpu())
    source: str = "the recipe"
    progress: Progress = silent

    @cached_property
    def plan(self) -> Plan:
        """The table `[plan]`. Raises RecipeError."""
        return self.table("plan", Plan)

    def table(self, name: str, schema: Callable[..., T]) -> T:
        """Return `schema` (a dataclass, say) called with the recipe's table `name`, its values checked.

        Raises RecipeError for unknown and for missing keys, for values of another type than its annotations say, and
        for a ValueError of `schema`.
        """
        return read_table(self.recipe, name, schema, self.source)


def _cpu() -> torch.device:
    import torch

    return torch.device("cpu")


class Task(ABC):
    """One kind of model to train. Built from `Inputs` after torch's generator was seeded from the recipe.

    tables  name -> dataclass, class or function whose parameters are the keys of that table of the recipe (see
            `Inputs.table`); "dataclass | None" where the table may be left out. All tables but `[plan]`; others, and
            other keys, are refused before anything is built. None: unchecked.
    """

    tables: ClassVar[Mapping[str, Schema] | None] = None

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.network: torch.nn.Module = self.build()

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """Return the network with its initial weights."""

    @abstractmethod
    def losses(
        self, network: torch.nn.Module, step: int, rng: np.random.Generator
    ) -> dict[str, torch.Tensor]:
        """Return scalar losses of one batch: "loss" is minimised, the others are logged.

        All chance comes from `rng`, which depends on (seed, step) alone, so that an interrupted training ends where an
        uninterrupted one does.
        """

    def rates(self) -> Mapping[str, float]:
        """Factors on the learning rate by prefix of the parameter's name; 1 where no prefix fits."""
        return {}

    @abstractmethod
    def evaluate(self, network: torch.nn.Module) -> dict[str, float]:
        """Return figures of `network` on data that no step ever sees."""

    @abstractmethod
    def export(self, network: torch.nn.Module, folder: Path) -> None:
        """Write the model folder: config.json and safetensors. The folder is there, and empty."""
