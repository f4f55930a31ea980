"""A worker's memory: what it has at picture 50 it has at the last, when the rows are written too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from data_sets import at_file, picture

from gcodec_batch import Keeper, Plan
from gcodec_batch._plan import Work, cut, write_plan
from gcodec_batch._sources import find

#: From this picture on memory is to be flat.
SETTLED = 50
COUNT, SIDE = 170, 192
#: Of a leak that kept one array of float32 [3, SIDE, SIDE] for each picture, a quarter.
ALLOWED_MB = (COUNT - SETTLED) * 12 * SIDE**2 / 4 / 1e6


def planned(tmp_path: Path) -> Plan:
    """A plan of one shard of pictures of two sizes."""
    (tmp_path / "in").mkdir()
    for number in range(COUNT):
        path = tmp_path / f"in/{number:03d}.png"
        if number < 4:
            picture(number, SIDE - 16 * (number % 2)).save(path)
        else:
            path.write_bytes((tmp_path / f"in/{number % 4:03d}.png").read_bytes())
    (tmp_path / "out/.gcodec-batch").mkdir(parents=True)
    settings = {"encode": {"target": {"quality": 0.3}}, "session": {}}
    work = Work("encode", ("jpeg", {}), (), settings, ".png", True)
    items = find(str(tmp_path / "in"), lambda name: name.endswith(".png")).items
    return write_plan(tmp_path / "out", "in", work, cut(items, work, COUNT))


def growth(plan: Plan) -> float:
    """MB that a worker has more after its shard than at picture `SETTLED`."""
    seen: list[float] = []
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if done == SETTLED:
            seen.append(resident(keeper))

    with Keeper(plan.folder, 1, tell) as keeper:
        keeper.make(0)
        assert done == COUNT
        return resident(keeper) - seen[0]


def resident(keeper: Keeper) -> float:
    process = keeper._process
    assert process is not None
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


@pytest.mark.skipif(sys.platform != "linux", reason="looks for memory in /proc")
@pytest.mark.parametrize("leaks", [False, True])
def test_memory_is_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaks: bool) -> None:
    """A leak of an array for each picture would be seen."""
    plan = planned(tmp_path)
    if leaks:
        keep = f"files.__dict__.setdefault('kept', []).append(b'x' * {12 * SIDE**2})"
        at_file("png", keep, tmp_path, monkeypatch)

    assert (growth(plan) > ALLOWED_MB) is leaks
