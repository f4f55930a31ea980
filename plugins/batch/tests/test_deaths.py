"""Processes that die, disks that are full, runs that meet: nothing is lost, and made twice only what was in flight."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from data_sets import LONG, at_file, contents, four, picture, report, sixty, start

from gcodec import Session
from gcodec.errors import OutputError
from gcodec_batch import Keeper, Made, Means, in_flight, make
from gcodec_batch._crew import engine
from gcodec_batch._plan import STATE, Inputs, Work, write_plan
from gcodec_batch._shard import rows_of
from gcodec_batch._sources import find

Batch = Callable[..., CompletedProcess[str]]
QUICK = ("--embed", "webp", "--bpp", "2")
#: Kills of one run of each kind; GCODEC_KILLS=30 takes minutes.
_KILLS = int(os.environ.get("GCODEC_KILLS", "6"))


def workers(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status[1]) == parent and b"gcodec_batch._worker" in command:
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("layout", [(), ("--tars", "--shard-size", "8")])
def test_killed_at_random_it_ends_as_an_unbroken_run(
    tmp_path: Path, batch: Batch, layout: tuple[str, ...]
) -> None:
    (tmp_path / "in").mkdir()
    for seed in range(40):
        picture(seed, 160).save(tmp_path / "in" / f"{seed:02d}.png")
    (tmp_path / "in/bad.png").write_bytes(b"bad")
    whole = batch("encode", "in", "whole", *QUICK, *layout)
    assert whole.returncode == 21
    rng = random.Random(3)
    for number in range(_KILLS):
        run = start(tmp_path, "encode", "in", "killed", *QUICK, *layout, "--jobs", "2")
        time.sleep(0.4 + rng.random())
        found = workers(run.pid)
        victim = run.pid if number % 2 or not found else rng.choice(found)
        os.kill(victim, signal.SIGKILL)
        if victim != run.pid:
            time.sleep(0.3 * rng.random())
            run.kill()
        run.wait()
        until = time.monotonic() + 10
        while any(map(_alive, found)):  # one that has just been started may take its time
            assert time.monotonic() < until
            time.sleep(0.05)
    last = batch("encode", "in", "killed", *QUICK, *layout, "--json", jobs=2)
    assert report(last)["count"] == 41
    assert report(last)["failed"] == 1
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    left = [p.name for p in (tmp_path / "killed").rglob("*") if ".part" in p.name]
    assert not left
    assert not list((tmp_path / "killed/.gcodec-batch").glob("*.journal"))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_done_is_not_done_again(tmp_path: Path, batch: Batch) -> None:
    sixty(tmp_path)
    run = start(tmp_path, *LONG, "--jobs", "1")
    until = time.monotonic() + 60
    while len(contents(tmp_path / "out")) < 5 and time.monotonic() < until:
        time.sleep(0.05)
    run.kill()
    run.wait()
    time.sleep(0.2)
    before = {
        name: (tmp_path / "out" / name).stat().st_mtime_ns
        for name in contents(tmp_path / "out")
        if not Path(name).name.startswith(".")
    }
    assert 5 <= len(before) < 60
    last = batch(*LONG, "--json")
    assert last.returncode == 0
    again = [n for n, t in before.items() if (tmp_path / "out" / n).stat().st_mtime_ns != t]
    assert len(again) <= 1, "but for what was in flight"


def test_a_worker_that_was_given_up_for_dead_spoils_nothing(tmp_path: Path) -> None:
    """A node that was cut off goes on with a shard that another has begun again."""
    plan = four(tmp_path, tars=True)
    rest: list[Made] = []

    def another(word: str, index: int, well: bool) -> None:
        if (word, index) == ("begin", 2):
            assert in_flight(plan, 0) == (2, 2)
            with Session() as session:
                rest.append(make(plan, 0, session))

    with Session() as session:
        assert make(plan, 0, session, another) == Made(4, 0)
    assert rest == [Made(4, 0)]
    assert [row["source"] for row in rows_of(plan, plan.shard(0))] == [f"{n}.png" for n in range(4)]
    assert not list((tmp_path / "out/.gcodec-batch").glob("*.journal"))


def test_of_two_workers_on_one_shard_the_first_gives_up(tmp_path: Path) -> None:
    plan = four(tmp_path, tars=True)

    class Died(Exception):
        pass

    def another(word: str, index: int, well: bool) -> None:
        def die(word: str, index: int, well: bool) -> None:
            if (word, index) == ("end", 2):
                raise Died

        if (word, index) == ("begin", 2):
            with Session() as session, pytest.raises(Died):
                make(plan, 0, session, die)

    with Session() as session, pytest.raises(OutputError, match="begun shard 00000 again"):
        make(plan, 0, session, another)
    with Session() as session:
        assert in_flight(plan, 0) == (3, 3)
        assert make(plan, 0, session) == Made(4, 0)


def test_files_that_a_power_cut_took_are_made_again(tmp_path: Path) -> None:
    """The journal speaks of three; of one the end is lost, of one all."""
    plan = four(tmp_path)

    class Cut(Exception):
        pass

    def cut_power(word: str, index: int, well: bool) -> None:
        if (word, index) == ("end", 2):
            raise Cut

    again: list[int] = []
    with Session() as session:
        with pytest.raises(Cut):
            make(plan, 0, session, cut_power)
        whole = contents(tmp_path / "out")
        (tmp_path / "out/0.gcx").write_bytes(b"")
        (tmp_path / "out/1.gcx").unlink()
        make(
            plan, 0, session, lambda word, index, _: again.append(index) if word == "end" else None
        )
    assert again == [0, 1, 3]
    assert {name: contents(tmp_path / "out")[name] for name in whole} == whole


def test_rows_are_read_in_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of Arrow's that lets go of the file as the process ends would abort it, once in some hundred runs."""
    plan = four(tmp_path)
    with Session() as session:
        make(plan, 0, session)
    readers = set()

    class Watched(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            readers.add(threading.get_ident())
            return super().read(-1 if size is None else size)

    real = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *how, **more: (
            Watched(path) if path.suffix == ".parquet" else real(path, *how, **more)
        ),
    )
    assert len(rows_of(plan, plan.shard(0))) == 4
    assert readers == {threading.get_ident()}


def test_an_input_that_ends_processes_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that takes all memory."""
    plan = four(tmp_path)
    at_file("2.png", "os.kill(os.getpid(), 9)", tmp_path, monkeypatch)
    told: list[int] = []
    with engine(Means(jobs=1, threads=1)) as make_all:
        make_all(plan, [0], told.append)
    rows = rows_of(plan, plan.shard(0))
    assert [row["status"] for row in rows] == ["success", "success", "failed", "success"]
    assert rows[2]["error"].startswith("WorkerError: 2 processes ended")
    assert sorted(p.name for p in (tmp_path / "out").glob("*.gcx")) == ["0.gcx", "1.gcx", "3.gcx"]
    assert told == [1, 1, 1, 1]


def test_an_input_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = four(tmp_path)
    at_file("1.png", "time.sleep(60)", tmp_path, monkeypatch)
    told: list[int] = []
    start = time.monotonic()
    with engine(Means(jobs=1, threads=1, seconds=1.0)) as make_all:
        make_all(plan, [0], told.append)
    assert time.monotonic() - start < 45
    rows = rows_of(plan, plan.shard(0))
    assert [row["status"] for row in rows] == ["success", "failed", "success", "success"]
    assert rows[1]["error"] == "TimeoutError: not done in 1.0 s"
    assert told == [1, 1, 1, 1]
    assert sorted(p.name for p in (tmp_path / "out").glob("*.gcx")) == ["0.gcx", "2.gcx", "3.gcx"]


def test_a_worker_that_died_after_its_last_file_leaves_no_journal(tmp_path: Path) -> None:
    (tmp_path / "0.gcx").write_bytes(b"")
    work = Work("decode", (), (), {"session": {}}, ".png", False)
    state = tmp_path / "out" / STATE
    state.mkdir(parents=True)
    inputs = [Inputs([item], ["0.png"]) for item in find(str(tmp_path), lambda name: True).items]
    write_plan(tmp_path / "out", str(tmp_path), work, inputs)
    with Keeper(tmp_path / "out", 1, lambda more: None) as keeper:
        made = keeper.make(0)
        (state / "00000.journal").write_bytes(b"")
        assert keeper.make(0) == made
    assert not list(state.glob("*.journal"))


def test_ctrl_c(tmp_path: Path, batch: Batch) -> None:
    sixty(tmp_path)
    run = start(
        tmp_path,
        *LONG,
        "--jobs",
        "2",
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until = time.monotonic() + 60
    # Five files: two of them may be in flight, there but not in a journal yet.
    while len(list(tmp_path.glob("out/[0-9]*.gcx"))) < 5 and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert (run.returncode, said.strip()) == (130, "gcodec: interrupted")
    done = report(batch(*LONG, "--json"))
    assert 0 < int(str(done["made_now"])) <= 57
