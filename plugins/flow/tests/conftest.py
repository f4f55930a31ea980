"""The shipped model and a small photograph."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gcodec.interfaces import Setup
from gcodec.models import Model, ModelStore, folder_digest
from gcodec.pipeline.stage2 import checked
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_flow.plugin import gcodec_reconstructors
from gcodec_flow.reconstructor import Flow

FloatArray = NDArray[np.float32]

DATA = Path(__file__).parent / "data"


def as_pixels(image: Image.Image) -> FloatArray:
    return np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1) / np.float32(255)


@pytest.fixture(scope="session")
def through_jpeg() -> Callable[[FloatArray, int], Preview]:
    """through_jpeg(pixels, quality): the preview that JPEG makes, with its true squared error."""

    def make(pixels: FloatArray, quality: int) -> Preview:
        octets = np.rint(pixels.transpose(1, 2, 0) * 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(octets).save(buffer, "JPEG", quality=quality)
        decoded = as_pixels(Image.open(buffer))
        return Preview(decoded, float(np.square(decoded - pixels).mean(dtype=np.float64)))

    return make


@pytest.fixture(scope="session")
def photo() -> FloatArray:
    """float32 [3, 304, 400] in [0, 1]."""
    return as_pixels(Image.open(DATA / "budgerigar.webp"))


@pytest.fixture(scope="session")
def model() -> Model:
    found = find_spec("gcodec_base")
    assert found is not None and found.submodule_search_locations, "gcodec-base is not installed"
    folder = Path(found.submodule_search_locations[0]) / "models" / "flow"
    return Model("base/flow", folder_digest(folder), folder)


@pytest.fixture(scope="session")
def flow(model: Model) -> Callable[..., Flow]:
    """flow(seed=..., option=...): the reconstructor with its defaults but for what is given."""
    spec = next(spec for spec in gcodec_reconstructors() if spec.name == "flow")

    def make(seed: int = 0, **options: Any) -> Flow:
        values = checked(spec, options).options
        return Flow(Setup(Run(seed=seed, models=ModelStore()), values, model))

    return make
