"""The shipped codec and a picture to code with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gcodec_base.plugin
from gcodec.interfaces import Setup
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec_ntc.embedding import Ntc


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped weights, digest checked."""
    return ModelStore(tuple(gcodec_base.plugin.MODELS)).find("base/ntc")


@pytest.fixture(scope="session")
def ntc(model: Model) -> Ntc:
    """The embedding as a decoder builds it."""
    return Ntc(Setup(Run(models=ModelStore()), {}, model))


@pytest.fixture(scope="session")
def whole_model() -> Model:
    """The shipped weights of the whole range, digest checked."""
    return ModelStore(tuple(gcodec_base.plugin.MODELS)).find("base/ntc_range")


@pytest.fixture(scope="session")
def whole(whole_model: Model) -> Ntc:
    """The embedding of the whole range, as a decoder builds it."""
    return Ntc(Setup(Run(models=ModelStore(tuple(gcodec_base.plugin.MODELS))), {}, whole_model))


def scene(height: int, width: int) -> np.ndarray:
    """A made-up photograph, float32 [3, height, width]: sky, hills, a disc, grass."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    sky = 0.6 + 0.3 * y / max(height, 1)
    picture = np.stack([sky - 0.25, sky - 0.1, sky])
    for depth in range(4):
        ridge = height * (0.35 + 0.12 * depth) + 12 * np.sin(x / (17 + 9 * depth) + depth)
        colour = np.array([0.15, 0.32 + 0.06 * depth, 0.2], np.float32)[:, None, None]
        grain = rng.normal(0, 0.02 + 0.02 * depth, (height, width))
        picture = np.where(y > ridge, colour + grain, picture)
    disc = (y - height * 0.2) ** 2 + (x - width * 0.7) ** 2 < (0.1 * min(height, width)) ** 2
    picture = np.where(disc, np.array([0.95, 0.85, 0.6])[:, None, None], picture)
    return np.clip(np.round(picture * 255) / 255, 0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """256 x 320."""
    return scene(256, 320)


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """A part of kodim23, float32 [3, 160, 176]; made-up grain is what no choice of bits codes well."""
    with Image.open(Path(__file__).parents[3] / "tests" / "images" / "kodim23.png") as whole:
        part = np.asarray(whole.crop((440, 140, 616, 300)), np.float32) / 255
    return np.ascontiguousarray(part.transpose(2, 0, 1))
