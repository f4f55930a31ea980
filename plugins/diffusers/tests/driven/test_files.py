"""Real files through families that are asked by their own call: coded here, decoded in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gcodec

pytestmark = [
    pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed"),
    pytest.mark.filterwarnings("default"),
]

Folder = Callable[[str], Path]


def picture() -> gcodec.Picture:
    octets = np.random.default_rng(2).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return gcodec.Picture.from_array(octets)


@pytest.mark.parametrize(
    ("name", "recon"),
    [
        ("Flux2KleinPipeline", "ode"),
        ("WanPipeline", "latent_flow"),
        ("SanaPipeline", "dps"),
        ("KolorsPipeline", "sde"),
    ],
)
def test_a_file_and_a_picture(folder: Folder, name: str, recon: str) -> None:
    path = folder(name)
    with gcodec.Session(models=[path]) as session:
        (made,) = session.encode(
            [picture()], "diffc", model=str(path), target=gcodec.Target(bytes=60)
        )
        (decoded,) = session.decode([made.data], recon, model=str(path), options={"steps": 2})
    assert decoded.picture.pixels.shape == (3, 90, 120)


def test_a_fresh_process_has_the_file_and_the_folder_and_says_nothing_else(
    folder: Folder, tmp_path: Path
) -> None:
    path = folder("ZImagePipeline")
    with gcodec.Session(models=[path]) as session:
        (made,) = session.encode(
            [picture()], "diffc", model=str(path), target=gcodec.Target(bytes=60)
        )
        (here,) = session.decode([made.data], "mse", model=str(path))
    (tmp_path / "a.gcx").write_bytes(made.data)
    words = ["decode", "a.gcx", "--models", path, "--model", path, "--recon", "mse", "-o", "a.png"]
    done = subprocess.run(
        [sys.executable, "-m", "gcodec", *map(str, words)],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    there = gcodec.load_image(tmp_path / "a.png")
    assert float(np.abs(there.pixels - here.picture.pixels).max()) < 0.01


def test_a_tiny_folder_is_a_command_away(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "gcodec_diffusers.tiny_families", "ZImagePipeline", "tiny"]
    done, again = (
        subprocess.run(
            words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
        )
        for _ in range(2)
    )
    assert done.returncode == 0 and done.stdout == "tiny\n", done.stderr
    assert (tmp_path / "tiny" / "model_index.json").is_file()
    assert again.returncode == 1 and "there already" in again.stderr
