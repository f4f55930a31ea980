"""A short training: it learns, goes on exactly, and exports what codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gcodec.interfaces import Setup, Size
from gcodec.models import Model, folder_digest
from gcodec.run import Run
from gcodec_ldm.perco.embedding import Perco
from gcodec_ldm.perco.network import PriorNetwork
from gcodec_ldm.perco.training import Maps
from gcodec_train.testing import TrainerConformance

RECIPE: dict[str, Any] = {
    "task": "perco",
    "seed": 1,
    "plan": {"steps": 30, "lr": 1e-2, "warmup": 1, "decay": 10, "ema": 0.8, "evaluate": 1000},
    "space": {
        "autoencoder": "base/autoencoder",
        "codebooks": ["base/codebook32", "base/codebook16"],
        "levels": [8, 8, 4, 4],
    },
    "network": {"width": 16, "inside": 16},
    "data": {"batch": 64, "variants": 2, "held_out": 1},
}


class TestPerco(TrainerConformance):
    recipe = RECIPE

    def test_it_learns(self, trained: Path, gcodec_photographs: Path) -> None:
        task = self.task(gcodec_photographs, trained / "cache")
        with torch.no_grad():
            fresh = task.losses(task.network, 0, np.random.default_rng(3))
        assert float(fresh["base-16"]) == pytest.approx(10, abs=0.3)  # nothing known: ten bits
        after = json.loads((trained / "log.jsonl").read_text().splitlines()[-1])
        assert after["base-16"] < 9.5  # the mean of all steps
        assert after["base-32"] < 9.5

    def test_what_is_exported_codes(self, trained: Path) -> None:
        folder = trained / "model"
        model = Model("x", folder_digest(folder), folder)
        perco = Perco(Setup(Run(), {"text": "", "captioner": ""}, model))
        pixels = np.full((3, 40, 70), 0.4, np.float32)
        layers = perco.encode(perco.analyse(pixels), 1.0)
        tokens, _ = perco.decode(layers, Size(40, 70))
        assert tokens.indices.shape == (3, 5)  # type: ignore[union-attr]


def test_maps_find_the_neighbours_of_a_token() -> None:
    """Two maps behind one another: what lies beyond an edge is outside, not in the other map."""
    tokens = np.arange(18, dtype=np.int16)
    maps = Maps(tokens, np.array([[2, 3], [3, 4]]))
    assert len(maps) == 18
    around, own = maps.batch(np.array([4, 6, 16]), torch.device("cpu"))
    assert own.tolist() == [4, 6, 16]
    assert around[0].tolist()[:7] == [3, -1, -1, 0, 1, 2, -1]
    assert around[1].tolist() == [-1] * 12
    assert around[2].tolist() == [15, 14, 10, 11, 12, 13, -1, 6, 7, 8, 9, -1]
    network = PriorNetwork((8, 8, 4, 4), 8, 8)
    assert network(around, own).shape == (3,)
