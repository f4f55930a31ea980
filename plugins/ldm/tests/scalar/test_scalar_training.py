"""A training of a few steps on a tiny model: it learns, resumes exactly, and the export codes what was trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from gcodec.errors import RecipeError
from gcodec.models import ModelStore
from gcodec.models.networks import open_space
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec.signals import Latent
from gcodec.testing import pictures
from gcodec_ldm.scalar.codec import Codec
from gcodec_ldm.scalar.export import export
from gcodec_ldm.scalar.model import LatentEntropy
from gcodec_ldm.scalar.scale import CODES
from gcodec_ldm.scalar.training import LatentEntropyTask
from gcodec_train import WEIGHTS, train
from gcodec_train.testing import TrainerConformance

RECIPE: dict[str, Any] = {
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


class TestLatentEntropy(TrainerConformance):
    recipe = RECIPE

    def test_it_learns(self, gcodec_photographs: Path, tmp_path: Path) -> None:
        task = self.task(gcodec_photographs, tmp_path)
        optimiser = torch.optim.Adam(task.network.parameters(), 1e-2)
        losses = []
        for _ in range(40):
            loss = task.losses(task.network, 0, np.random.default_rng(3))["loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.9 * losses[0]

    @pytest.mark.parametrize("anchored", [False, True])
    def test_the_export_costs_what_was_trained(
        self, gcodec_photographs: Path, tmp_path: Path, anchored: bool
    ) -> None:
        """Bits of the float model against the length of the stream, with tables that are the trained densities."""
        task = self.task(gcodec_photographs, tmp_path)
        assert isinstance(task, LatentEntropyTask)
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

    def test_a_model_for_another_space_codes_that_space(
        self, gcodec_photographs: Path, tmp_path: Path
    ) -> None:
        autoencoder, out = elsewhere(tmp_path / "autoencoder"), tmp_path / "run"
        space = {"autoencoder": str(autoencoder)}
        train(self.trainer(), self.inputs(gcodec_photographs, out, space=space), out)
        store = ModelStore.installed([autoencoder, out / "model"])
        picture = pictures.as_picture(pictures.photograph(32, 40))
        made = encode(
            picture,
            "ldm_quant",
            target=Target(quality=0.8),
            model=str(out / "model"),
            run=Run(models=store),
        )
        (latent,) = open_stage1(made.data, run=Run(models=store)).signals()
        assert isinstance(latent, Latent)
        assert latent.space == "other"
        wanted = open_space(store.find(str(autoencoder)), Run()).encode(picture.pixels)
        assert np.abs(latent.values - wanted).max() <= latent.step / 2 * 1.001

    def test_groups_must_be_the_channels_of_the_space(
        self, gcodec_photographs: Path, tmp_path: Path
    ) -> None:
        few = RECIPE["entropy"] | {"groups": [1, 1, 1, 1]}
        with pytest.raises(RecipeError, match=r"entropy\.groups: they have 4 channels"):
            self.task(gcodec_photographs, tmp_path, entropy=few)


def elsewhere(folder: Path) -> Path:
    """The autoencoder of `base` under the name of another space."""
    base = Run().models.find("base/autoencoder")
    config = dict(base.config)
    config["gcodec"] = config["gcodec"] | {"space": "other"}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / WEIGHTS).write_bytes((base.folder / WEIGHTS).read_bytes())
    return folder
