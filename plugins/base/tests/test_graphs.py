"""The graphs beside the models: what the recipe makes, without weights of their own, and the same as torch's networks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from gcodec.models import ModelStore

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

RECIPE = Path(__file__).parents[1] / "recipes" / "graphs.py"


def _recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("graphs", RECIPE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["graphs"] = module
    spec.loader.exec_module(module)
    return module


recipe = _recipe()
CASES = [
    pytest.param(name, graph, id=f"{name}/{graph.file}")
    for name, graphs in recipe.GRAPHS.items()
    for graph in graphs
]


@pytest.mark.parametrize(("name", "graph"), CASES)
def test_a_graph_is_what_the_recipe_makes(name: str, graph: object) -> None:
    model = ModelStore.installed().find(name)
    assert (model.folder / graph.file).read_bytes() == recipe.made(graph, model)


@pytest.mark.parametrize(("name", "graph"), CASES)
def test_a_graph_has_no_weights_of_its_own_and_no_convolution_in_double(
    name: str, graph: object
) -> None:
    model = ModelStore.installed().find(name)
    found = onnx.load(model.folder / graph.file, load_external_data=False)
    outside = [t for t in found.graph.initializer if t.external_data]
    assert outside
    for tensor in outside:
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert place["location"] == recipe.WEIGHTS
    inside = [t for t in found.graph.initializer if not t.external_data]
    assert all(onnx.numpy_helper.to_array(t).nbytes <= 64 for t in inside)
    assert (model.folder / graph.file).stat().st_size < 100_000
    doubles = [t.name for t in found.graph.initializer if t.data_type == onnx.TensorProto.DOUBLE]
    assert doubles == []


# One block, one row, one column, more of both.
@pytest.mark.parametrize("blocks", [(1, 1), (1, 3), (5, 1), (3, 7)])
@pytest.mark.parametrize(("name", "graph"), CASES)
def test_a_graph_computes_what_torch_does(
    name: str, graph: object, blocks: tuple[int, int]
) -> None:
    model = ModelStore.installed().find(name)
    scale = 8 if name == "base/autoencoder" else 16
    lengths = dict(zip("hw", blocks, strict=True))
    lengths |= {"H": scale * blocks[0], "W": scale * blocks[1]}
    rng = np.random.default_rng(blocks[0])
    values = {
        key: rng.standard_normal([lengths.get(n, n) for n in shape], np.float32) / 4 + 0.5
        for key, shape in graph.inputs.items()
    }
    if "log_s" in values:
        values["log_s"][:] = -3.5
    with torch.inference_mode():
        made = graph.module(model).eval()(*map(torch.from_numpy, values.values()))
    session = onnxruntime.InferenceSession(
        str(model.folder / graph.file), providers=["CPUExecutionProvider"]
    )
    found = session.run([*graph.outputs], values)
    for a, b in zip(found, made if isinstance(made, tuple) else (made,), strict=True):
        assert a.shape == b.shape
        # A hundredth of a sample's step, on the scale that each output has.
        assert np.abs(a - b.numpy()).max() < 4e-5 * max(1, float(b.abs().max()))
