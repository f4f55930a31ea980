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
from gcodec.signals import Latent
from gcodec_ldm.tokens.embedding import Tokens
from gcodec_ldm.tokens.meaning import nearest
from gcodec_ldm.tokens.training import _lloyd
from gcodec_train.testing import TrainerConformance

RECIPE: dict[str, Any] = {
    "task": "tokens",
    "seed": 1,
    "plan": {"steps": 24, "lr": 1e-2, "warmup": 1, "decay": 10, "ema": 0.8, "evaluate": 1000},
    "space": {
        "codebooks": ["base/codebook32", "base/codebook16"],
        "digits": [8, 8, 4, 4],
        "residuals": [[4, 4]],
    },
    "network": {"width": 16, "inside": 16},
    "data": {"batch": 64, "variants": 2, "held_out": 1},
}


class TestTokens(TrainerConformance):
    recipe = RECIPE

    def test_it_learns(self, trained: Path, gcodec_photographs: Path) -> None:
        task = self.task(gcodec_photographs, trained / "cache")
        with torch.no_grad():
            fresh = task.losses(task.network, 0, np.random.default_rng(3))
        for level, bits in (("level0", 10), ("level1", 10), ("level2", 4)):  # nothing known
            assert float(fresh[level]) == pytest.approx(bits, abs=0.3)
        after = json.loads((trained / "log.jsonl").read_text().splitlines()[-1])
        assert after["level1"] < 9.5  # the mean of all steps
        assert after["level2"] < 3.8

    def test_what_is_exported_codes(self, trained: Path) -> None:
        folder = trained / "model"
        model = Model("x", folder_digest(folder), folder)
        tokens = Tokens(Setup(Run(), {"complete": True}, model))
        analysed = tokens.analyse(np.full((3, 40, 70), 0.4, np.float32))
        for quality in (0.0, 0.6, 1.0):
            (latent,) = tokens.decode(tokens.encode(analysed, quality), Size(40, 70))
            assert isinstance(latent, Latent)
            assert latent.values.shape == (32, 5, 9)


def test_codewords_are_where_the_vectors_are() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [5, 0], [0, 7], [5, 7]], np.float32)
    vectors = centres[rng.integers(4, size=800)] + rng.normal(0, 0.1, (800, 2)).astype(np.float32)
    words = _lloyd(vectors, 4, rng)
    assert np.square(words[nearest(vectors, words)] - vectors).mean() < 0.02
