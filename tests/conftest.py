"""What the tests across packages share: a photograph, and the command in a process of its own.

They take what is installed, so a plugin more is tested without a change here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gcodec.pictures import Picture

IMAGES = Path(__file__).resolve().parent / "images"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def crop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG file with 128 x 96 pixels of kodim23: the face of the red parrot, with edges, texture and blur."""
    from PIL import Image

    path = tmp_path_factory.mktemp("crop") / "crop.png"
    with Image.open(IMAGES / "kodim23.png") as whole:
        whole.crop((440, 140, 440 + 128, 140 + 96)).save(path)
    return path


@pytest.fixture(scope="session")
def picture(crop: Path) -> Picture:
    """The photograph as gcodec reads it."""
    from gcodec.pictures import load_image

    return load_image(crop)


@pytest.fixture(scope="session")
def gcodec() -> Command:
    """Run ``gcodec`` in a process of its own."""

    def run(
        *words: object, cwd: Path | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gcodec", *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=cwd,
            env={k: v for k, v in os.environ.items() if not k.startswith("GCODEC_")} | more,
            timeout=250,
            check=False,
        )

    return run
