"""What every trainer must do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from gcodec.errors import RecipeError
from gcodec.models import Model, folder_digest
from gcodec.plugin import TrainerSpec
from gcodec.registry import load_object, registry
from gcodec_train import Inputs, Task, train

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TrainerConformance"]


class TrainerConformance:
    """Subclass it as ``class Test...`` and set `recipe`; the photographs are the fixture `gcodec_photographs`.

    The fixture `trained` is the folder of one whole training, for the subclass's own tests as well.

    recipe  of four steps or more of a small network, which take a second or two.
    still   names of parameters that do not learn within these steps.
    """

    recipe: ClassVar[Mapping[str, Any]]
    still: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def trainer(cls) -> type[Task]:
        """The implementation that the recipe names."""
        spec = registry().named(TrainerSpec, cls.recipe["task"])
        return cast(type[Task], load_object(spec.name, spec.implementation))

    @classmethod
    def inputs(cls, data: Path, cache: Path, **tables: Any) -> Inputs:
        """Return the recipe on `data`, with other tables in the place of its own."""
        return Inputs({**cls.recipe, **tables}, data, cache)

    def task(self, data: Path, cache: Path, **tables: Any) -> Task:
        """Return the task, begun as a training begins."""
        import torch

        torch.manual_seed(self.recipe["seed"])
        return self.trainer()(self.inputs(data, cache, **tables))

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, gcodec_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The folder of a training that was not interrupted."""
        out: Path = tmp_path_factory.mktemp("trained")
        outcome = train(cls.trainer(), cls.inputs(gcodec_photographs, out / "cache"), out)
        assert outcome.step == cls.recipe["plan"]["steps"]
        return out

    def test_spec(self) -> None:
        """The recipe names an installed trainer whose implementation is a `Task`."""
        spec = registry().named(TrainerSpec, self.recipe["task"])
        assert spec.summary.strip() and "\n" not in spec.summary, "the summary is one line"
        assert issubclass(self.trainer(), Task)

    def test_unknown_keys_are_refused(self, gcodec_photographs: Path, tmp_path: Path) -> None:
        """A misspelt table of a recipe is an error before anything is built, not a default."""
        with pytest.raises(RecipeError, match="misspelt"):
            inputs = self.inputs(gcodec_photographs, tmp_path, misspelt={"key": 1})
            train(self.trainer(), inputs, tmp_path)

    def test_resuming(self, trained: Path, gcodec_photographs: Path, tmp_path: Path) -> None:
        """An interrupted training ends where a whole one does, to the bit, and exports the same."""
        inputs = self.inputs(gcodec_photographs, trained / "cache")
        train(self.trainer(), inputs, tmp_path, steps=self.recipe["plan"]["steps"] // 2)
        train(self.trainer(), inputs, tmp_path)
        whole, parts = (_tensors(out) for out in (trained, tmp_path))
        assert whole.keys() == parts.keys()
        for name, value in whole.items():
            assert value.equal(parts[name]), f"{name} depends on where the training was interrupted"
        one, other = (folder_digest(out / "model") for out in (trained, tmp_path))
        assert one == other, "the exported models differ"

    def test_every_parameter_learns(
        self, trained: Path, gcodec_photographs: Path, tmp_path: Path
    ) -> None:
        """What no gradient reaches would stay as it was begun."""
        task = self.task(gcodec_photographs, trained / "cache")
        after = _tensors(trained)
        same = {
            name
            for name, value in task.network.named_parameters()
            if value.detach().cpu().equal(after[f"network.{name}"])
        }
        assert same == self.still, "these parameters stayed as they were begun"

    def test_model(self, trained: Path) -> None:
        """What is exported is a model folder: it names its class, says where it comes from, and has finite weights."""
        import numpy as np

        folder = trained / "model"
        model = Model("trained", folder_digest(folder), folder)
        assert model.class_name, "config.json names no class"
        for name, value in model.tensors().items():
            assert np.isfinite(value).all(), f"{name} is not finite"
        assert {p.name for p in folder.iterdir()} >= {"recipe.toml", "training.toml", "data.csv"}
        figures = json.loads((trained / "log.jsonl").read_text("utf-8").splitlines()[-1])
        assert np.isfinite(figures["loss"])


def _tensors(out: Path) -> dict[str, Tensor]:
    """The exact checkpoint of a training."""
    from safetensors.torch import load_file

    found: dict[str, Tensor] = load_file(out / "checkpoint.safetensors")
    return found
