"""`--dtype auto`: what is faster here is measured once and remembered, and taken for pictures alone."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from gcodec.interfaces import Setup
from gcodec.models import Model, precision
from gcodec.models.cache import fetched
from gcodec.models.networks import open_space
from gcodec.pipeline.stage1 import build
from gcodec.plugin import NetworkSpec
from gcodec.registry import registry
from gcodec.run import Run


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing has been measured; the folder where it will be kept."""
    precision.faster.cache_clear()
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "precision"


def kept_as(folder: Path, ratio: object) -> None:
    """Let the next to ask find that this was measured."""
    precision.faster()
    (file,) = folder.iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "ratio": ratio}))
    precision.faster.cache_clear()


def test_it_is_measured_once_and_says_on_what(unknown: Path) -> None:
    first = precision.faster()
    (file,) = unknown.iterdir()
    assert json.loads(file.read_text()) == first._asdict()
    assert first.processor
    assert 0.05 < first.ratio < 500
    kept_as(unknown, 0.125)
    assert precision.faster()[2:] == (0.125,)


@pytest.mark.parametrize("ratio", [float("nan"), None, "often", [1], {}])
def test_what_was_spoilt_is_measured_anew(unknown: Path, ratio: object) -> None:
    kept_as(unknown, ratio)
    assert 0.05 < precision.faster().ratio < 500


def test_a_cache_that_cannot_be_written_is_done_without(
    unknown: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path / "file"))
    assert precision.faster().ratio > 0


def test_a_folder_where_it_would_lie_gets_no_company(unknown: Path) -> None:
    precision.faster()
    (file,) = unknown.iterdir()
    file.unlink()
    file.mkdir()
    precision.faster.cache_clear()
    assert precision.faster().ratio > 0
    assert [*unknown.rglob("*")] == [file]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN's word for x86")
def test_a_processor_without_bfloat16_computes_in_float32(tmp_path: Path) -> None:
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "GCODEC_CACHE": str(tmp_path)}
    script = "from gcodec.models.precision import faster; print(faster().dtype)"
    words = [sys.executable, "-c", script]
    assert subprocess.check_output(words, env=environment, text=True, timeout=120) == "float32\n"


class Echo:
    """A network or an embedding that knows what it was opened with."""

    def __init__(self, *given: Any) -> None:
        self.run: Run = given[0].run if isinstance(given[0], Setup) else given[1]


@pytest.fixture
def opened(unknown: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """(half, run) -> the run that a network is opened with, of a class whose spec says `half`."""
    import_module("gcodec.border")  # which is to keep the real one, whenever it is first imported
    monkeypatch.setattr("gcodec.registry.load_object", lambda owner, path: Echo)
    (tmp_path / "config.json").write_text('{"_class_name": "Echo"}')
    model = Model("echo", "0" * 64, tmp_path)
    kept_as(unknown, 0.5)

    def run_of(half: bool, run: Run) -> Run:
        spec = NetworkSpec("Echo", "space", "a toy", "a:b", half=half)
        monkeypatch.setitem(registry().networks, "Echo", spec)  # type: ignore[arg-type]
        space: Any = open_space(model, run)
        return cast(Run, space.run)

    return run_of


def test_auto_is_bfloat16_where_that_is_faster_and_as_good(opened: Any, unknown: Path) -> None:
    auto = Run(dtype="auto")
    assert auto.dtype == "float32"  # for all that do not ask
    assert opened(True, auto).dtype == "bfloat16"
    assert opened(False, auto).dtype == "float32"
    assert opened(False, opened(True, auto)).dtype == "float32"  # one that another has opened
    assert opened(True, Run()).dtype == opened(True, Run(dtype="float32")).dtype == "float32"
    assert opened(True, Run("cuda", "auto")).dtype == "float32"
    kept_as(unknown, 1.5)
    assert opened(True, Run(dtype="auto")).dtype == "float32"


def test_what_auto_means_here_can_be_asked_of_another_machine(opened: Any, unknown: Path) -> None:
    """Here bfloat16 is the faster, there it is not."""
    mixed = precision.settled("auto", "cpu")
    assert (mixed, precision.settled("auto", "cuda")) == ("mixed", "float32")
    assert precision.settled("float16", "cpu") == "float16"
    kept_as(unknown, 1.5)
    assert precision.settled("auto", "cpu") == "float32"
    assert opened(True, Run(dtype=mixed)).dtype == "bfloat16"
    assert opened(False, Run(dtype=mixed)).dtype == "float32"
    assert opened(True, Run("cuda", mixed)).dtype == "float32"


def test_a_user_without_a_home_does_without_a_cache(
    unknown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "GCODEC_CACHE", "XDG_CACHE_HOME":
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert precision.faster().ratio > 0
    assert not list(fetched())


def test_what_a_processor_is_faster_in_is_nothing_to_stage_1(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gcodec.pipeline.kept.load_object", lambda owner, path: Echo)
    made: Any = build(registry().embedding("jpeg"), Setup(Run(dtype="auto")))
    assert opened(True, made.setup.run).dtype == "float32"
