"""The shipped codec and pictures to code with it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import gcodec_base.plugin
from gcodec.models import Model, ModelStore
from gcodec.randomness import Randomness
from gcodec_diffc.uqdm.codec import Codec

FloatArray = NDArray[np.float32]


@pytest.fixture(scope="session")
def model() -> Model:
    """The shipped weights, digest checked."""
    return ModelStore(tuple(gcodec_base.plugin.MODELS)).find("base/uqdm")


@pytest.fixture(scope="session")
def codec(model: Model) -> Codec:
    """The codec proper."""
    return Codec(model.config, model.tensors(), Randomness(0))


@pytest.fixture(scope="session")
def octets(kodim23: FloatArray) -> NDArray[np.uint8]:
    """uint8 [128, 192, 3]: sides are multiples of 64."""
    return np.rint(kodim23[:, 64:192, 128:320].transpose(1, 2, 0) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photo(kodim23: FloatArray) -> FloatArray:
    """float32 [3, 77, 101] in [0, 1]: no level of the pyramid has sides all even."""
    return kodim23[:, 64:141, 128:229].copy()


@pytest.fixture(scope="session")
def layers(codec: Codec, photo: FloatArray) -> tuple[bytes, ...]:
    """All layers of `photo`."""
    return codec.encode(codec.analyse(photo), 17)
