"""Training: what it promises of resuming, of chance, of damage, and of what it writes."""

from __future__ import annotations

import csv
import hashlib
import json
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_training
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from gcodec.errors import CheckpointError, ImageError, RecipeError, TrainingDiverged
from gcodec.models import folder_digest
from gcodec.pictures import Picture, save_image
from gcodec.testing import pictures
from gcodec_train import Inputs, Outcome, _loop, load_recipe, train
from gcodec_train._log import plot


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs, two of them in a folder of their own."""
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "more").mkdir()
    for n, name in enumerate(("a.png", "b.webp", "more/c.jpg", "more/d.png")):
        save_image(pictures.as_picture(pictures.photograph(40 + n, 48)), folder / name)
    return folder


def run(recipe: Path, data: Path, out: Path, *settings: str, **more: Any) -> Outcome:
    values = load_recipe(recipe, settings)
    inputs = Inputs(values, data, recipe.parent / "cache", source=str(recipe))
    return train(sample_training.Blur, inputs, out, **more)


def state(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "checkpoint.safetensors")


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# --- resuming


def test_three_steps_and_three_more_are_six_bit_for_bit(
    recipe: Path, data: Path, tmp_path: Path
) -> None:
    run(recipe, data, tmp_path / "whole")
    assert run(recipe, data, tmp_path / "parts", steps=3).step == 3
    halfway = state(tmp_path / "parts")
    assert run(recipe, data, tmp_path / "parts", steps=3).step == 6
    assert same(state(tmp_path / "whole"), state(tmp_path / "parts"))
    assert not same(halfway, state(tmp_path / "parts"))
    model = "model/diffusion_pytorch_model.safetensors"
    assert (tmp_path / "whole" / model).read_bytes() == (tmp_path / "parts" / model).read_bytes()


def test_another_seed_ends_elsewhere(recipe: Path, data: Path, tmp_path: Path) -> None:
    run(recipe, data, tmp_path / "a")
    run(recipe, data, tmp_path / "b", "seed=6")
    assert not same(state(tmp_path / "a"), state(tmp_path / "b"))


def test_it_learns(recipe: Path, data: Path, tmp_path: Path) -> None:
    run(recipe, data, tmp_path, "plan.steps=60", "plan.evaluate=20", "plan.decay=20")
    held_out = [line["held_out.mse"] for line in log(tmp_path) if "held_out.mse" in line]
    assert len(held_out) == 3
    assert held_out[-1] < 0.8 * held_out[0]


def test_a_longer_plan_goes_on_and_another_recipe_is_refused(
    recipe: Path, data: Path, tmp_path: Path
) -> None:
    run(recipe, data, tmp_path / "out")
    assert run(recipe, data, tmp_path / "out", "plan.steps=8", "plan.decay=3").step == 8
    before = state(tmp_path / "out")
    with pytest.raises(CheckpointError) as caught:
        run(recipe, data, tmp_path / "out", "plan.lr=0.5", "network.depth=2", "plan.steps=9")
    assert caught.value.keys == ("network.depth", "plan.lr")
    assert "plan.lr is 0.01 there, 0.5 here" in str(caught.value)
    assert "network.depth is absent there, 2 here" in str(caught.value)
    assert same(before, state(tmp_path / "out"))


def test_a_network_that_has_changed_under_its_recipe_is_refused(
    recipe: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(recipe, data, tmp_path / "out", steps=1)
    former = sample_training.network
    tables = {**sample_training.Blur.tables, "network": lambda width: former(width + 1)}
    monkeypatch.setattr(sample_training.Blur, "tables", tables)
    monkeypatch.setattr(sample_training, "network", tables["network"])
    with pytest.raises(CheckpointError, match=r"0\.bias is 4 there, 5 here"):
        run(recipe, data, tmp_path / "out")


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\0" * 64])
def test_a_damaged_checkpoint_is_refused(
    recipe: Path, data: Path, tmp_path: Path, damage: bytes
) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(damage)
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors: .*damaged"):
        run(recipe, data, tmp_path)


def test_what_was_logged_after_the_saved_state_is_logged_once(
    recipe: Path, data: Path, tmp_path: Path
) -> None:
    run(recipe, data, tmp_path, steps=3)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "loss": 9}\n{"step": 5, "lo')
    run(recipe, data, tmp_path)
    assert [line["step"] for line in log(tmp_path)] == [3, 4, 6]
    assert log(tmp_path)[1]["loss"] < 9


# --- trouble


@pytest.mark.parametrize("trouble", ["loss", "gradient"])
def test_what_is_not_finite_stops_and_keeps_the_last_good_state(
    recipe: Path, data: Path, tmp_path: Path, trouble: str
) -> None:
    words = (f'data.trouble="{trouble}"', "data.at=4")
    run(recipe, data, tmp_path, *words, steps=3)
    before = state(tmp_path)
    with pytest.raises(TrainingDiverged) as caught:
        run(recipe, data, tmp_path, *words)
    assert (caught.value.step, caught.value.what, caught.value.saved) == (4, trouble, 3)
    assert same(before, state(tmp_path))


def test_a_signal_lets_the_step_end_and_saves(recipe: Path, data: Path, tmp_path: Path) -> None:
    run(recipe, data, tmp_path / "whole", 'data.trouble=""', "data.at=2")
    recipe.write_text(recipe.read_text().replace("[data]", "[data]\nat = 2\ntrouble = 'signal'"))
    with pytest.raises(KeyboardInterrupt):
        run(recipe, data, tmp_path / "parts")
    with safe_open(tmp_path / "parts" / "checkpoint.safetensors", "pt") as file:
        assert json.loads(file.metadata()["about"])["step"] == 3
    run(recipe, data, tmp_path / "parts")
    assert same(state(tmp_path / "whole"), state(tmp_path / "parts"))


def test_minutes_stop_and_save(recipe: Path, data: Path, tmp_path: Path) -> None:
    done = run(recipe, data, tmp_path, "plan.steps=1000000", minutes=0.08)
    assert 0 < done.step < 1000000
    assert run(recipe, data, tmp_path, "plan.steps=1000000", steps=0).step == done.step


def test_a_model_that_takes_long_to_export_does_not_hold_back_the_state(
    recipe: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    save, export = _loop._checkpoint.save_checkpoint, _loop.export

    def saved(*args: Any) -> None:
        written.append("state")
        save(*args)

    def exported(*args: Any) -> None:
        written.append("model")
        time.sleep(0.5)
        export(*args)

    monkeypatch.setattr(_loop, "_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(_loop._checkpoint, "save_checkpoint", saved)
    monkeypatch.setattr(_loop, "export", exported)
    run(recipe, data, tmp_path, "plan.steps=1000000", minutes=0.08)
    # The next model waits for ten times what the last one took; states do not.
    assert written.count("state") > written.count("model")
    assert written[-2:] == ["state", "model"]


def test_bfloat16_trains_too(recipe: Path, data: Path, tmp_path: Path) -> None:
    run(recipe, data, tmp_path / "a", 'plan.precision="bfloat16"')
    run(recipe, data, tmp_path / "b")
    a, b = state(tmp_path / "a"), state(tmp_path / "b")
    assert not same(a, b)
    assert all(value.dtype == b[name].dtype for name, value in a.items())
    assert torch.allclose(a["network.0.weight"], b["network.0.weight"], atol=0.02)


# --- what is written


def test_the_model_says_where_it_comes_from(recipe: Path, data: Path, tmp_path: Path) -> None:
    run(recipe, data, tmp_path / "out", "network.width=5")
    model = tmp_path / "out" / "model"
    exported = tomllib.loads((model / "recipe.toml").read_text())
    assert exported == load_recipe(recipe, ["network.width=5"])
    with (model / "data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["a.png", "b.webp", "more/c.jpg", "more/d.png"]
    for row in rows:
        assert row["sha256"] == hashlib.sha256((data / row["file"]).read_bytes()).hexdigest()
    assert (rows[3]["width"], rows[3]["height"]) == ("48", "43")
    record = tomllib.loads((model / "training.toml").read_text())
    digest = hashlib.sha256((model / "data.csv").read_bytes()).hexdigest()
    assert (record["task"], record["seed"], record["steps"]) == ("test/blur", 5, 6)
    assert record["data"] == [digest]
    assert record["figures"]["held_out.mse"] > 0
    # The record may grow without the model being another.
    before = folder_digest(model)
    (model / "training.toml").write_text("")
    assert folder_digest(model) == before


def test_the_average_is_what_is_exported(recipe: Path, data: Path, tmp_path: Path) -> None:
    run(recipe, data, tmp_path)
    exported = load_file(tmp_path / "model" / "diffusion_pytorch_model.safetensors")
    saved = state(tmp_path)
    assert all(torch.equal(saved[f"average.{name}"], value) for name, value in exported.items())
    assert not torch.equal(saved["network.0.weight"], exported["0.weight"])
    # Running means are no weights: the average takes them as they are.
    assert torch.equal(saved["network.1.running_mean"], exported["1.running_mean"])


def test_the_plot_is_a_picture(recipe: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run(recipe, data, tmp_path)
    from PIL import Image

    with Image.open(tmp_path / "loss.png") as picture:
        assert picture.format == "PNG"
    (tmp_path / "none.jsonl").write_text("")
    assert plot(tmp_path / "none.jsonl", tmp_path / "none.png")


def test_without_matplotlib_it_trains_and_says_so_once(
    recipe: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.warns(UserWarning, match=r"pip install matplotlib") as said:
        run(recipe, data, tmp_path)
    assert len(said) == 1
    assert not (tmp_path / "loss.png").exists()


# --- recipes


@pytest.mark.parametrize(
    ("settings", "key", "reason"),
    [
        (["plan.stepz=3"], "plan.stepz", "did you mean steps?"),
        (["data.crop=15"], "data", "crop = 15 is odd"),
        (["data.crop=1.5"], "data.crop", "is 1.5; it must be a whole number"),
        (["data.crop=true"], "data.crop", "it must be a whole number"),
        (["netwerk.width=3"], "netwerk", "did you mean network?"),
        (["plan.precision='float16'"], "plan.precision", 'one of "float32", "bfloat16"'),
        (["plan.betas=[0.9]"], "plan.betas", "a list of 2"),
        (["plan.steps=0"], "plan", "steps = 0 is out of range"),
        (["plan.lr=nan"], "plan", "lr = nan is out of range"),
        (["network=3"], "network", "no such key outside the tables"),
        (["seed=-1"], "seed", "from 0 to"),
        (["seed='x'"], "seed", "a whole number"),
        (["plan.steps=many"], "plan.steps", "no TOML value"),
        (["plan.steps=1\nseed=2"], "plan.steps", "no TOML value"),
        (["steps"], "", "not KEY=VALUE"),
        (["plan.steps.more=1"], "plan.steps.more", "not a table"),
    ],
)
def test_a_recipe_that_cannot_be_meant_is_refused_before_anything_is_written(
    recipe: Path, data: Path, tmp_path: Path, settings: list[str], key: str, reason: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        run(recipe, data, tmp_path / "out", *settings)
    assert caught.value.key == key
    assert reason in caught.value.reason
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("task = ", "is not TOML"),
        ("seed = 1\n[plan]", "the key 'task' is missing"),
        ("task = 'a'\n[plan]", "the key 'seed' is missing"),
        ("task = 'a'\nseed = 1", "the table [plan] is missing"),
        ("task = 1\nseed = 1\n[plan]", "must be text"),
        ("task = 'a'\nseed = 1\nplan = 3", "must be a table"),
    ],
)
def test_a_recipe_lacks_nothing(recipe: Path, text: str, reason: str) -> None:
    recipe.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe)
    assert reason in caught.value.reason


def test_a_missing_key_is_named(recipe: Path, data: Path, tmp_path: Path) -> None:
    recipe.write_text(sample_training.RECIPE.replace("crop = 16\n", ""))
    with pytest.raises(RecipeError, match=r"data: the key 'crop' is missing"):
        run(recipe, data, tmp_path / "out")


# --- photographs


def test_a_changed_folder_is_packed_again(recipe: Path, data: Path, tmp_path: Path) -> None:
    from gcodec_train import packed

    first = packed(data, tmp_path / "cache")
    stamp = (tmp_path / "cache" / "photos.bin").stat().st_mtime_ns
    assert packed(data, tmp_path / "cache").names == first.names
    assert (tmp_path / "cache" / "photos.bin").stat().st_mtime_ns == stamp
    for broken, length in (("npz", 0), ("npz", 100), ("bin", 0), ("bin", 100)):
        path = tmp_path / "cache" / f"photos.{broken}"
        path.write_bytes(path.read_bytes()[:length])
        assert np.array_equal(packed(data, tmp_path / "cache")[3], first[3])
    other = tmp_path / "other"
    other.mkdir()
    pixels = np.zeros((3, 20, 30), np.float32)
    pixels[0] = 1
    save_image(Picture(pixels), other / "red.png")
    (only,) = packed(other, tmp_path / "cache")
    assert only.shape == (20, 30, 3)
    assert (only == [255, 0, 0]).all()


def test_photographs_that_cannot_serve_are_named(recipe: Path, data: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImageError, match="holds no images"):
        run(recipe, empty, tmp_path / "out")
    (empty / "broken.png").write_bytes(b"none")
    with pytest.raises(ImageError, match=r"broken\.png"):
        run(recipe, empty, tmp_path / "out")
    with pytest.raises(ImageError, match="4 images, and 4 are to be held out"):
        run(recipe, data, tmp_path / "out", "data.held_out=4")
    with pytest.raises(ImageError, match="no image is as large as a crop of 64x64"):
        run(recipe, data, tmp_path / "out", "data.crop=64")


def test_inputs_know_their_recipe(recipe: Path, data: Path, tmp_path: Path) -> None:
    inputs = Inputs(load_recipe(recipe), data, tmp_path)
    assert (inputs.plan.steps, inputs.plan.betas) == (6, (0.9, 0.99))
    assert replace(inputs, source="x").plan == inputs.plan
