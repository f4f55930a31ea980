"""The shipped models and a photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec_diffusers.denoiser import LatentDenoiser, open_denoiser
from gcodec_diffusers.space import LappedSpace, open_space
from gcodec_diffusers.tokens import ScalarCodebook, open_codebook

FloatArray = NDArray[np.float32]

PHOTO = Path(__file__).parents[3] / "tests" / "images" / "kodim23.png"


@pytest.fixture(scope="session")
def photo() -> FloatArray:
    """float32 [3, 192, 256] in [0, 1]."""
    octets = np.asarray(Image.open(PHOTO).convert("RGB").crop((128, 64, 384, 256)))
    return np.ascontiguousarray(octets.transpose(2, 0, 1), np.float32) / 255


def shipped(name: str) -> Model:
    return ModelStore.installed().find(name)


@pytest.fixture(scope="session")
def space() -> LappedSpace:
    return open_space(shipped("base/autoencoder"), Run())


@pytest.fixture(scope="session")
def book() -> ScalarCodebook:
    return open_codebook(shipped("base/codebook16"), Run())


@pytest.fixture(scope="session")
def denoiser() -> LatentDenoiser:
    return open_denoiser(shipped("base/denoiser"), Run())
