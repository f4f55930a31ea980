"""Training: recipes, the loop that runs them, and the photographs they learn from.

A plugin that can train something implements `Task` and registers it as a `gcodec.plugin.TrainerSpec`; a recipe, a TOML
file, names it; `gcodec train` or `train` runs it, goes on with it, and exports it. Importing this package imports no
torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcodec_train._crops import Crops, PhotoTask, pixels
    from gcodec_train._fit import fit
    from gcodec_train._folder import WEIGHTS, write_model
    from gcodec_train._loop import Outcome, train
    from gcodec_train._recipe import Schema, load_recipe
    from gcodec_train._task import Inputs, Plan, Task
    from gcodec_train.photos import Photos, packed

__all__ = [
    "WEIGHTS",
    "Crops",
    "Inputs",
    "Outcome",
    "PhotoTask",
    "Photos",
    "Plan",
    "Schema",
    "Task",
    "fit",
    "load_recipe",
    "packed",
    "pixels",
    "train",
    "write_model",
]

#: Loaded on first use: some need NumPy or torch, and every start of ``gcodec`` imports this package for its commands.
_HOME_OF = {
    "Schema": "_recipe",
    "load_recipe": "_recipe",
    "Inputs": "_task",
    "Plan": "_task",
    "Task": "_task",
    "Outcome": "_loop",
    "train": "_loop",
    "Photos": "photos",
    "packed": "photos",
    "fit": "_fit",
    "Crops": "_crops",
    "PhotoTask": "_crops",
    "pixels": "_crops",
    "WEIGHTS": "_folder",
    "write_model": "_folder",
}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"gcodec_train.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'gcodec_train' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
