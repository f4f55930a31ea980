"""Every command on every page of the site is run, or it is said why not and its options are looked up."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
from gcodec.registry import registry

sys.path.append(str(Path(__file__).parent))

from page_commands import APART, ROOT, Line, before, blocks, commands, otherwise, pages, untried

WRITTEN, TAKEN = pages()


class Worker:
    """One process for all commands (page_worker.py), and folders for them."""

    def __init__(self, top: Path):
        self.top = top
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "page_worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("GCODEC_")}
            | {"HOME": str(top)},
        )

    def ask(self, **asked: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.communicate(timeout=60)

    def place(self, name: str) -> Path:
        """A new folder with what pages speak of: photo.png, photos/, and the same as TIFF."""
        folder = self.top / re.sub(r"\W", "_", name)
        (folder / "photos").mkdir(parents=True)
        with Image.open(ROOT / "tests" / "images" / "kodim23.png") as whole:
            photo = whole.crop((192, 128, 384, 256))
            photo.save(folder / "photo.png")
            photo.save(folder / "photo.tiff")
            for number in (1, 2):
                whole.crop((440, 140 * number, 536, 140 * number + 64)).save(
                    folder / "photos" / f"{number}.png"
                )
        return folder

    def run(self, line: Line, at: Path, *more: str) -> None:
        answer = self.ask(at=str(at), words=[*line.words[1:], *more])
        if "its pages are not built" not in answer["printed"]:  # by `make page`, which needs npm
            told = f"{line.page}:{line.number}: {answer['printed']}"
            assert answer["status"] in {0, otherwise(line)}, told

    def look_up(self, line: Line) -> None:
        """Assert that the options of a command exist, whether or not it can be run here."""
        words = [word.strip("[]") for word in line.words if word != "..."]
        words = words[words.index("gcodec") + 1 :]
        answer = self.ask(options=words)
        assert answer["status"] == 0, f"{line.page}:{line.number}: {answer['printed']}"
        named = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
        assert named <= set(answer["options"]), f"{line.page}:{line.number}"
        for flag, spec in (("--embed", EmbeddingSpec), ("--recon", ReconstructorSpec)):
            for word in words[words.index(flag) + 1].split(",") if flag in words else ():
                name = word.partition(":")[0]
                known = (
                    name in registry().table(spec) or name == "all" or "/" in name or name.isupper()
                )
                assert known or "=" in name, f"{line.page}:{line.number}: {name}"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(tmp_path_factory.mktemp("pages"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def files(worker: Worker) -> Path:
    """What examples speak of: the photographs, and files made of them."""
    place = worker.place("files")
    for name, embed in (("photo", "ntc"), ("other", "webp"), ("small", "ntc")):
        text = f"gcodec encode photo.png --embed {embed} -o {name}.gcx"
        worker.run(Line("files", 0, text), place)
    return place


@pytest.mark.parametrize("page", [page for page in WRITTEN if list(commands(page))])
def test_what_a_page_of_the_site_says_can_be_typed(page: str, worker: Worker) -> None:
    """In its order and as it stands, in a folder that holds photographs alone."""
    place = worker.place(page)
    last = 0
    for line in commands(page):
        assert line.words[0] == "gcodec", f"{page}:{line.number}: a command that nobody runs"
        if untried(line):
            worker.look_up(line)
            continue
        if page in APART and line.number > last + 1:
            place = worker.place(f"{page}{line.number}")
            made = Line(page, line.number, "gcodec encode photo.png")
            if not line.text.startswith("gcodec encode"):
                worker.run(made, place)
        last = line.number
        worker.run(line, place)
    for block in blocks(page):
        if block.language == "python":
            answer = worker.ask(at=str(place), python="\n".join(block.lines))
            assert answer["status"] == 0, f"{page}:{block.number}: {answer['printed']}"


@pytest.mark.parametrize("page", [page for page in TAKEN if list(commands(page))])
def test_examples_of_the_repository_work(page: str, worker: Worker, files: Path) -> None:
    """Each for itself, with the files that it speaks of."""
    place = worker.top / re.sub(r"\W", "_", page)
    shutil.copytree(files, place)
    ready = ""
    for line in commands(page):
        if "gcodec" in line.words and "$(" not in line.text:
            worker.look_up(line)
        else:
            look_at(line)
        if untried(line):
            continue
        needed = before(line)
        if needed not in ("", ready):
            worker.run(Line(page, line.number, needed), place)
        ready = "" if "encode" in line.words else needed or ready
        bare = Line(page, line.number, line.text.replace("[", "").replace("]", ""))
        options = worker.ask(options=bare.words[1:])["options"]
        force = ["--force"] if "--force" in options and "--force" not in bare.words else []
        worker.run(bare, place, *force)


def look_at(line: Line) -> None:
    """Assert that what a command of another program names is there: file, module, package of ours or target of make."""
    where = f"{line.page}:{line.number}"
    program, *rest = line.words or [""]
    if program == "pip":
        wanted = re.fullmatch(r"([a-z-]+)(?:\[(\w+)\])?", rest[-1])
        if wanted and not wanted[1].startswith("gcodec-acme"):
            assert wanted[2] in {None, *extras()[wanted[1]]}, where
    elif program == "make":
        assert f"\n{rest[0]}:" in (ROOT / "Makefile").read_text(), where
    elif program == "python" and rest[0] == "-m":
        assert importlib.util.find_spec(rest[1]), where
    elif program in ("python", "pytest"):
        assert any((top / rest[0]).exists() for top in (ROOT, (ROOT / line.page).parent)), where


def extras() -> dict[str, set[str]]:
    """Return the extras of every distribution here."""
    found = {}
    for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")]:
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        found[project["name"]] = set(project.get("optional-dependencies", {}))
    return found
