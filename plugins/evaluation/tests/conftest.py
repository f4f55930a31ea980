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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which metrics were not tested because their weights are absent: skips among others are easily overlooked."""
    from gcodec.errors import MetricUnavailable
    from gcodec_eval.metrics import weights

    for wanted in (weights.LPIPS, weights.DISTS, weights.INCEPTION):
        try:
            weights.find(wanted)
        except MetricUnavailable:
            terminalreporter.write_line(
                f"NOT TESTED: {wanted.metric} ({wanted.network}), whose weights {wanted.file} are not there;"
                f" put them in a folder that {weights.WEIGHTS_VARIABLE} names"
            )
