"""The shipped codec and pictures to code with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import gcodec_base.plugin
from gcodec.models import Model, ModelStore
from gcodec.randomness import Randomness
from gcodec_diffc.uqdm.codec import Codec

PHOTO = Path(__file__).parents[4] / "tests" / "images" / "kodim23.png"

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
def octets() -> NDArray[np.uint8]:
    """uint8 [128, 192, 3]: sides are multiples of 64."""
    return np.asarray(Image.open(PHOTO).convert("RGB").crop((128, 64, 320, 192)))


@pytest.fixture(scope="session")
def photo(octets: NDArray[np.uint8]) -> FloatArray:
    """float32 [3, 77, 101] in [0, 1]: no level of the pyramid has sides all even."""
    part = octets[:77, :101].transpose(2, 0, 1)
    return np.ascontiguousarray(part, np.float32) / np.float32(255)


@pytest.fixture(scope="session")
def layers(codec: Codec, photo: FloatArray) -> tuple[bytes, ...]:
    """All layers of `photo`."""
    return codec.encode(codec.analyse(photo), 17)
