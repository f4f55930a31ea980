"""docs/reconstructions.py: what it leaves is what was measured, and no more than the repository holds."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[1]


def test_files_and_pictures_of_the_rows(tmp_path: Path, crop: Path, gcodec: Command) -> None:
    pytest.importorskip("gcodec_eval")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(crop.read_bytes())
    asked = "eval photos --embed webp --recon preview --bpp 1 --metrics psnr --keep -o out"
    done = gcodec(*asked.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    script = [sys.executable, ROOT / "docs" / "reconstructions.py", "docs", "out"]
    subprocess.run([*script, "webp+preview", "1 bpp"], cwd=tmp_path, check=True)
    with (tmp_path / "docs" / "points.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    (file,) = (tmp_path / "docs" / "files").iterdir()
    assert sha256(file.read_bytes()).hexdigest() == row["file_sha256"]
    assert len(file.read_bytes()) == int(row["bytes"])
    assert len(list((tmp_path / "docs" / "pictures").glob("*.webp"))) == 1


def test_what_lies_in_docs_kodak_is_what_its_table_was_measured_on() -> None:
    kodak = ROOT / "docs" / "kodak"
    with (kodak / "points.csv").open(newline="") as stream:
        measured = {r["file_sha256"]: int(r["bytes"]) for r in csv.DictReader(stream) if r["bytes"]}
    files = sorted((kodak / "files").iterdir())
    assert len(files) > 50
    for file in files:
        assert measured[sha256(file.read_bytes()).hexdigest()] == file.stat().st_size, file.name
    # Each was decoded, to be looked at.
    pictures = {picture.name.rsplit(".", 2)[0] for picture in (kodak / "pictures").iterdir()}
    assert pictures == {file.stem for file in files}
