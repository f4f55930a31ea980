"""Fixtures: a folder of photographs, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from data_sets import Run, data_of, picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six sound pictures in two folders, one that is damaged, and files that are no pictures."""
    folder = tmp_path / "photos"
    (folder / "a b").mkdir(parents=True)
    for seed in range(4):
        picture(seed).save(folder / f"{seed}.png")
    picture(4).save(folder / "a b" / "same.png")
    picture(5).save(folder / "a b" / "same.jpg")
    (folder / "cut.png").write_bytes(data_of(picture(6))[:200])
    (folder / "notes.txt").write_text("no picture")
    (folder / "._0.png").write_bytes(b"of a Mac")
    return folder


@pytest.fixture
def batch(tmp_path: Path) -> Callable[..., Run]:
    """``gcodec batch`` with these words; `--json` output is in `stdout`."""

    def run(*words: str | Path, jobs: int = 1) -> Run:
        return subprocess.run(
            [sys.executable, "-m", "gcodec", "batch", *map(str, words), "--jobs", str(jobs)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            timeout=120,
        )

    return run
