"""What Ray costs: `gcodec batch` with two workers, by processes and by a cluster of this machine, in turns.

    python plugins/ray/benchmarks/overhead.py [--embed ntc] [--pictures 60] [--rounds 3]

Prints processor time, of all processes of both ways and of Ray's own, and the wall time of the best round. The second row of
each takes the beginning off: what a picture more costs. The machine may be busy: processor time is what can be compared.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "plugins/ray/tests"))
sys.path.insert(0, str(ROOT / "plugins/batch/benchmarks"))

from batch import crops  # noqa: E402
from clusters import ADDRESS, Cluster  # noqa: E402

TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


class Meter:
    """Processor time of all that ever ran in the namespace, looked at five times a second: Ray waits for no child."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.seen: dict[tuple[int, str], int] = {}
        self.memory: dict[str, int] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.seconds()
            time.sleep(0.2)

    def seconds(self) -> float:
        """So far."""
        for pid in self.cluster.room.processes(""):
            with suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self.seen[pid, stat[19]] = int(stat[11]) + int(stat[12])
                name = Path(f"/proc/{pid}/cmdline").read_bytes()
                for kind in ("gcodec_batch._worker", "gcodec_ray._driver", "ray::Node"):
                    if kind.encode() in name:
                        self.memory[kind] = max(self.memory.get(kind, 0), int(stat[21]) * PAGE)
        return sum(list(self.seen.values())) / TICKS


def main() -> None:
    """Print two lines for each way, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embed", default="ntc")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    try:
        cluster = Cluster()
    except OSError as error:
        sys.exit(f"nothing is measured: {error}")
    meter = Meter(cluster)
    ways = {"processes": (), "ray": ("--engine", "ray", "--address", ADDRESS)}
    sizes = (asked.pictures // 4, asked.pictures)
    spent: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as made:
        for size in sizes:
            folder = Path(made, str(size))
            folder.mkdir()
            crops(folder, size)
        for number in range(asked.rounds):
            for size in sizes:
                for way, words in ways.items():
                    command = (sys.executable, "-m", "gcodec", "batch", "encode", str(size))
                    how = (f"{way}-{size}-{number}", "--embed", asked.embed, "--bpp", "0.3")
                    wall, before = time.perf_counter(), meter.seconds()
                    run = cluster.room.run(*command, *how, *words, "--jobs", "2", cwd=made)
                    if run.returncode:
                        sys.exit(run.stderr)
                    wall = time.perf_counter() - wall
                    time.sleep(2)  # until what it started in the cluster has ended
                    one = (meter.seconds() - before, wall)
                    spent.setdefault((way, size), []).append(one)
                    print(f"  {way}, {size} pictures: {one[0]:.1f} s of processor, {wall:.1f} s")
    cluster.close()
    for kind, size in meter.memory.items():
        print(f"{kind}: {size >> 20} MB at most")
    best = {key: tuple(map(min, zip(*rounds, strict=True))) for key, rounds in spent.items()}
    small, large = sizes
    for what, index in (("processor", 0), ("wall", 1)):
        whole = {way: best[way, large][index] for way in ways}
        more = {
            way: (best[way, large][index] - best[way, small][index]) / (large - small)
            for way in ways
        }
        for name, found in ((f"{large} pictures", whole), ("each picture more", more)):
            ratio = found["ray"] / found["processes"] - 1
            print(
                f"{what}, {name}: processes {found['processes']:.3f} s, ray {found['ray']:.3f} s, {ratio:+.0%}"
            )


if __name__ == "__main__":
    main()
