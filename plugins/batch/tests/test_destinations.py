"""Destinations that others are at work on, that are full, or that vanish: one line, and the run goes on later."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from data_sets import LONG, four, report, sixty, start

from gcodec import Session
from gcodec.errors import OutputError
from gcodec_batch import Keeper, Made, make
from gcodec_batch._engine import locked
from gcodec_batch._plan import STATE, Inputs, Work, write_plan
from gcodec_batch._sources import find

Batch = Callable[..., CompletedProcess[str]]
QUICK = ("--embed", "webp", "--bpp", "2")


def test_two_runs_on_one_destination(photos: Path, tmp_path: Path, batch: Batch) -> None:
    with locked(tmp_path / "out"):
        second = batch("encode", photos, "out", *QUICK)
    assert second.returncode == 8
    assert "another run is at work on it" in second.stderr
    assert not (tmp_path / "out").exists(), "neither has begun"
    assert batch("encode", photos, "out", *QUICK).returncode == 21


def test_who_opened_a_lock_before_it_was_removed_has_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run looks at the lock as another is refused and leaves nothing: the first needs another, or a third would run."""
    import gcodec_batch._engine as engines

    real, turns = engines._lock, []

    def lock(number: int, folder: Path) -> None:
        turns.append(number)
        if len(turns) == 1:
            with locked(folder):  # and gone again, with its file
                pass
        real(number, folder)

    monkeypatch.setattr(engines, "_lock", lock)
    with (
        locked(tmp_path / "out"),
        pytest.raises(OutputError, match="another run"),
        locked(tmp_path / "out"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    """A limit on the size of files stands for a full disk: both fail in `write`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    command = [
        sys.executable,
        "-m",
        "gcodec",
        "batch",
        "encode",
        str(photos),
        "out",
        *QUICK,
        "--jobs",
        "1",
    ]
    made = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1200, before[1])),
    )
    assert made.returncode == 8, made.stderr
    assert made.stderr.strip().splitlines()[-1].startswith("gcodec: cannot write ")
    assert not list(tmp_path.rglob("*.part"))
    whole = batch("encode", photos, "out", *QUICK, "--json")
    assert report(whole)["failed"] == 1


@pytest.mark.parametrize("where", ["os.fsync", "gcodec_batch._journal.Journal.append"])
def test_a_full_disk_has_one_wording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Whether a file of a shard does not fit, or a record of a journal."""
    plan = four(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(where, full)
    with Session() as session, pytest.raises(OutputError, match=r"out.*: the disk is full$"):
        make(plan, 0, session)
    monkeypatch.undo()
    with Session() as session:
        assert make(plan, 0, session) == Made(4, 0)


def test_a_destination_that_vanishes(tmp_path: Path, batch: Batch) -> None:
    sixty(tmp_path)
    run = start(tmp_path, *LONG, "--tars", stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("out/.gcodec-batch/*.journal")) and time.monotonic() < until:
        time.sleep(0.05)
    shutil.rmtree(tmp_path / "out")
    _, said = run.communicate(timeout=120)
    assert run.returncode == 8
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("gone", [False, True], ids=["before a worker", "before a shard"])
def test_a_worker_that_finds_nothing_says_so(tmp_path: Path, gone: bool) -> None:
    """The destination vanished: that is no death of a process, and what is left of it gets no file more."""
    (tmp_path / "0.gcx").write_bytes(b"")
    work = Work("decode", (), (), {"session": {}}, ".png", False)
    (tmp_path / "out" / STATE).mkdir(parents=True)
    inputs = [Inputs([item], ["0.png"]) for item in find(str(tmp_path), lambda name: True).items]
    write_plan(tmp_path / "out", str(tmp_path), work, inputs)
    with Keeper(tmp_path / "out", 1, lambda more: None) as keeper:
        if gone:
            keeper.make(0)
            (tmp_path / "out" / STATE / "00000_stats.json").unlink()
        (tmp_path / "out" / STATE / "plan").unlink()
        with pytest.raises(OutputError, match=r"there is no plan|No such file"):
            keeper.make(0)
