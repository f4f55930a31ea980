"""A small model with opinions, untrained, and tokens for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gcodec.interfaces import Size
from gcodec_ldm.tokens.codec import Codec
from gcodec_ldm.tokens.network import LevelNetwork

#: Sides and digits of three levels: one, a finer one, and one that adds to it.
LEVELS = ((32, (4, 3)), (16, (5, 2)), (16, (6,)))
CONFIG = {
    "levels": [
        {"side": side, "digits": list(digits), "sharp": sharp}
        for (side, digits), sharp in zip(LEVELS, (4, 6, 11), strict=True)
    ]
}


@pytest.fixture(scope="session")
def networks() -> list[LevelNetwork]:
    torch.manual_seed(0)
    made, above, coarser = [], (), 32
    for side, digits in LEVELS:
        network = LevelNetwork(digits, above, coarser // side, 16, 12)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(2.5)
        made.append(network)
        above, coarser = digits, side
    return made


@pytest.fixture(scope="session")
def tensors(networks: list[LevelNetwork]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for i, network in enumerate(networks):
        found |= network.tensors(f"level{i}")
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


@pytest.fixture(scope="session")
def codec(tensors: dict[str, Any]) -> Codec:
    return Codec(CONFIG, tensors)


def random_maps(size: Size, seed: int = 1) -> list[np.ndarray]:
    """Tokens of all levels, any."""
    rng = np.random.default_rng(seed)
    return [
        rng.integers(
            np.prod(digits), size=(-(-size.height // side), -(-size.width // side)), dtype=np.int32
        )
        for side, digits in LEVELS
    ]
