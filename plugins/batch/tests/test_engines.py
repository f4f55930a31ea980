"""Engines of strangers, and what they may do wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import cast

import pytest
from data_sets import contents, report

from gcodec.models import precision
from gcodec.progress import silent
from gcodec_batch._engine import EngineError, Make, Means, opened
from gcodec_batch._plan import Work, read_plan
from gcodec_batch._run import Request
from gcodec_batch._run import batch as run

Batch = Callable[..., CompletedProcess[str]]
QUICK = ("--embed", "jpeg", "--quality", "0.3")
README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a distribution with this text as the module of the engine `own`."""

    def installed(text: str) -> None:
        about = tmp_path / "site/own-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[gcodec_batch.engines]\nown = own:engine\n")
        (tmp_path / "site/own.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', '')}")

    return installed


def test_the_engine_of_the_readme(
    photos: Path, tmp_path: Path, batch: Batch, install: Callable[[str], None]
) -> None:
    (block,) = re.findall(
        r"(?:^    .*\n|^\n)*^    from gcodec_batch import Keeper\n(?:^    .*\n|^\n)*", README, re.M
    )
    install(re.sub("^    ", "", block, flags=re.M))
    made = batch("encode", photos, "out", *QUICK, "--engine", "own", "--json")
    assert (made.returncode, report(made)["made_now"]) == (21, 7), made.stderr
    batch("encode", photos, "whole", *QUICK)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("import nothing_like_it", 4, "plugin 'own' cannot be used: ModuleNotFoundError"),
        ("engine = None", 18, "engine 'own' of own: TypeError"),
        (
            "from contextlib import nullcontext\n"
            "def engine(means): return nullcontext(lambda plan, shards, tell: None)",
            12,
            "shard 00000 is not whole",
        ),
        (
            "from contextlib import nullcontext\n"
            "def engine(means): return nullcontext(lambda plan, shards, tell: 1 / 0)",
            18,
            "engine 'own' of own: ZeroDivisionError",
        ),
    ],
)
def test_what_an_engine_does_wrong_is_one_line(
    photos: Path, batch: Batch, install: Callable[[str], None], text: str, status: int, said: str
) -> None:
    install(text)
    made = batch("encode", f"{photos}/*.png", "out", *QUICK, "--engine", "own")
    assert made.returncode == status
    (line,) = made.stderr.strip().splitlines()
    assert said in line


@pytest.mark.parametrize(("ratio", "precise"), [(0.5, "mixed"), (2.0, "float32")])
def test_machines_of_a_run_compute_in_one_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ratio: float, precise: str
) -> None:
    """Whatever they are faster in themselves: `--dtype auto` is what it meant where the run began."""
    pytest.importorskip("torch")
    monkeypatch.setattr("gcodec.pipeline.session.Session", dict)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/0.gcx").write_bytes(b"")
    session = {"device": "cpu", "dtype": "auto"}
    work = Work("decode", (), (), {"session": session}, ".png", False)
    for number, here in enumerate((ratio, 1 / ratio)):
        said = precision.Precision("some", "1.0", here)
        monkeypatch.setattr(precision, "faster", lambda said=said: said)
        for update in False, True:
            if update:
                (tmp_path / f"in/new{number}.gcx").touch()
            request = Request(str(tmp_path / "in"), tmp_path / "out", work, update=update)
            with pytest.raises(EngineError):
                run(request, idle, Means(), silent)
            plan = read_plan(tmp_path / "out")
            assert plan
            assert cast("dict[str, str]", opened(plan)) == {"device": "cpu", "dtype": precise}


@contextmanager
def idle(means: Means) -> Iterator[Make]:
    """An engine that makes nothing."""
    yield lambda plan, shards, tell: None
