"""`gcodec batch` beside a loop over `gcodec encode` and `gcodec decode`, in one run: pictures a second, processor time.

    python plugins/batch/benchmarks/batch.py [FOLDER] [--embed ntc] [--recon bridge] [--bpp 0.3] [--loop 8] [--jobs 1,2]

Without a folder, `--count` crops of 512x512 are made of a test picture. The loop takes the first `--loop` pictures. On a
machine that others use, processor time tells more than pictures a second. The largest memory of a worker is looked for until
50 pictures are done, and from then on (Linux).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
#: From this picture on memory is to be flat.
SETTLED = 50


class Taken(NamedTuple):
    """What a command took: seconds, seconds of processors, and MB of a worker until `SETTLED` pictures are done, then until
    the last is, and while their rows are written."""

    seconds: float
    processor: float
    memory: tuple[int, int, int]


def run(*words: str | Path, watched: Path | None = None, total: int = 0) -> Taken:
    """Run a command of gcodec; `watched` is where its outputs come to be, `total` of them."""
    start, times = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "gcodec", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    largest = [0, 0, 0]
    while process.poll() is None:
        if watched:
            done = sum(path.is_file() for path in watched.glob("*.*"))
            most = max((memory(worker) for worker in children(process.pid)), default=0)
            part = (done > SETTLED) + (done >= total)
            largest[part] = max(largest[part], most)
        time.sleep(0.2 if watched else 0.01)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    now = os.times()
    processor = (
        now.children_user + now.children_system - times.children_user - times.children_system
    )
    return Taken(time.perf_counter() - start, processor, (largest[0], largest[1], largest[2]))


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    with suppress(OSError):
        lists = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(number) for one in lists for number in one.read_text().split()]
    return []


def memory(pid: int) -> int:
    """MB that a process has in memory."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
    return 0


def crops(folder: Path, count: int) -> None:
    """Pictures of 512x512, each another part of one photograph made twice as large."""
    from PIL import Image

    photo = Image.open(ROOT / "tests/images/kodim23.png")
    image = photo.resize((2 * photo.width, 2 * photo.height), Image.Resampling.LANCZOS)
    for n in range(count):
        x, y = 13 * n % (image.width - 512), 29 * n % (image.height - 512)
        image.crop((x, y, x + 512, y + 512)).save(folder / f"{n:04d}.png")


def compare(
    verb: str, folder: Path, made: Path, how: tuple[str, ...], loop: int, jobs: list[int]
) -> None:
    """Print a line for the loop, and one for each number of jobs."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    few = files[:loop]
    suffix = ".gcx" if verb == "encode" else ".png"
    each = [run(verb, file, "-o", made / f"{verb}{n}{suffix}", *how) for n, file in enumerate(few)]
    seconds = sum(one.seconds for one in each) / len(few)
    processor = sum(one.processor for one in each) / len(few)
    print(
        f"loop over `gcodec {verb}`: {1 / seconds:.2f} pictures/s, {processor:.3f} s of processor each"
    )
    for number in jobs:
        out = made / f"{verb}{number}"
        took = run(
            "batch", verb, folder, out, *how, "--jobs", str(number), watched=out, total=len(files)
        )
        rate, each_took = len(files) / took.seconds, took.processor / len(files)
        first, later, rows = took.memory
        print(
            f"batch, {number} jobs: {rate:.2f} pictures/s, {rate * seconds:.1f} times the loop;"
            f" {each_took:.3f} s of processor each, a loop's {processor / each_took:.1f} times;"
            f" MB of a worker: {first} up to picture {SETTLED}, {later} to the last, {rows} at its rows"
        )


def main() -> None:
    """Encode, then decode what was encoded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--embed", default="ntc")
    parser.add_argument("--recon", default="bridge")
    parser.add_argument("--bpp", default="0.3")
    parser.add_argument("--loop", type=int, default=8)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--jobs", default="1,2")
    asked = parser.parse_args()
    jobs = [int(number) for number in asked.jobs.split(",")]
    with tempfile.TemporaryDirectory() as room:
        made = Path(room)
        folder = asked.folder
        if folder is None:
            folder = made / "pictures"
            folder.mkdir()
            crops(folder, asked.count)
        compare(
            "encode", folder, made, ("--embed", asked.embed, "--bpp", asked.bpp), asked.loop, jobs
        )
        compare(
            "decode", made / f"encode{jobs[0]}", made, ("--recon", asked.recon), asked.loop, jobs
        )


if __name__ == "__main__":
    main()
