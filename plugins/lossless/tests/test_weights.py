"""A model that could overflow, or is of another shape, is refused as it is loaded, with the name of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from gcodec.errors import InvalidArgument, ModelDamaged
from gcodec.interfaces import Setup
from gcodec.models import Model
from gcodec.run import Run
from gcodec_lossless.embedding import Lossless
from gcodec_lossless.network import CLASS, Network


@pytest.fixture(scope="module")
def tensors() -> dict[str, Any]:
    return dict(Run().models.find("base/lossless").tensors())


LAYERS = [
    "trunk.first",
    "trunk.second",
    *(f"head{i}.{part}" for i in range(3) for part in ("first", "hidden", "out")),
]


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_that_could_overflow_is_named(tensors: dict[str, Any], name: str) -> None:
    """2**21 times the sum of an output's weights is to stay below 2**50: 16,384 of the largest are too many."""
    inputs, outputs = tensors[f"{name}.weight"].shape
    wide = np.full((inputs + 16384, outputs), 32767, np.int16)
    for part, value in (("weight", wide), ("shift", np.array([25], np.int32))):
        with pytest.raises(InvalidArgument, match=name):
            Network({**tensors, f"{name}.{part}": value})


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_another_shape_or_type_is_named(tensors: dict[str, Any], name: str) -> None:
    weight = tensors[f"{name}.weight"]
    for bad in (weight[:, :-1], weight[:-1], weight.astype(np.int32)):
        with pytest.raises(InvalidArgument, match=name):
            Network({**tensors, f"{name}.weight": np.ascontiguousarray(bad)})
    with pytest.raises(KeyError, match=name):
        Network({key: value for key, value in tensors.items() if key != f"{name}.bias"})


@pytest.mark.parametrize("name", ["logistic", "exponential", "inverse"])
def test_a_table_that_is_none_is_named(tensors: dict[str, Any], name: str) -> None:
    table = tensors[f"law.{name}"]
    for bad in (table[:-1], table.astype(np.int64), -table - 1, table + (1 << 25)):
        with pytest.raises(InvalidArgument, match=name):
            Network({**tensors, f"law.{name}": np.ascontiguousarray(bad)})


def test_the_embedding_says_what_model_it_was(tensors: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "LosslessLaw"}))
    bad = {**tensors, "head1.out.shift": np.array([31], np.int32)}
    save_file(bad, tmp_path / "diffusion_pytorch_model.safetensors")
    model = Model("acme/law", "0" * 64, tmp_path)
    with pytest.raises(ModelDamaged, match=r"head1\.out"):
        Lossless(Setup(Run(), {}, model))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"_class_name": "NtcModel"}, "of class NtcModel, not LosslessLaw"),
        ({}, "of class None"),
        ({"_class_name": CLASS, "network": {"beside": True}}, "not that of a law without a comp"),
    ],
)
def test_a_model_of_another_kind_is_refused(
    tensors: dict[str, Any], tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "diffusion_pytorch_model.safetensors")
    with pytest.raises(ModelDamaged, match=rf"its config\.json is {said}"):
        Lossless(Setup(Run(), {}, Model("acme/law", "0" * 64, tmp_path)))
