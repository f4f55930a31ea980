"""What the tests of several plugins share: a photograph, its latent, and reconstructors with options."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gcodec.interfaces import Reconstructor
    from gcodec.models.networks import LatentSpace
    from gcodec.signals import FloatArray

KODIM23 = Path(__file__).parents[1] / "tests" / "images" / "kodim23.png"


@pytest.fixture(scope="session")
def kodim23() -> FloatArray:
    """Two parrots, float32 [3, 512, 768] in [0, 1]."""
    from gcodec.pictures import load_image

    return load_image(KODIM23.read_bytes()).pixels


@pytest.fixture(scope="session")
def photo(kodim23: FloatArray) -> FloatArray:
    """float32 [3, 96, 128] in [0, 1]: a parrot's face."""
    return kodim23[:, 140:236, 440:568].copy()


@pytest.fixture(scope="session")
def space() -> LatentSpace:
    """That of the models of `base`."""
    from gcodec.models.networks import open_space
    from gcodec.run import Run

    run = Run()
    return open_space(run.models.find("base/autoencoder"), run)


@pytest.fixture(scope="session")
def latent(space: LatentSpace, photo: FloatArray) -> FloatArray:
    """Of the photograph, float32 [32, 12, 16]."""
    return space.encode(photo)


@pytest.fixture(scope="session")
def reconstructor() -> Callable[..., Reconstructor]:
    """reconstructor(name, seed=..., option=...): an installed one with its defaults but for what is given."""
    from gcodec.interfaces import Setup
    from gcodec.pipeline.stage2 import checked
    from gcodec.registry import load_object, registry
    from gcodec.run import Run

    @cache
    def make(name: str, seed: int = 0, **options: Any) -> Reconstructor:
        spec, run = registry().reconstructor(name), Run(seed=seed)
        model = run.models.find(spec.model) if spec.model else None
        setup = Setup(run, checked(spec, options).options, model)
        made: Reconstructor = load_object(name, spec.implementation)(setup)
        return made

    return make
