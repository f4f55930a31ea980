"""A picture, and files of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import gcodec

TESTS = Path(__file__).parents[3] / "tests"
KODIM23 = TESTS / "images" / "kodim23.png"


@pytest.fixture(scope="session")
def parrot() -> Image.Image:
    """RGB, 128x96."""
    with Image.open(KODIM23) as image:
        return image.crop((440, 140, 568, 236))


@pytest.fixture(scope="session")
def webp(parrot: Image.Image) -> bytes:
    """A file of it, quick to decode."""
    return gcodec.encode(parrot, "webp", target=gcodec.Target(quality=0.5)).data


@pytest.fixture(scope="session")
def cut() -> bytes:
    """A progressive file whose end is missing."""
    return (TESTS / "golden" / "diffc-layers.gcx").read_bytes()[:-20]
