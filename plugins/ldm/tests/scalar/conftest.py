"""Both embeddings with the shipped weights, and a picture to code with them."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec.interfaces import Setup
from gcodec.models import Model
from gcodec.run import Run
from gcodec.testing import pictures
from gcodec_ldm.scalar.embedding import LdmQuant, RateVariable


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped weights, digest checked."""
    return Run().models.find("base/ldm")


@pytest.fixture(scope="session")
def ldm_quant(model: Model) -> LdmQuant:
    return LdmQuant(Setup(Run(), {}, model))


@pytest.fixture(scope="session")
def rate_variable(model: Model) -> RateVariable:
    return RateVariable(Setup(Run(), {}, model))


@pytest.fixture(scope="session")
def dithered(model: Model) -> LdmQuant:
    """`ldm_quant`, told to dither; its decoder needs no telling."""
    return LdmQuant(Setup(Run(), {"dither": True}, model))


@pytest.fixture(scope="session", params=["ldm_quant", "dithered", "rate_variable"])
def embedding(request: pytest.FixtureRequest) -> LdmQuant | RateVariable:
    """Each of the two, and the one with dither."""
    found: LdmQuant | RateVariable = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """float32 [3, 128, 160]."""
    return np.asarray(pictures.as_picture(pictures.photograph(128, 160)).pixels)


@pytest.fixture(scope="session")
def latent(ldm_quant: LdmQuant, picture: np.ndarray) -> np.ndarray:
    """float32 [32, 16, 20]."""
    return ldm_quant.analyse(picture)
