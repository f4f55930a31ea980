"""Eighty unusual folders: each is right, or refused with status 9 in one line, and nothing else is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from unusual_folders import RIGHT, WRONG

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
