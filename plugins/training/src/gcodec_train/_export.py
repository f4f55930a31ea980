"""The exported model folder: what the task writes, and where it comes from.

Beside the weights, and outside the folder's digest (`gcodec.models.folder_digest` hashes *.json and *.safetensors):

    recipe.toml     the recipe as it was run, overrides included
    training.toml   steps, seed, digests of the data, versions, the last figures
    data.csv        the photographs: file, SHA-256, width, height
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from gcodec.errors import OutputError
from gcodec.files import why
from gcodec_train._checkpoint import About
from gcodec_train._recipe import to_toml
from gcodec_train._state import State
from gcodec_train._task import Inputs, Task

__all__ = ["export"]


def export(
    task: Task, state: State, about: About, figures: Mapping[str, float], folder: Path
) -> None:
    """Write the model folder anew; the former one is there until this one is whole. Raises OutputError."""
    partial, former = (folder.with_name(f"{folder.name}.{end}") for end in ("part", "former"))
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        task.export(state.average, partial)
        record = _record(task.inputs, about, figures)
        (partial / "recipe.toml").write_text(to_toml(about.recipe), "utf-8")
        (partial / "training.toml").write_text(to_toml(record), "utf-8")
        if (photographs := data_list(task.inputs)) is not None:
            (partial / "data.csv").write_text(photographs, "utf-8")
        shutil.rmtree(former, ignore_errors=True)
        if folder.exists():
            folder.rename(former)
        partial.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise OutputError(folder, why(error)) from error


def data_list(inputs: Inputs) -> str | None:
    """Return data.csv for the photographs that a task has packed into its cache; None if it packed none."""
    from gcodec_train.photos import present

    photos = present(inputs.cache)
    return photos.listing() if photos else None


def _record(inputs: Inputs, about: About, figures: Mapping[str, float]) -> dict[str, object]:
    import torch

    return {
        "task": about.recipe["task"],
        "seed": about.recipe["seed"],
        "steps": about.step,
        "planned": inputs.plan.steps,
        "data": list(about.data),
        "gcodec": version("gcodec"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": inputs.device.type,
        "figures": {f'"{name}"': float(f"{value:.5g}") for name, value in figures.items()},
    }
