"""Eighty unusual folders: each is right, or refused with status 9 in one line, and nothing else is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from unusual_folders import RIGHT, WRONG, edit, sharded, tensors

from gcodec.errors import GcodecError, ModelError
from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_denoiser, open_space, place_of
from gcodec.run import Run

Folder = Callable[[str], Path]
SIZE = Size(32, 40)


def used(path: Path) -> None:
    """Open a folder as a denoiser, ask it once and decode what it says."""
    run = Run()
    model = ModelStore().find(str(path))
    place_of(model, run.models)
    denoiser = open_denoiser(model, run)
    space = open_space(run.models.find(denoiser.space), run)
    x = torch.from_numpy(
        np.random.default_rng(0).standard_normal((1, space.channels, 4, 5))
    ).float()
    x_0 = denoiser.x0(x, 1.0, 1.0, denoiser.condition({}, SIZE))
    pixels = space.decode(x_0[0].numpy(), SIZE)
    assert pixels.shape == (3, *SIZE) and np.isfinite(pixels).all()


@pytest.fixture
def spoilt(folder: Folder, tmp_path: Path) -> Path:
    return shutil.copytree(folder("sd15"), tmp_path / "model")


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_right(spoilt: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    RIGHT[name](spoilt)
    capfd.readouterr()
    used(spoilt)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", WRONG)
def test_it_is_refused_in_a_line(
    spoilt: Path, name: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    WRONG[name](spoilt)
    capfd.readouterr()
    with pytest.raises(GcodecError) as caught:
        used(spoilt)
    said = str(caught.value)
    assert caught.value.exit_status == 9, said
    assert "\n" not in said and 20 < len(said) < 900
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_picture_beyond_the_positions_of_a_network_is_refused_in_a_line(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    """SD3 has a table of places, here for 128 latents a side."""
    model = ModelStore().find(str(folder("sd3")))
    denoiser = open_denoiser(model, Run())
    size = Size(32, 8 * 130)
    capfd.readouterr()
    with pytest.raises(ModelError, match="cannot be asked with 130x4 latents") as caught:
        denoiser.x0(torch.ones(1, 16, 4, 130), 1.0, 1.0, denoiser.condition({}, size))
    assert caught.value.exit_status == 9 and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def _both(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    whole = path.read_bytes()
    sharded()(folder)
    path.write_bytes(whole)


def _shard(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model-00001-of-00002.safetensors"
    save_file({k: v + 1 for k, v in load_file(path).items()}, path, {"format": "pt"})


def _other(part: str) -> Callable[[Path], None]:
    return tensors(part, lambda held: next(iter(held.values())).add_(1))


@pytest.mark.parametrize(
    ("given", "change"),
    [
        (edit("model_index.json", unet=None), _other("unet")),
        (edit("model_index.json", unet=[None, None]), _other("unet")),
        (edit("model_index.json", vae=None), _other("vae")),
        (
            edit("model_index.json", scheduler=None),
            edit("scheduler/scheduler_config.json", prediction_type="v_prediction"),
        ),
        (_both, _shard),
    ],
)
def test_whatever_is_opened_is_what_the_digest_is_of(
    spoilt: Path, given: Callable[[Path], None], change: Callable[[Path], None]
) -> None:
    """Else a file would be decoded with another network than it was made with, and nobody would say so."""

    def answer() -> tuple[str, torch.Tensor]:
        run = Run()
        model = ModelStore().find(str(spoilt))
        denoiser = open_denoiser(model, run)
        x = torch.ones(1, 4, 4, 5)
        return model.digest, denoiser.x0(x, 1.0, 1.0, denoiser.condition({}, SIZE))

    given(spoilt)
    digest, x_0 = answer()
    change(spoilt)
    other, x_1 = answer()
    assert not torch.equal(x_0, x_1) or given is not _both
    assert digest != other
