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
    return ("gcodec-eval",)
