"""Training: resumable to the bit, and what it learns is what the data hold."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gcodec.errors import MetricUnavailable, RecipeError
from gcodec.models import Model, folder_digest
from gcodec.plugin import TrainerSpec
from gcodec.registry import load_object, registry
from gcodec_flow import pairs
from gcodec_flow.losses import flow_matching_loss, sampled
from gcodec_flow.network import BridgeUNet, FlowUNet, load
from gcodec_flow.training import Bridge, Flow
from gcodec_train import Inputs, load_recipe, train
from gcodec_train.testing import TrainerConformance

FloatArray = NDArray[np.float32]

RECIPE = """
task = "flow"
seed = 3

[plan]
steps = 6
lr = 2e-3
warmup = 2
decay = 2
ema = 0.9

[network]
channels = [8, 8, 8]
blocks = [1, 1, 1]
embedding = 8
frequencies = 2

[data]
batch = 4
held_out = 1

[pairs.one]
codecs = ["jpeg"]
share = 0.7
encodings = 2
size = 32

[pairs.two]
codecs = ["webp", "jpeg"]
encodings = 2
size = 32
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "flow.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def data(photo: FloatArray, tmp_path: Path) -> Path:
    """Three photographs without black."""
    octets = np.rint(40 + photo.transpose(1, 2, 0) * 180).astype(np.uint8)
    folder = tmp_path / "photographs"
    folder.mkdir()
    for k in range(3):
        Image.fromarray(octets[64 * k : 64 * k + 96, :96]).save(folder / f"{k}.png")
    return folder


def run(recipe: Path, data: Path, out: Path, *settings: str, **more: Any) -> dict[str, float]:
    trainer = load_object("flow", registry().named(TrainerSpec, "flow").implementation)
    assert trainer is Flow
    inputs = Inputs(load_recipe(recipe, settings), data, recipe.parent / "cache")
    return train(trainer, inputs, out, **more).figures


class TestFlow(TrainerConformance):
    recipe = tomllib.loads(RECIPE)


def test_it_learns_and_the_exported_model_loads(
    recipe: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs in which X is Y made lighter by 0.1: all that there is to learn is one number."""

    def darker(x: np.ndarray, u: float) -> np.ndarray:
        return x - np.uint8(26)

    monkeypatch.setattr(pairs, "codec_named", lambda name: darker)
    figures = run(recipe, data, tmp_path, "plan.steps=150", "plan.ema=0.97")
    # Of the preview's error: 1 for a network that says nothing.
    assert figures["held_out.one.mse"] < 0.3
    folder = tmp_path / "model"
    network = load(Model("trained", folder_digest(folder), folder))
    with Image.open(data / "0.png") as image:
        octets = darker(np.asarray(image)[:32, :32], 0)
    y = torch.from_numpy(octets).permute(2, 0, 1)[None].float() / 255
    s, t = torch.tensor([26 / 255]), torch.tensor([1.0])
    eps = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        r_hat = network.denoise(eps, y, t, s.log())
    # The residual is exactly 1 everywhere; an untrained network says 0.
    assert abs(float(r_hat.mean()) - 1) < 0.2


def test_a_bridge_begins_at_a_flow_and_learns_where_the_preview_leads(
    recipe: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs in which X is Y made lighter by 0.1: from Y one step arrives, two arrive as well, and no noise takes part."""

    def darker(x: np.ndarray, u: float) -> np.ndarray:
        return x - np.uint8(26)

    monkeypatch.setattr(pairs, "codec_named", lambda name: darker)
    run(recipe, data, tmp_path / "flow")
    start = tmp_path / "flow" / "model"
    recipe.write_text(f'{RECIPE}\n[start]\nmodel = "{start}"\n'.replace('"flow"', '"bridge"', 1))
    inputs = Inputs(load_recipe(recipe, ()), data, recipe.parent / "cache")
    begun = Bridge(inputs).network.state_dict()
    flow = load(Model("flow", folder_digest(start), start)).state_dict()
    assert torch.equal(begun["head.weight"], flow["head.weight"][:, 48:])
    assert torch.equal(begun["down.0.0.first.weight"], flow["down.0.0.first.weight"])

    inputs = Inputs(
        load_recipe(recipe, ("plan.steps=150", "plan.ema=0.97")), data, recipe.parent / "cache"
    )
    figures = train(Bridge, inputs, tmp_path / "bridge").figures
    assert figures["held_out.one.mse"] < 0.3
    folder = tmp_path / "bridge" / "model"
    network = load(Model("trained", folder_digest(folder), folder))
    assert isinstance(network, BridgeUNet)
    with Image.open(data / "0.png") as image:
        octets = darker(np.asarray(image)[:32, :32], 0)
    y, s = torch.from_numpy(octets).permute(2, 0, 1)[None].float() / 255, torch.tensor([26 / 255])
    with torch.no_grad():
        for steps in (1, 2):
            arrived = sampled(network, y, s.log(), torch.zeros_like(y), steps)
            assert abs(float(arrived.mean()) - 1) < 0.2
        # It sees where the path is, not where it began.
        t = torch.tensor([0.5])
        here, there = (
            network(x_t, start_, t, s.log())
            for x_t, start_ in ((torch.ones_like(y), y), (torch.zeros_like(y), y + 26 / 255))
        )
    torch.testing.assert_close(here, there, atol=1e-4, rtol=0)

    # And a bridge may be where the next one begins.
    recipe.write_text(recipe.read_text("utf-8").replace(f'"{start}"', f'"{folder}"'), "utf-8")
    inputs = Inputs(load_recipe(recipe, ()), data, recipe.parent / "cache")
    again, was = Bridge(inputs).network.state_dict(), network.state_dict()
    assert all(torch.equal(again[name], value) for name, value in was.items())
    wider = load_recipe(recipe, ("network.channels=[16, 8, 8]",))
    with pytest.raises(RecipeError, match=r"start.model: .* has other sizes"):
        Bridge(Inputs(wider, data, recipe.parent / "cache"))


def test_the_loss_is_the_weighted_error_of_the_velocity() -> None:
    """t^2 |v_hat - v|^2, as its docstring says, for the one t of a batch of one."""
    torch.manual_seed(0)
    network = FlowUNet((8, 8, 8), (1, 1, 1), 8, 2).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x, y = torch.rand(2, 1, 3, 32, 32, dtype=torch.float64)
    s = torch.tensor([0.05], dtype=torch.float64)
    loss = flow_matching_loss(network, (x, y, s), 0.03, torch.Generator().manual_seed(5))

    again = torch.Generator().manual_seed(5)
    t = 0.03 + 0.97 * torch.rand(1, generator=again)
    eps = torch.randn(x.shape, generator=again)
    r = (x - y) / s
    v_hat = network((1 - t) * r + t * eps, y, t, s.log())
    expected = (t * (v_hat - (eps - r))).square().mean()
    torch.testing.assert_close(loss, expected, check_dtype=False, rtol=1e-5, atol=0)


def test_a_perceptual_recipe_needs_its_metric(
    recipe: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCODEC_METRICS", str(tmp_path / "none"))
    words = [f"perceptual.{k}" for k in ("start=0", "steps=[1, 2]", "lpips=1", "squared=1")]
    with pytest.raises(MetricUnavailable, match="LPIPS"):
        run(recipe, data, tmp_path / "out", *words)


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("pairs.one.codecs=['gif']", "pairs.one"),
        ("pairs.one.crop=3", "pairs.one.crop"),
        ("pairs.two.size=512", "pairs.two"),
        ("perceptual.start=3", "perceptual"),
        ("network.width=3", "network.width"),
    ],
)
def test_what_its_recipe_cannot_mean_is_named(
    recipe: Path, data: Path, tmp_path: Path, setting: str, key: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        run(recipe, data, tmp_path / "out", setting)
    assert caught.value.key == key
