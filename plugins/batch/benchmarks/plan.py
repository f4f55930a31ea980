"""What a plan costs by itself, before a picture is touched: time, memory and bytes for each input (docs/billion.md).

    python plugins/batch/benchmarks/plan.py [--tars 20] [--samples 5000]

The tars hold a picture's name and a caption for each sample, with few bytes, so that time is that of listing.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import tarfile
import tempfile
import time
from pathlib import Path

from gcodec_batch._plan import Work, cut, read_plan, write_plan
from gcodec_batch._shard import _table, lost_files, made, rows_of
from gcodec_batch._sources import Item, find
from gcodec_batch._verbs import COLUMNS

_STATS = '{"count": 1000, "successes": 1000, "failed": 0, "status_dict": {}, "seconds": 1.0}'


def write(path: Path, samples: int) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(samples):
            for suffix in ("jpg", "txt"):
                about = tarfile.TarInfo(f"{number:09d}.{suffix}")
                about.size = 64
                tar.addfile(about, io.BytesIO(bytes(64)))


def rows(count: int) -> bytes:
    """A shard's table, of rows as an encode makes them."""
    stream = io.BytesIO()
    rng = random.Random(0)
    with _table(stream) as write:
        write(
            [
                {
                    **dict.fromkeys(COLUMNS, ""),
                    "key": f"00001{number:05d}",
                    "source": f"00001.tar/{number:09d}.jpg",
                    "status": "success",
                    "width": 512,
                    "height": 512,
                    "bytes": 9500 + rng.randrange(330),
                    "digest": rng.randbytes(32).hex(),
                    "quality": rng.random(),
                    "seconds": rng.random(),
                }
                for number in range(count)
            ]
        )
    return stream.getvalue()


def of_tree(folder: Path, items: list[Item]) -> float:
    """Seconds of processor for each input to see that a finished tree is all there."""
    (folder / ".gcodec-batch").mkdir(parents=True)
    work = Work("encode", ("ntc", {}), (), {"encode": {}, "session": {}}, ".png", False)
    plan = write_plan(folder, "in", work, cut(items, work, len(items)))
    (plan.state / "00000.parquet").write_bytes(rows(len(items)))
    shard = plan.shard(0)
    for output, row in zip(shard.inputs.outputs, rows_of(plan, shard), strict=True):
        path = folder / output
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(row["bytes"]))
    start = time.process_time()
    assert lost_files(plan, shard) == set()
    return (time.process_time() - start) / len(items)


def resident() -> int:
    """Bytes, the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> None:
    """Print one line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tars", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5000)
    asked = parser.parse_args()
    count = asked.tars * asked.samples
    work = Work("encode", ("ntc", {}), (), {"encode": {}, "session": {}}, ".png", True)
    with tempfile.TemporaryDirectory() as made_here:
        folder = Path(made_here, "in")
        folder.mkdir()
        for number in range(asked.tars):
            write(folder / f"{number:05d}.tar", asked.samples)
        state = Path(made_here, "out/.gcodec-batch")
        state.mkdir(parents=True)
        before, start = resident(), time.process_time()
        items = find(str(folder), lambda name: name.endswith(".jpg")).items
        assert len(items) == count
        print(f"listed: {1e6 * (time.process_time() - start) / count:.0f} us of processor an input")
        start = time.process_time()
        plan = write_plan(state.parent, "in", work, cut(items, work, 1000))
        print(
            f"planned: {1e6 * (time.process_time() - start) / count:.0f} us of processor an input"
        )
        print(f"memory: {(resident() - before) / count:.0f} bytes an input")
        size = (state / "plan").stat().st_size
        print(f"plan: {size / count:.0f} bytes an input")
        print(f"rows: {len(rows(1000)) / 1000:.0f} bytes an input in shards of 1000")
        for shard in plan.shards():
            (plan.folder / f"{shard.name}_stats.json").write_text(_STATS)
            for suffix in (".tar", ".parquet"):
                (plan.folder / f"{shard.name}{suffix}").touch()
        start = time.process_time()
        again = read_plan(plan.folder)
        assert again is not None and all(made(again, shard) for shard in again.shards())
        took = time.process_time() - start
        print(f"looked over again: {1e6 * took / count:.0f} us of processor an input")
        print(f"of a tree: {1e6 * of_tree(Path(made_here, 'tree'), items[:1000]):.0f} us")


if __name__ == "__main__":
    main()
