"""What travels: a checkpoint and a set of photographs, within the limits, and what goes on from them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sample_training
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from gcodec.errors import CheckpointError, OutputExists, UsageError
from gcodec.pictures import load_image, save_image
from gcodec.testing import pictures
from gcodec_train import Inputs, Outcome, Plan, fit, load_recipe, train
from gcodec_train._checkpoint import (
    CARRY_FILE,
    CARRY_FILES,
    CARRY_TOTAL,
    About,
    load_carry,
    save_carry,
)
from gcodec_train._state import State


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for n in range(3):
        save_image(pictures.as_picture(pictures.photograph(90 + n, 100)), folder / f"{n}.png")
    (folder / "more").mkdir()
    (folder / "2.png").rename(folder / "more" / "0.png")
    return folder


def run(recipe: Path, data: Path, out: Path, *settings: str, **more: Any) -> Outcome:
    inputs = Inputs(load_recipe(recipe, settings), data, recipe.parent / "cache")
    return train(sample_training.Blur, inputs, out, **more)


def state(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "checkpoint.safetensors")


def test_a_training_goes_on_elsewhere_from_what_travelled(
    recipe: Path, data: Path, tmp_path: Path
) -> None:
    carry = tmp_path / "carry"
    run(recipe, data, tmp_path / "here", steps=3, carry=carry)
    run(recipe, data, tmp_path / "there", steps=0, carry=carry)
    here, there = state(tmp_path / "here"), state(tmp_path / "there")
    assert here.keys() == there.keys()
    for name, value in here.items():
        # Eleven bits of mantissa for weights, eight for moments.
        accuracy = 2**-8 if name.startswith("adam.") else 2**-11
        assert torch.allclose(value.float(), there[name].float(), rtol=accuracy, atol=1e-7), name
    done = run(recipe, data, tmp_path / "there", carry=carry)
    assert done.step == 6
    lines = (tmp_path / "there" / "log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == [3, 4, 6]
    assert json.loads((carry / "carry.json").read_text())["step"] == 6


def test_the_state_that_is_ahead_is_taken(recipe: Path, data: Path, tmp_path: Path) -> None:
    carry, out = tmp_path / "carry", tmp_path / "out"
    run(recipe, data, out, steps=2, carry=carry)
    run(recipe, data, tmp_path / "whole", steps=4)
    run(recipe, data, out, steps=2)
    # The exact state is two steps ahead of the one that travelled, and goes on bit for bit.
    assert run(recipe, data, out, steps=0, carry=carry).step == 4
    exact = state(tmp_path / "whole")
    assert all(torch.equal(value, exact[name]) for name, value in state(out).items())
    shutil.rmtree(out)
    assert run(recipe, data, out, steps=0, carry=carry).step == 4


def test_damage_on_the_way_and_other_recipes_are_noticed(
    recipe: Path, data: Path, tmp_path: Path
) -> None:
    carry = tmp_path / "carry"
    run(recipe, data, tmp_path / "a", steps=1, carry=carry)
    with pytest.raises(CheckpointError, match=r"network\.width is 4 there, 6 here"):
        run(recipe, data, tmp_path / "b", "network.width=6", carry=carry)
    (part,) = carry.glob("state-*")
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="the parts are not those"):
        run(recipe, data, tmp_path / "b", carry=carry)
    part.unlink()
    with pytest.raises(CheckpointError, match="copy it again"):
        run(recipe, data, tmp_path / "b", carry=carry)
    (carry / "carry.json").write_text("[]")
    with pytest.raises(CheckpointError, match=r"carry\.json: damaged"):
        run(recipe, data, tmp_path / "b", carry=carry)


class Wide(sample_training.Blur):
    """Only a network: as many parameters as wanted, after steps that gave each of them moments."""

    def __init__(self, layers: int) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(*(nn.Linear(1024, 1024, bias=False) for _ in range(layers)))


def trained(layers: int) -> State:
    state = State(Wide(layers), Plan(steps=100, lr=1e-3, warmup=10))
    for _ in range(2):
        x = torch.ones(1, 1024)
        state.update({"loss": state.network(x).square().mean()})
    return state


@pytest.mark.parametrize(
    ("layers", "holds"),
    [
        (3, ("network", "average", "adam")),
        (12, ("network", "average")),
        (24, ("average",)),
    ],
    ids=["3 million", "12 million", "25 million"],
)
def test_any_network_of_ten_million_parameters_fits(
    tmp_path: Path, layers: int, holds: tuple[str, ...]
) -> None:
    first, carry, log = trained(layers), tmp_path / "carry", tmp_path / "log.jsonl"
    log.write_text('{"step": 2}\n')
    about = About(first.step, first.since, {"task": "x"})
    # Twice: the parts of the first are not left behind.
    save_carry(carry, first, About(1, 0, {"task": "x"}), log)
    with torch.no_grad():
        first.network[0].weight.add_(1)
    assert save_carry(carry, first, about, log) == holds
    sizes = [path.stat().st_size for path in carry.iterdir()]
    assert len(sizes) <= CARRY_FILES
    assert max(sizes) <= CARRY_FILE
    assert sum(sizes) <= CARRY_TOTAL

    second = trained(layers)
    load_carry(carry, second, {"task": "x"}, tmp_path / "other.jsonl")
    assert (tmp_path / "other.jsonl").read_bytes() == log.read_bytes()
    expected = first.network if "network" in holds else first.average
    assert torch.allclose(second.network[0].weight, expected[0].weight, rtol=2**-11, atol=1e-7)
    assert torch.allclose(second.average[0].weight, first.average[0].weight, rtol=2**-11, atol=1e-7)
    # Without its moments the rate rises again.
    anew = "adam" not in holds
    assert bool(second.optimizer.state) is not anew
    assert second.since == (2 if anew else 0)
    second.update({"loss": second.network(torch.ones(1, 1024)).square().mean()})
    rate = second.optimizer.param_groups[-1]["lr"]
    assert rate == pytest.approx(1e-4 if anew else 3e-4)


def test_what_cannot_travel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gcodec_train._checkpoint.CARRY_TOTAL", 1 << 20)
    with pytest.raises(CheckpointError, match="without --carry"):
        save_carry(tmp_path, trained(1), About(2, 0, {}), tmp_path / "log.jsonl")
    assert not list(tmp_path.glob("state-*"))


# --- photographs


def test_a_set_is_made_to_fit_and_serves_as_data(recipe: Path, data: Path, tmp_path: Path) -> None:
    count, large, best, unread = fit(data, tmp_path / "large", 10**6)
    limit = large // 2
    assert (count, best, unread) == (3, 95, {})
    again, total, quality, _ = fit(data, tmp_path / "small", limit)
    files = sorted(
        p.relative_to(tmp_path / "small").as_posix() for p in (tmp_path / "small").rglob("*.avif")
    )
    assert files == ["0.png.avif", "1.png.avif", "more/0.png.avif"]
    assert again == 3
    assert sum((tmp_path / "small" / name).stat().st_size for name in files) == total <= limit
    assert 40 <= quality < 95
    before = load_image(data / "0.png").pixels
    error = float((load_image(tmp_path / "small" / "0.png.avif").pixels - before).__pow__(2).mean())
    assert error < 0.003
    assert run(recipe, tmp_path / "small", tmp_path / "out", steps=1).step == 1


def test_the_same_images_give_the_same_bytes(data: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        fit(data, tmp_path / name, 10**6, side=48)
    for path in (tmp_path / "a").rglob("*.avif"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
        with Image.open(path) as image:
            assert min(image.size) == 48


def test_what_cannot_fit_leaves_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 images do not fit in 100 bytes"):
        fit(data, tmp_path / "a", 100)
    assert not list(tmp_path.iterdir())
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").write_text("")
    with pytest.raises(OutputExists):
        fit(data, tmp_path / "a", 10**6)
