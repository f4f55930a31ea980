"""The trainers: short trainings learn, go on exactly, and export what opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from gcodec.interfaces import Size
from gcodec.models import Model, folder_digest
from gcodec.models.networks import open_codebook, open_denoiser, open_space
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_diffusers.training import _latents, autoencoder
from gcodec_train.testing import TrainerConformance

PLAN = {"steps": 4, "lr": 1e-3, "warmup": 1, "ema": 0.5, "evaluate": 100}
DATA = {"batch": 2, "crop": 64, "held_out": 1}
SIZE = Size(40, 56)


def distance(device: torch.device) -> Any:
    """Stands for LPIPS, whose weights need not be here."""
    return lambda a, b: (a - b).square().mean((1, 2, 3))


@pytest.fixture(scope="module", autouse=True)
def without_lpips() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (autoencoder, _latents):
            patch.setattr(module, "lpips_loss", distance)
        yield


@pytest.fixture(scope="module")
def gcodec_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures as large as the crops that begin an autoencoder."""
    from gcodec.testing import pictures

    folder = tmp_path_factory.mktemp("photographs")
    pictures.write_photographs(folder, 3, 192, 200)
    return folder


def exported(out: Path) -> Model:
    folder = out / "model"
    return Model("made", folder_digest(folder), folder)


def pixels() -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).random((3, *SIZE)).astype(np.float32)


class TestAutoencoder(TrainerConformance):
    recipe: ClassVar[dict[str, Any]] = {
        "task": "autoencoder",
        "seed": 1,
        "plan": PLAN,
        "space": {"name": "made"},
        "network": {
            "latent_channels": 4,
            "width": 8,
            "blocks": 1,
            "fine_width": 8,
            "fine_blocks": 1,
        },
        "linear": {"steps": 2, "lr": 1e-3},
        "data": {**DATA, "crop": 192},
        "loss": {"lpips": 1.0, "noise": 0.1},
    }
    #: The first linear map is fitted before the training.
    still = frozenset({"project.weight"})

    def test_what_is_exported_opens(self, trained: Path) -> None:
        space = open_space(exported(trained), Run())
        assert space.name == "made"
        latent = space.encode(pixels())
        assert latent.shape == (4, 5, 7)
        assert space.decode(latent, SIZE).shape == (3, *SIZE)


class TestCodebook(TrainerConformance):
    recipe: ClassVar[dict[str, Any]] = {
        "task": "codebook",
        "seed": 2,
        "plan": PLAN,
        "space": {"autoencoder": "base/autoencoder", "codebook": "made-16"},
        "network": {"levels": [4, 4], "stride": 2, "width": 8, "blocks": 1},
        "data": DATA,
    }

    def test_what_is_exported_opens(self, trained: Path) -> None:
        book = open_codebook(exported(trained), Run())
        assert (book.name, book.entries, book.stride) == ("made-16", 16, 2)
        assert book.quantize(np.zeros((32, 5, 7), np.float32)).shape == (3, 4)


class TestDenoiser(TrainerConformance):
    recipe: ClassVar[dict[str, Any]] = {
        "task": "denoiser",
        "seed": 3,
        "plan": {**PLAN, "steps": 8},
        "space": {"autoencoder": "base/autoencoder"},
        "codebooks": {"base-16": "base/codebook16"},
        "unet": {
            "block_out_channels": [32, 32],
            "layers_per_block": 1,
            "down_block_types": ["DownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "UpBlock2D"],
            "attention_head_dim": 8,
        },
        "data": {**DATA, "batch": 4},
        "matching": {"noisiest": 0.2},
        "conditions": {
            "shares": {"none": 0.25, "preview": 0.25, "latent": 0.25, "tokens": 0.25},
            "previews": ["jpeg"],
            "quality": [0.1, 0.5],
            "jitter": 0.3,
            "step": [0.2, 4.0],
            "sketch": 0.5,
        },
        "student": {
            "start": 4,
            "share": 2,
            "halvings": 1,
            "consistency": 0.25,
            "lpips": 1.0,
            "squared": 0.3,
        },
    }

    def test_what_is_exported_opens(self, trained: Path) -> None:
        made = open_denoiser(exported(trained), Run())
        assert made.few == (1, 2)
        assert made.sees == ("preview", "latent/base", "tokens/base-16", "sketch")
        condition = made.condition({"preview": Preview(pixels(), 0.01)}, SIZE)
        x_0 = made.x0(torch.zeros(1, 32, 5, 7), 0.5, 0.5, condition)
        assert x_0.shape == (1, 32, 5, 7) and bool(x_0.isfinite().all())


class TestOneStep(TrainerConformance):
    recipe: ClassVar[dict[str, Any]] = {
        **{key: TestDenoiser.recipe[key] for key in ("space", "codebooks", "unet", "conditions")},
        "task": "one_step",
        "seed": 3,
        "plan": PLAN,
        "data": DATA,
        "losses": {"lpips": 1.0, "squared": 0.3},
        "teacher": {"model": "base/denoiser", "steps": 2, "weight": 0.25},
    }

    def test_what_is_exported_is_made_for_one_step(self, trained: Path) -> None:
        made = open_denoiser(exported(trained), Run())
        assert (made.few, made.one_call) == ((1,), "noise")
