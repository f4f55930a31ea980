"""Fixtures: the core's, with this distribution installed beside the plugin under test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[3] / "core/tests")]

import support  # noqa: E402
from evaluation_runs import BROKEN, BROKEN_PLUGIN  # noqa: E402
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


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reconstructors that raise and that die."""
    folder = tmp_path_factory.mktemp("broken")
    modules = {"broken_codecs": BROKEN, "broken_plugin": BROKEN_PLUGIN}
    points = {"broken": "broken_plugin"}
    support.install(folder, "gcodec-broken", modules, points=points)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two crops of a photograph under names that a file name may be."""
    from gcodec.pictures import save_image
    from gcodec.testing import pictures

    folder = tmp_path_factory.mktemp("two pictures")
    save_image(pictures.as_picture(pictures.photograph(40, 56)), folder / "-a b'$(c)\n.png")
    save_image(pictures.as_picture(pictures.photograph(48, 40)), folder / "ü.webp")
    return folder
