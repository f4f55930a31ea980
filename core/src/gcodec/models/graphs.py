"""Networks as ONNX graphs beside the weights of a model: what a machine runs without torch.

The spec of an installed model says which graphs there are, each with its digest, for that of the model covers weights and
configuration alone. A graph has no weights of its own but points into the model's file. An installed engine
(`gcodec.plugin.EngineSpec`) is preferred on the CPU in single precision, whether torch is there or not: so the same
installation shows the same picture, whatever a process has imported. Graphs never decide bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gcodec._discovery import NEEDS_TORCH
from gcodec.errors import ModelDamaged
from gcodec.plugin import EngineSpec

if TYPE_CHECKING:
    from gcodec.models.folder import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray

__all__ = ["Graph", "graphs_of", "networks_missing", "torch_missing"]

#: float32 arrays, as many as the graph has inputs and in their order -> its outputs.
Graph: TypeAlias = "Callable[..., Sequence[FloatArray]]"


class _Lazy:
    """A graph that is opened when it is first run."""

    def __init__(self, engine: EngineSpec, path: Path) -> None:
        self._engine, self._path = engine, path

    @cached_property
    def _opened(self) -> Graph:
        from gcodec.border import of_plugin
        from gcodec.registry import load_object

        with of_plugin(self._engine):
            made: Graph = load_object(self._engine.name, self._engine.implementation)(self._path)
        return made

    def __call__(self, *arrays: FloatArray) -> Sequence[FloatArray]:
        return self._opened(*arrays)


def graphs_of(model: Model, run: Run, *names: str) -> tuple[Graph, ...] | None:
    """What runs these graphs of a model; None where torch is to do it: another device or precision, no engine, no graph.

    Raises ModelDamaged for a graph that is not the one that the model's spec says.
    """
    if (run.device, run.dtype) != ("cpu", "float32") or not (engine := _engine()):
        return None
    digests = next((dict(s.graphs) for s in run.models.specs if s.digest == model.digest), {})
    paths = {name: model.folder / f"{name}.onnx" for name in names}
    if not all(name in digests and path.is_file() for name, path in paths.items()):
        return None
    for name, path in paths.items():
        if hashlib.sha256(path.read_bytes()).hexdigest() != digests[name]:
            raise ModelDamaged(model.name, f"{path} is not the graph {name}; install it again")
    return tuple(_Lazy(engine, path) for path in paths.values())


def _engine() -> EngineSpec | None:
    from gcodec.registry import registry

    return next(iter(registry().usable(EngineSpec).values()), None)


def torch_missing() -> str:
    """Say what to install where torch is not (the `available` of specs)."""
    return "" if find_spec("torch") else NEEDS_TORCH


def networks_missing() -> str:
    """Say what to install where neither torch nor an engine is (the `available` of specs)."""
    if _engine() or not torch_missing():
        return ""
    return f"{NEEDS_TORCH}, or gcodec-light for the models of gcodec-base"
