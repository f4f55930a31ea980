"""The denoiser of `base`, and noisy states of a photograph made by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.diffusion.tiles import noise
from gcodec.models import ModelStore
from gcodec.models.networks import Denoiser, open_denoiser
from gcodec.run import Run
from gcodec.signals import Noisy

FloatArray = NDArray[np.float32]


@pytest.fixture(scope="session")
def denoiser() -> Denoiser:
    return open_denoiser(ModelStore.installed().find("base/denoiser"), Run())


@pytest.fixture(scope="session")
def state(latent: FloatArray) -> Callable[..., Noisy]:
    """state(t, seed=...): the latent at time t of the rectified flow, with true noise."""

    def make(t: float, seed: int = 0) -> Noisy:
        rows, columns = (slice(0, side) for side in latent.shape[1:])
        eps = noise(Run(seed=seed).randomness, (rows, columns), len(latent), step=1000)
        return Noisy(np.float32(1 - t) * latent + np.float32(t) * eps, "base", 1 - t, t)

    return make
