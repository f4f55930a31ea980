"""A small photograph, its latent, and reconstructors with options."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gcodec.interfaces import Reconstructor, Setup
from gcodec.models import ModelStore
from gcodec.networks import LatentSpace, open_space
from gcodec.registry import load_object
from gcodec.run import Run
from gcodec.stage2 import checked
from gcodec_diffusion.plugin import gcodec_reconstructors

FloatArray = NDArray[np.float32]
PHOTO = Path(__file__).parents[3] / "tests" / "images" / "kodim23.png"


@pytest.fixture(scope="session")
def photo() -> FloatArray:
    """float32 [3, 96, 128] in [0, 1]: a parrot's face."""
    octets = np.asarray(Image.open(PHOTO).convert("RGB").crop((440, 140, 568, 236)))
    return np.ascontiguousarray(octets.transpose(2, 0, 1), np.float32) / 255


@pytest.fixture(scope="session")
def space() -> LatentSpace:
    return open_space(ModelStore.installed().find("base/autoencoder"), Run())


@pytest.fixture(scope="session")
def latent(space: LatentSpace, photo: FloatArray) -> FloatArray:
    return space.encode(photo)


@pytest.fixture(scope="session")
def reconstructor() -> Callable[..., Reconstructor]:
    """reconstructor(name, seed=..., option=...): with its defaults but for what is given."""
    specs = {spec.name: spec for spec in gcodec_reconstructors()}

    @cache
    def make(name: str, seed: int = 0, **options: Any) -> Reconstructor:
        spec, run = specs[name], Run(seed=seed)
        assert spec.model is not None
        setup = Setup(run, checked(spec, options).options, run.models.find(spec.model))
        made: Reconstructor = load_object(name, spec.implementation)(setup)
        return made

    return make
