"""Every block of docs/doors.md runs as it stands, section by section."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

PAGE = Path(__file__).parents[3] / "docs" / "doors.md"
SECTIONS = {
    title: re.findall(r"^```(python|sh)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for title, text in re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
}
NEEDS = {"imageio": "imageio", "torch": "torch", "WebDataset": "webdataset", "zarr": "zarr"}


def test_every_block_is_in_a_section() -> None:
    assert sum(map(len, SECTIONS.values())) == PAGE.read_text("utf-8").count("```") / 2 > 2


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section(title: str, parrot: Image.Image, tmp_path: Path) -> None:
    if title in NEEDS and find_spec(NEEDS[title]) is None:
        pytest.skip(f"{NEEDS[title]} is not installed")
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    parrot.save(tmp_path / "photo.png")
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, code in SECTIONS[title]:
        words = [sys.executable, "-c", code] if language == "python" else ["bash", "-ec", code]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": tools},
        )
        assert done.returncode == 0, done.stderr
