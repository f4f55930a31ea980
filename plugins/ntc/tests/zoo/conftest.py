"""Random models of each family, converted, and a picture to code with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gcodec_ntc.zoo.checkpoint import read_checkpoint
from gcodec_ntc.zoo.codec import ZooCodec
from gcodec_ntc.zoo.convert import folder_tensors

sys.path.insert(0, str(Path(__file__).resolve().parent))

from zoo_checkpoints import FAMILIES, sizes, state


@pytest.fixture(scope="session")
def codec_of() -> Callable[[str], ZooCodec]:
    """The codec of a family's random checkpoint."""
    made: dict[str, ZooCodec] = {}

    def codec(family: str) -> ZooCodec:
        if family not in made:
            tensors = folder_tensors(read_checkpoint(state(family), family, "a test"))
            config = {"architecture": family, **sizes(family)}
            made[family] = ZooCodec(config, tensors, torch.device("cpu"))
        return made[family]

    return codec


@pytest.fixture(params=FAMILIES)
def codec(request: pytest.FixtureRequest, codec_of: Callable[[str], ZooCodec]) -> ZooCodec:
    """The codec of each family."""
    return codec_of(request.param)


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """float32 [3, 150, 200]: waves, edges and grain."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:150, 0:200].astype(np.float32)
    waves = 0.5 + 0.3 * np.sin(x / 9 + y / 23) * np.cos(y / 13)
    planes = np.stack([waves, np.where(x > 80 + y / 3, waves, 0.2), 1 - waves])
    return np.clip(planes + rng.normal(0, 0.04, planes.shape), 0, 1).astype(np.float32)
