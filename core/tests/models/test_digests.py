"""Digests of large models are remembered as long as their files are the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support import lay

from gcodec.models import folder_digest

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose digest is worth remembering, untouched for a minute."""
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("gcodec.models.digests._LEAST", 10)
    folder = lay(tmp_path / "large", {"config.json": b"{}", WEIGHTS: bytes(range(100))})
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    return folder


def test_a_digest_is_remembered_until_a_file_changes(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = folder_digest(large)
    opened: list[Path] = []
    real = Path.open

    def spy(self: Path, *args: object, **how: object) -> object:
        opened.append(self)
        return real(self, *args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", spy)
    assert folder_digest(large) == first and large / WEIGHTS not in opened
    # The same length, another time; and another file of the same length and time.
    (large / WEIGHTS).write_bytes(bytes(100))
    os.utime(large / WEIGHTS, (2e9 / 2, 1e9 + 5))
    second = folder_digest(large)
    assert second != first and large / WEIGHTS in opened
    (tmp_path / "other").write_bytes(bytes([1] * 100))
    os.utime(tmp_path / "other", (1e9 + 5, 1e9 + 5))
    (tmp_path / "other").replace(large / WEIGHTS)
    assert folder_digest(large) not in (first, second)


def test_nothing_is_remembered_of_files_that_have_just_changed(large: Path, tmp_path: Path) -> None:
    os.utime(large / WEIGHTS)
    folder_digest(large)
    assert not (tmp_path / "cache" / "digests").exists()


def test_a_damaged_memory_and_a_cache_that_cannot_be_written_do_no_harm(
    large: Path, tmp_path: Path
) -> None:
    first = folder_digest(large)
    (kept,) = (tmp_path / "cache" / "digests").iterdir()
    for data in (b"", b"\xff\xfe", b"0" * 64 + b" " + b"1" * 64, b"one two three"):
        kept.write_bytes(data)
        assert folder_digest(large) == first
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_bytes(b"a file")
    assert folder_digest(large) == first
