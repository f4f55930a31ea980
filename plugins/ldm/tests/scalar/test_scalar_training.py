"""A training of a few steps on a tiny model: it learns, resumes exactly, and the export codes what was trained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from gcodec.training import Inputs, train
from gcodec_ldm.scalar.codec import Codec
from gcodec_ldm.scalar.export import WEIGHTS, export
from gcodec_ldm.scalar.model import LatentEntropy
from gcodec_ldm.scalar.scale import CODES
from gcodec_ldm.scalar.training import LatentEntropyTask

RECIPE = {
    "task": "latent_entropy",
    "seed": 1,
    "plan": {"steps": 6, "lr": 1e-2, "warmup": 1, "decay": 1, "ema": 0.5, "evaluate": 1000},
    "space": {"autoencoder": "base/autoencoder"},
    "entropy": {
        "groups": [4, 8, 8, 12],
        "hyper": 4,
        "hyper_width": 8,
        "features": 4,
        "width": 12,
        "reduced": [4, 4],
        "knots": 3,
    },
    "data": {"batch": 2, "crop": 64, "held_out": 2},
    "loss": {"tilt": 1.2},
    "export": {"tables": 4},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(6):
        coarse = rng.integers(0, 256, (8, 9 + i, 3), np.uint8)
        Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder


def inputs(data, out, **tables) -> Inputs:
    return Inputs(RECIPE | tables, data, out)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    assert train(LatentEntropyTask, inputs(data, out), out).step == 6
    return out


def test_an_interrupted_training_ends_where_a_whole_one_does(trained, data, tmp_path):
    train(LatentEntropyTask, inputs(data, tmp_path, plan=RECIPE["plan"] | {"steps": 3}), tmp_path)
    train(LatentEntropyTask, inputs(data, tmp_path), tmp_path)
    whole, resumed = (load_file(f / "model" / WEIGHTS) for f in (trained, tmp_path))
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert (value == resumed[name]).all(), name


def test_it_learns_in_every_part(data, tmp_path):
    task = LatentEntropyTask(inputs(data, tmp_path))
    network = task.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        loss = task.losses(network, 0, np.random.default_rng(3))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    still = {name for name, value in network.state_dict().items() if value.equal(before[name])}
    assert not still


@pytest.mark.parametrize("anchored", [False, True])
def test_the_export_costs_what_was_trained(data, tmp_path, anchored):
    """Bits of the float model against the length of the stream, with tables that are the trained densities."""
    task = LatentEntropyTask(inputs(data, tmp_path))
    network = task.network
    assert isinstance(network, LatentEntropy)
    torch.manual_seed(0)
    with torch.no_grad():
        for head in network.heads:
            head.out.weight.normal_(0, 0.1)
    export(network, task.model, np.zeros((0, 32, 8, 8), np.float32), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    codec = Codec(config, load_file(tmp_path / WEIGHTS), anchored, "test")
    y = task.latent(task.photos[0])
    for level in (60, 140, 255):
        with torch.no_grad():
            q = torch.tensor([level / 255])
            bits, _ = network.bits(y[None], q, torch.tensor([float(anchored)]), noise=False)
        stream = codec.encode(y.numpy(), level * (CODES - 1) // 255)
        assert 8 * len(stream) == pytest.approx(float(bits), rel=0.03, abs=64)
