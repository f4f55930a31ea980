"""Which graphs are run, and which are not trusted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gcodec.errors import ModelDamaged
from gcodec.models import ModelStore
from gcodec.models.graphs import graphs_of
from gcodec.run import Run


@pytest.fixture
def store() -> ModelStore:
    return ModelStore.installed()


def test_graphs_are_run_on_the_cpu_in_single_precision(store: ModelStore) -> None:
    model = store.find("base/ntc")
    assert graphs_of(model, Run(models=store), "synthesis")
    for run in (Run("cuda", models=store), Run(dtype="bfloat16", models=store)):
        assert graphs_of(model, run, "synthesis") is None


def test_a_copy_of_a_model_with_its_graphs_does_as_well(store: ModelStore, tmp_path: Path) -> None:
    shutil.copytree(store.find("base/ntc").folder, tmp_path / "copy")
    copied = ModelStore(store.specs, (tmp_path / "copy",)).find("copy")
    assert graphs_of(copied, Run(models=store), "synthesis")
    (tmp_path / "copy" / "synthesis.onnx").unlink()
    assert graphs_of(copied, Run(models=store), "synthesis") is None


def test_a_graph_that_no_installed_package_vouches_for_is_not_run(tmp_path: Path) -> None:
    """The digest of a model does not cover graphs: whoever hands on a folder could put any beside the weights."""
    store = ModelStore.installed()
    shutil.copytree(store.find("base/ntc").folder, tmp_path / "copy")
    copied = ModelStore((), (tmp_path / "copy",)).find("copy")
    assert graphs_of(copied, Run(models=ModelStore()), "synthesis") is None
    with (tmp_path / "copy" / "synthesis.onnx").open("ab") as graph:
        graph.write(b"x")
    with pytest.raises(ModelDamaged, match="is not the graph synthesis"):
        graphs_of(copied, Run(models=store), "synthesis")


def test_a_graph_that_is_not_listed_is_not_run(store: ModelStore) -> None:
    model = store.find("base/ntc")
    bare = ModelStore(tuple(replace(spec, graphs=()) for spec in store.specs))
    assert graphs_of(model, Run(models=bare), "synthesis") is None
