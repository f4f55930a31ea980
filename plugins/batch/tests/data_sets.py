"""Small data sets, and what a run of the command leaves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gcodec_batch import Plan
from gcodec_batch._plan import Work, cut, write_plan
from gcodec_batch._sources import find

Run = subprocess.CompletedProcess[str]


def picture(seed: int, side: int = 48) -> Image.Image:
    """A smooth picture that no other seed gives."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
    return coarse.resize((side, side), Image.Resampling.BICUBIC)


def data_of(image: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of a file that holds it."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    """Everything below a folder but state and rows, which hold times."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and ".gcodec-batch" not in path.parts
        and path.suffix not in (".parquet",)
        and not path.name.endswith("_stats.json")
    }


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    """A tar with these members, in this order."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))


def report(run: Run) -> dict[str, object]:
    """What ``--json`` printed."""
    found: dict[str, object] = json.loads(run.stdout)
    return found


def at_file(name: str, does: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers do this, a line of Python, when they read the file of that name."""
    (site / "sitecustomize.py").write_text(
        "import sys, os, time\n"
        "if any('gcodec_batch' in w for w in sys.orig_argv):\n"
        "    import gcodec.files as files\n"
        "    real = files.file_bytes\n"
        "    def other(path):\n"
        f"        if str(path).endswith({name!r}): {does}\n"
        "        return real(path)\n"
        "    files.file_bytes = other\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{site}:{os.environ.get('PYTHONPATH', '')}")


def without(name: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no process find the package of that name."""
    (site / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "real = PathFinder.find_spec\n"
        "def find_spec(name, *rest):\n"
        f"    return None if name.partition('.')[0] == {name!r} else real(name, *rest)\n"
        "PathFinder.find_spec = find_spec\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{site}:{os.environ.get('PYTHONPATH', '')}")


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a parquet file."""
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def start(tmp_path: Path, *words: str | Path, **how: Any) -> subprocess.Popen[str]:
    """``gcodec batch`` with these words, at work."""
    settings: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **how}
    command = [sys.executable, "-m", "gcodec", "batch", *map(str, words)]
    return subprocess.Popen(command, cwd=tmp_path, text=True, **settings)


#: A run that takes some seconds.
LONG = ("encode", "in", "out", "--embed", "webp", "--bpp", "1")


def sixty(tmp_path: Path) -> None:
    """Sixty pictures in the folder `in`."""
    (tmp_path / "in").mkdir()
    for seed in range(60):
        picture(seed, 256).save(tmp_path / "in" / f"{seed:02d}.png")


def four(tmp_path: Path, tars: bool = False) -> Plan:
    """A plan of one shard of four pictures, to be encoded."""
    (tmp_path / "in").mkdir()
    for seed in range(4):
        picture(seed).save(tmp_path / "in" / f"{seed}.png")
    (tmp_path / "out/.gcodec-batch").mkdir(parents=True)
    settings = {"encode": {"target": {"quality": 0.3}}, "session": {}}
    work = Work("encode", ("jpeg", {}), (), settings, ".png", tars)
    items = find(str(tmp_path / "in"), lambda name: name.endswith(".png")).items
    return write_plan(tmp_path / "out", "in", work, cut(items, work, 4))
