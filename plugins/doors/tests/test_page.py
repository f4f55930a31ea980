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

import gcodec_doors

PAGE = Path(__file__).parents[3] / "docs" / "doors.md"
SECTIONS = {
    title: re.findall(r"^```(python|sh)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for title, text in re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
}
NEEDS = {"imageio": "imageio", "torch": "torch", "WebDataset": "webdataset", "zarr": "zarr"}
TOOLS = {"File types": ("file", "update-mime-database")}


def test_every_block_is_in_a_section() -> None:
    assert sum(map(len, SECTIONS.values())) == PAGE.read_text("utf-8").count("```") / 2 > 2


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section(title: str, parrot: Image.Image, webp: bytes, tmp_path: Path) -> None:
    if title in NEEDS and find_spec(NEEDS[title]) is None:
        pytest.skip(f"{NEEDS[title]} is not installed")
    for tool in ("bash", *TOOLS.get(title, ())):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool} here")
    parrot.save(tmp_path / "photo.png")
    (tmp_path / "photo.gcx").write_bytes(webp)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, code in SECTIONS[title]:
        words = [sys.executable, "-c", code] if language == "python" else ["bash", "-ec", code]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": tools, "XDG_DATA_HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
    if title == "File types":
        assert done.stdout == "photo.gcx: image/x-gcx\n"
        assert "image/x-gcx:*.gcx" in (tmp_path / "mime" / "globs2").read_text()


def test_the_file_types_are_those_of_the_specification() -> None:
    shipped = Path(gcodec_doors.__path__[0]) / "mime"
    given = PAGE.parents[1] / "spec/mime"
    assert {p.name: p.read_bytes() for p in shipped.iterdir()} == {
        p.name: p.read_bytes() for p in given.iterdir()
    }
