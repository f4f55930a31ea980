"""Tiny random pipelines of every architecture, and a photograph that is no multiple of anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gcodec_diffusers import tiny

FloatArray = NDArray[np.float32]

PHOTO = Path(__file__).parents[1] / "images" / "kodim23.png"


@pytest.fixture(scope="session")
def photo() -> FloatArray:
    """float32 [3, 88, 104] in [0, 1]: sides of 11 and 13 latent positions."""
    octets = np.asarray(Image.open(PHOTO).convert("RGB").crop((440, 140, 544, 228)))
    return np.ascontiguousarray(octets.transpose(2, 0, 1), np.float32) / 255


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """pipeline(kind): the folder of one of `tiny.KINDS`, made once; with "+controlnet" behind it, with a ControlNet."""
    root = tmp_path_factory.mktemp("pipelines")

    def make(name: str) -> Path:
        kind, _, more = name.partition("+")
        folder = root / name
        if not folder.exists():
            tiny.make(kind, folder)
            if more:
                tiny.add_controlnet(kind, folder)
        return folder

    return make
