"""Fixtures: the core's, with this distribution installed beside the plugin under test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[3] / "core/tests")]

from shared_fixtures import *  # noqa: E402, F403


@pytest.fixture(scope="session")
def beside() -> tuple[str, ...]:
    return ("gcodec-train",)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of the trainer in sample_training."""
    import sample_training  # it imports torch, which most tests do without

    path = tmp_path / "blur.toml"
    path.write_text(sample_training.RECIPE)
    return path
