"""docs/plugins.md: every command and every piece of code in it is run, in its order, in a folder where nothing else lies.

    ```python     with "# file: PATH" as its first line it is written there, otherwise it is run
    ```toml       the same; it is never run
    ```console    lines with "$ " are commands, each must succeed; the others must be in what it printed, "..." for anything

pip is played by a few lines that build and unpack as it does, without a network and into a folder of the test's own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "plugins.md"

#: pip install -e DIR, pip install WHEEL..., pip wheel -w TARGET DIR, pip uninstall NAME.
PIP = """#!{python}
import os, pathlib, shutil, sys, zipfile
from hatchling import build
verb, *words = [word for word in sys.argv[1:] if word[0] != "-" or word == "-e"]
site = pathlib.Path({site!r})
def unpack(wheel):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
if verb == "wheel":
    assert "/" in words[1], "pip takes a bare word for a name on the index"
    target = str(pathlib.Path(words[0]).absolute())
    os.chdir(words[1])
    print(build.build_wheel(target))
elif verb == "uninstall":
    for word in words:
        for path in site.glob(word.replace("-", "_") + "*"):
            path.unlink() if path.is_symlink() else shutil.rmtree(path)
elif words[0] == "-e":
    folder = pathlib.Path(words[1].partition("[")[0]).absolute()
    os.chdir(folder)
    made = site / build.build_wheel(str(site))
    unpack(made)
    made.unlink()
    for package in folder.glob("src/*"):
        shutil.rmtree(site / package.name)
        (site / package.name).symlink_to(package)
else:
    for word in words:
        unpack(word)
"""


class Block(NamedTuple):
    """A fenced block: the line of the guide on which it begins, what it says it is, and its lines."""

    line: int
    language: str
    lines: list[str]


def blocks() -> Iterator[Block]:
    """Yield the fenced blocks of the guide."""
    inside: Block | None = None
    for number, line in enumerate(GUIDE.read_text("utf-8").splitlines(), 1):
        if not line.startswith("```"):
            if inside is not None:
                inside.lines.append(line)
        elif inside is None:
            inside = Block(number, line[3:], [])
        else:
            yield inside
            inside = None
    assert inside is None, f"the block of line {inside.line} has no end"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a photograph, and beside it where things are installed."""
    pytest.importorskip("hatchling")
    top = tmp_path_factory.mktemp("guide")
    for name in ("work", "site", "bin", "home"):
        (top / name).mkdir()
    pip = top / "bin" / "pip"
    pip.write_text(PIP.format(python=sys.executable, site=str(top / "site")))
    pip.chmod(0o755)
    with Image.open(ROOT / "tests" / "images" / "kodim23.png") as photo:
        photo.crop((192, 128, 384, 256)).save(top / "work" / "photo.png")
    return top / "work"


def run(words: list[str], place: Path, where: str) -> str:
    """Run a program in the folder; it must succeed. Return what it printed."""
    top = place.parent
    path = os.pathsep.join([str(top / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    sources = os.pathsep.join(filter(None, [str(top / "site"), os.environ.get("PYTHONPATH")]))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCODEC_", "PYTEST_"))}
    environment = {**clean, "PATH": path, "PYTHONPATH": sources, "HOME": str(top / "home")}
    done = subprocess.run(
        words,
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{where}: {done.stdout}"
    return done.stdout


def shown(printed: str, expected: str) -> bool:
    """Whether a line of the guide is in what was printed; runs of blanks are one, "..." is anything."""
    parts = (re.escape(" ".join(part.split())) for part in expected.split("..."))
    pattern = r"\s*.*\s*".join(parts)
    return any(re.fullmatch(pattern, " ".join(line.split())) for line in printed.splitlines())


def test_everything_in_the_guide_runs(place: Path) -> None:
    for block in blocks():
        where = f"docs/plugins.md:{block.line}"
        named = re.fullmatch("# file: (.+)", block.lines[0])
        if named:
            assert block.language in ("python", "toml"), where
            path = place / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join([*block.lines[1:], ""]), "utf-8")
        elif block.language == "python":
            run([sys.executable, "-c", "\n".join(block.lines)], place, where)
        else:
            assert block.language == "console", f"{where}: a block that nobody runs"
            console(block, place)


def console(block: Block, place: Path) -> None:
    """Run the commands of a block and compare what they print."""
    printed = ""
    for number, line in enumerate(block.lines, block.line + 1):
        where = f"docs/plugins.md:{number}"
        if line.startswith("$ "):
            printed = run(["bash", "-ec", line[2:]], place, where)
        else:
            assert shown(printed, line), f"{where}: {line!r} is not in\n{printed}"
