"""Pictures that go through networks together: the same groups after whatever happened, hence the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_sets import Run, at_file, contents, data_of, picture, report
from PIL import Image

import gcodec
from gcodec import Session
from gcodec_batch import Made, Means, Plan, make
from gcodec_batch._crew import engine
from gcodec_batch._plan import Work, cut, write_plan
from gcodec_batch._shard import rows_of
from gcodec_batch._sources import find


def files(folder: Path) -> None:
    """Eleven files of two shapes and one that is damaged, in no order."""
    folder.mkdir()
    for seed in range(11):
        shape = picture(seed).crop((0, 0, 48, 40 if seed % 3 else 48))
        made = gcodec.encode(data_of(shape), "jpeg", target=gcodec.Target(quality=0.3))
        (folder / f"{seed:02d}.gcx").write_bytes(made.data)
    (folder / "04.gcx").write_bytes((folder / "04.gcx").read_bytes()[:-5])


def planned(
    tmp_path: Path,
    name: str,
    together: int = 3,
    recon: str = "latent_flow",
    tars: bool = False,
) -> Plan:
    """A plan of one shard."""
    (tmp_path / name / ".gcodec-batch").mkdir(parents=True)
    settings: dict[str, Any] = {"decode": {}, "session": {}}
    options: dict[str, Any] = {} if recon == "preview" else {"steps": 1}
    work = Work("decode", (), (recon, options), settings, ".png", tars, together=together)
    items = find(str(tmp_path / "in"), lambda name: name.endswith(".gcx")).items
    return write_plan(tmp_path / name, "in", work, cut(items, work, 20))


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures `latent_flow` was given, call by call."""
    from gcodec_flow.latent import LatentFlow

    seen: list[int] = []
    alone = LatentFlow.reconstruct_all

    def counted(self: LatentFlow, several: Any, size: Any) -> Any:
        seen.append(len(several))
        return alone(self, several, size)

    monkeypatch.setattr(LatentFlow, "reconstruct_all", counted)
    return seen


class Died(Exception):
    """As a process does."""


@pytest.mark.parametrize("tars", [False, True])
def test_a_run_that_was_killed_forms_the_same_groups(
    tmp_path: Path, groups: list[int], tars: bool
) -> None:
    files(tmp_path / "in")
    with Session() as session:
        assert make(planned(tmp_path, "whole", tars=tars), 0, session) == Made(11, 1)
        assert sorted(groups) == [1, 3, 3, 3]  # 0 3 6, 9; 1 2 5, 7 8 10
        whole = contents(tmp_path / "whole")
        plan = planned(tmp_path, "killed", tars=tars)
        for last in (0, 5, 4, 7):

            def die(word: str, index: int, count: int, last: int = last) -> None:
                if (word, index) == ("end", last):
                    raise Died

            with pytest.raises(Died):
                make(plan, 0, session, die)
        groups.clear()
        assert make(plan, 0, session) == Made(11, 1)
        assert groups == [3, 1], "of what was done already only the mates of what was not"
    assert contents(tmp_path / "killed") == whole


def test_each_picture_is_what_it_is_alone_but_for_rounding(tmp_path: Path) -> None:
    files(tmp_path / "in")
    with Session() as session:
        make(planned(tmp_path, "three"), 0, session)
        make(planned(tmp_path, "one", 1), 0, session)
    names = list(contents(tmp_path / "one"))
    assert names == list(contents(tmp_path / "three")) and len(names) == 10
    for name in names:
        one, three = (
            np.asarray(Image.open(tmp_path / run / name), np.int16) for run in ("one", "three")
        )
        assert abs(one - three).max() <= 1


def test_what_cannot_be_done_together_is_done_alone_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gcodec_flow.latent import LatentFlow

    files(tmp_path / "in")
    alone = LatentFlow.reconstruct_all

    def small(self: LatentFlow, several: Any, size: Any) -> Any:
        if len(several) > 1:
            raise MemoryError
        return alone(self, several, size)

    with Session() as session:
        make(planned(tmp_path, "one", 1), 0, session)
        monkeypatch.setattr(LatentFlow, "reconstruct_all", small)
        plan = planned(tmp_path, "three")
        assert make(plan, 0, session) == Made(11, 1)
    assert contents(tmp_path / "one") == contents(tmp_path / "three")
    rows = rows_of(plan, plan.shard(0))
    assert [row["warning"] for row in rows if "together it was MemoryError" in row["warning"]]
    assert rows[4]["status"] == "failed" and rows[9]["warning"] == ""


def test_a_file_that_ends_processes_takes_nobody_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not known which of a group it was until each is done alone."""
    files(tmp_path / "in")
    plan = planned(tmp_path, "out", recon="preview")
    at_file("07.gcx", "os.kill(os.getpid(), 9)", tmp_path, monkeypatch)
    with engine(Means(jobs=1, threads=1)) as make_all:
        make_all(plan, [0], lambda more: None)
    rows = rows_of(plan, plan.shard(0))
    failed = {row["source"]: row["error"] for row in rows if row["status"] != "success"}
    assert set(failed) == {"04.gcx", "07.gcx"}
    assert failed["07.gcx"].startswith("WorkerError: 2 processes ended")


def test_the_number_is_part_of_what_a_run_is_made_with(
    tmp_path: Path, batch: Callable[..., Run]
) -> None:
    files(tmp_path / "in")
    words = ("decode", "in", "out", "--recon", "preview")
    made = batch(*words, "--together", "3", "--picture-seconds", "50", "--json")
    assert (made.returncode, report(made)["made_now"]) == (21, 11), made.stderr
    assert batch(*words, "--together", "3").returncode == 21
    refused = batch(*words)
    assert refused.returncode == 2
    assert "together was 3, now 1" in refused.stderr
