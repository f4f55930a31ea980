"""spec/INTEGER.md by a reader that knows the text alone, its vectors, and the numbers that it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import text_integer as by_the_text

from gcodec.entropy import integers
from gcodec.entropy.integer_model import IntegerModel, Visit

SPEC = Path(__file__).parents[3] / "spec"
TEXT = SPEC / "INTEGER.md"
FOLDER = SPEC / "vectors" / "integer"
VECTORS = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


def of_kind(kind: str) -> Any:
    names = sorted(name for name, vector in VECTORS.items() if vector["kind"] == kind)
    return pytest.mark.parametrize("name", names)


def tensors_of(vector: dict[str, Any]) -> dict[str, Any]:
    """A layer's, named `a`."""
    weight = vector.get("weight")
    if weight is None:
        weight = [[value] for value, count in vector["runs"] for _ in range(count)]
    shapes = {"a.weight": (weight, np.int16), "a.bias": (vector["bias"], np.int32)}
    shapes["a.shift"] = ([vector["shift"]], np.int32)
    return {name: np.array(values, dtype) for name, (values, dtype) in shapes.items()}


@of_kind("layer")
@pytest.mark.parametrize("make", [by_the_text.Layer, integers.Layer.of])
def test_layers(name, make):
    vector = VECTORS[name]
    if name.startswith("bad-"):
        assert vector["error"] == "model"
        with pytest.raises(ValueError):
            make(tensors_of(vector), "a")
        return
    layer = make(tensors_of(vector), "a")
    if "inputs" in vector:
        sums = getattr(layer, "sums", layer)
        assert sums(np.array(vector["inputs"]), vector["level"]).tolist() == vector["sums"]
        found = layer.hidden(np.array(vector["inputs"]), vector["level"])
        assert found.tolist() == vector["hidden"]


@of_kind("level")
@pytest.mark.parametrize("row", [by_the_text.at_level, integers.interpolate])
def test_levels(name, row):
    vector = VECTORS[name]
    knots = np.array(vector["knots"], np.int64)
    assert [row(knots, level).tolist() for level in vector["levels"]] == vector["rows"]


@of_kind("neighbourhoods")
def test_neighbourhoods(name):
    vector = VECTORS[name]
    array, side = np.array(vector["array"]), vector["side"]
    every = np.arange(array.shape[0] * array.shape[1])
    assert integers.patches(array, side, every).tolist() == vector["answer"]
    found = by_the_text.neighbourhoods(array, side)
    assert found.reshape(len(every), -1).tolist() == vector["answer"]


@of_kind("features")
@pytest.mark.parametrize("features", [by_the_text.features, integers.features])
def test_features(name, features):
    vector = VECTORS[name]
    found = features(np.array(vector["values"]), np.array(vector["magnitude"]))
    assert found.tolist() == vector["answer"]


@of_kind("told")
@pytest.mark.parametrize(
    ("split", "dtype"), [(by_the_text.told, np.int64), (integers.split, np.float64)]
)
def test_means_and_scales(name, split, dtype):
    vector = VECTORS[name]
    mean, scale = split(np.array([vector["sums"]], dtype), vector["shift"])
    assert mean[0].tolist() == vector["mean"]
    assert scale[0].tolist() == vector["scale"]


@of_kind("model")
def test_models_by_the_text(name):
    vector = VECTORS[name]
    model = by_the_text.Model(vector["entropy"], vector["tensors"])

    def batch(mean, scale, number, places):
        said = vector["batches"][number]
        assert mean.tolist() == said["mean"]
        assert scale.tolist() == said["scale"]
        assert len(places) == len(said["symbols"])
        return 16 * np.array(said["symbols"], np.int64).reshape(mean.shape) + mean

    z, y = model.read(vector["level"], vector["h"], vector["w"], batch)
    assert z.tolist() == vector["hyper_latents"]
    assert y.tolist() == vector["latents"]


def model_tensors(vector: dict[str, Any]) -> dict[str, Any]:
    small = ("weight", "magnitude")
    return {
        name: np.array(values, np.int16 if name.endswith(small) else np.int32)
        for name, values in vector["tensors"].items()
    }


@of_kind("model")
def test_models(name):
    vector = VECTORS[name]
    batches = iter(vector["batches"])

    def visit(batch: Visit):
        said = next(batches)
        assert batch.mean.tolist() == said["mean"]
        first = integers.SCALES if batch.group < 0 else 0
        assert (batch.index - np.uint8(first)).tolist() == said["scale"]
        return batch.values(np.array(said["symbols"], np.int32).reshape(batch.mean.shape))

    model = IntegerModel(vector["entropy"]["groups"], model_tensors(vector))
    z, y = model.code(vector["level"], vector["h"], vector["w"], visit)
    assert z.tolist() == vector["hyper_latents"]
    assert y.tolist() == vector["latents"]


@pytest.mark.parametrize("changed", ["missing", "type", "shape"])
def test_a_model_of_other_tensors_is_refused(changed):
    vector = VECTORS["model-one"]
    kinds = (".weight", ".bias", ".prior", ".magnitude")
    names = sorted(name for name in vector["tensors"] if name.endswith(kinds))
    for name in names:
        tensors = model_tensors(vector)
        if changed == "missing":
            del tensors[name]
        elif changed == "type":
            tensors[name] = tensors[name].astype(np.float32)
        else:
            tensors[name] = np.concatenate([tensors[name]] * 2, -1)[None]
        with pytest.raises((KeyError, ValueError)):
            IntegerModel(vector["entropy"]["groups"], tensors)


def test_a_prior_beyond_the_scales_is_refused():
    vector = VECTORS["model-one"]
    for scale in (-1, 67):
        tensors = model_tensors(vector)
        tensors["integer.prior"][0, -1] = scale
        with pytest.raises(ValueError, match="prior"):
            IntegerModel(vector["entropy"]["groups"], tensors)


def test_the_example_of_the_text():
    text = " ".join(TEXT.read_text("utf-8").split())
    vector = VECTORS["layer-example"]
    (sums,), (hidden,) = vector["sums"], vector["hidden"]
    bias = by_the_text.at_level(np.array(vector["bias"]), vector["level"])
    assert f"= {bias[0]} and" in text
    assert f"/ 255) = {bias[1]}." in text
    assert f"The sums are {sums[0]} and {sums[1]}." in text
    assert f"round({sums[0]} / 8) = {hidden[0]}." in text
    assert f"round(-432.5) = {hidden[1]}." in text
    (row,) = re.findall(r"\| 5 \| -7 \| .*? \| 9 \| 9 \|", text)
    flat = [*vector["weight"][0], *(value for knot in vector["bias"] for value in knot)]
    assert row == "| " + " | ".join(map(str, flat)) + " |"
    features = by_the_text.features(np.array([-70, 3]), np.array(integers.magnitudes(), np.int64))
    assert "features {}, {}, {} and {}:".format(*features) in text
    mean, scale = by_the_text.told(np.array([-1825, -20000]), 3)
    assert f"round(-3.56) = {mean[0]}," in text
    assert f"round(15.35) = {scale[0]}," in text
