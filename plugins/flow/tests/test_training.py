"""Training: resumable to the bit, and what it learns is what the data hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gcodec.models import Model, folder_digest
from gcodec_flow.losses import flow_matching_loss
from gcodec_flow.network import FlowUNet
from gcodec_flow.reconstructor import load
from gcodec_flow.training import train


def recipe(steps: int) -> dict[str, Any]:
    return {
        "seed": 3,
        "network": {"channels": [8, 8, 8], "blocks": [1, 1, 1], "embedding": 8, "frequencies": 2},
        "data": {"sets": {"pairs": 1.0}},
        "sampling": {"time_shift": 1.0},
        "training": {
            **{"steps": steps, "batch": 4, "lr": 2e-3, "warmup": 2, "decay": 2},
            **{"ema": 0.9, "clip": 1.0, "weight_decay": 0.0, "t_min": 0.03},
        },
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pairs in which X is Y made lighter by 0.1: all that there is to learn is one number."""
    folder = tmp_path / "data" / "pairs"
    folder.mkdir(parents=True)
    y = np.random.default_rng(0).integers(40, 180, (32, 32, 32, 3), np.uint8)
    np.save(folder / "y.npy", y)
    np.save(folder / "x.npy", y + np.uint8(26))
    np.save(folder / "mse.npy", np.full(32, (26 / 255) ** 2, np.float32))
    return folder.parent


def weights(out: Path) -> Mapping[str, torch.Tensor]:
    return load_file(out / "checkpoint.safetensors")


def test_an_interrupted_run_ends_as_an_uninterrupted_one(data: Path, tmp_path: Path) -> None:
    train(recipe(6), data, tmp_path / "whole")
    train(recipe(6), data, tmp_path / "parts", stop=3)
    train(recipe(6), data, tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name


def test_it_learns_and_the_exported_model_loads(data: Path, tmp_path: Path) -> None:
    train(recipe(150), data, tmp_path)
    folder = tmp_path / "model"
    network = load(Model("trained", folder_digest(folder), folder))
    y = torch.from_numpy(np.random.default_rng(9).integers(40, 180, (1, 3, 32, 32))).float() / 255
    s, t = torch.tensor([26 / 255]), torch.tensor([1.0])
    eps = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        r_hat = network.denoise(eps, y, t, s.log())
    # The residual is exactly 1 everywhere; an untrained network says 0.
    assert abs(float(r_hat.mean()) - 1) < 0.2


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


def test_a_perceptual_recipe_needs_its_metric(data: Path, tmp_path: Path) -> None:
    wanted = recipe(1) | {"perceptual": {"start": 0}}
    with pytest.raises(ValueError, match="--lpips"):
        train(wanted, data, tmp_path)
