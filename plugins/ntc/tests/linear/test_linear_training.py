"""A fit of a few steps: it resumes exactly, exports, and the export codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gcodec.models import ModelStore
from gcodec_ntc.linear import grid
from gcodec_ntc.linear.codec import LinearCodec
from gcodec_ntc.linear.training import LinearTask, Scales, observed
from gcodec_train.testing import TrainerConformance

RECIPE: dict[str, Any] = {
    "task": "ntc_linear",
    "seed": 1,
    "plan": {"steps": 4, "lr": 1e-2, "warmup": 1, "decay": 1, "ema": 0.9, "evaluate": 1000},
    "data": {"batch": 1, "crop": 64, "held_out": 2},
    "export": {"networks": "base/ntc", "tables": 4, "trade": 9.0},
}


class TestLinear(TrainerConformance):
    recipe = RECIPE

    def test_the_export_codes(self, trained: Path, gcodec_photographs: Path) -> None:
        model = ModelStore.installed((trained / "model",)).find("model")
        assert model.config["networks"] == ModelStore.installed().find("base/ntc").digest
        codec = LinearCodec(model.tensors(), model.config["trade"])
        task = self.task(gcodec_photographs, trained / "cache")
        assert isinstance(task, LinearTask)
        pixels = task.crops(1, np.random.default_rng(0))[0].transpose(2, 0, 1) / np.float32(255)
        payload = codec.encode(codec.analyse(pixels), 64)
        shown, _ = codec.decode(payload, 64, 64)
        assert np.abs(shown - pixels).mean() < 0.02

    def test_scales_are_those_that_the_codec_computes(self, trained: Path) -> None:
        """The twin in torch, of the integers: table by table, but where a scale lies on a threshold."""
        model = ModelStore.installed((trained / "model",)).find("model")
        contexts = LinearCodec(model.tensors(), 9.0).contexts
        scales = Scales(torch.ones(3, 16, 16))
        with torch.no_grad():
            scales.base.copy_(torch.from_numpy(contexts.base / 2.0**14 + 1e-9).log())
            scales.weight.copy_(torch.from_numpy(contexts.weight / 2.0**14 + 1e-9).log())
        wanted = np.random.default_rng(1).normal(0, 4, (3, 16, 16, 12)).astype(np.float32)
        symbols, seen = observed(wanted, 3, 4)
        found = scales(seen, grid.of(3, 4), 40.0).detach().numpy() * 2.0**14
        tables = np.zeros(wanted.shape, np.int64)
        order = grid.of(3, 4).order

        def choose(visit: Any) -> np.ndarray:
            tables[visit.where] = visit.index
            return symbols[(*visit.where[:3], np.argsort(order)[visit.where[3]])]

        contexts.code(40, 3, 4, choose)
        expected = np.searchsorted(contexts.thresholds, found, "right")
        assert (np.abs(tables[..., order] - expected) > 0).mean() < 0.01
