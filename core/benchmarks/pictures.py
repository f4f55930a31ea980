"""Time and memory of reading and writing a photograph of 16 megapixels, against Pillow's own and an empty process.

    python core/benchmarks/pictures.py [PROCESSES]

Times are processor time of the first call of a process and of the best of three more, the least of PROCESSES (3), and their
ratios to Pillow's; "floats" is what it takes to fill as many float32 samples. Peak memory is what a process took beyond one
that imported the same and did nothing, picture and file included, as a ratio to the samples. Nothing is asserted: the times
are the machine's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import gcodec
from gcodec.pictures import load_image, save_image

SIZE = 3264, 4896
SAMPLES = 3 * 4 * SIZE[0] * SIZE[1]
KINDS = ("jpg", "png")


def photograph(folder: Path) -> None:
    """Something as smooth and as noisy as a photograph, in both formats."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (34, 51, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(SIZE[::-1], Image.Resampling.BICUBIC)).astype(np.int16)
    noisy = smooth + rng.integers(-4, 5, (*SIZE, 1), dtype=np.int16)
    image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    image.save(folder / "photo.jpg", quality=92)
    image.save(folder / "photo.png", compress_level=4)
    load_image(folder / "photo.png").pixels.tofile(folder / "photo.f32")


def case(name: str, folder: Path) -> Callable[[], object]:
    """The call of a row, with what it needs made."""
    who, _, kind = name.partition(" ")
    path = folder / f"photo.{kind}"
    if who == "nothing":
        return lambda: None
    if who == "floats":
        return lambda: np.empty(SAMPLES // 4, np.float32).fill(0.5)
    if who == "Pillow-reads":
        return lambda: Image.open(path).load()
    if who == "reads":
        return lambda: load_image(path)
    if who == "Pillow-writes":
        image = Image.open(folder / "photo.png")
        image.load()
        settings = {"jpg": {"quality": 95, "subsampling": "4:4:4"}, "png": {"compress_level": 4}}
        return lambda: image.save(folder / f"out.{kind}", **settings[kind])
    pixels = np.fromfile(folder / "photo.f32", np.float32).reshape(3, *SIZE)
    picture = gcodec.Picture(pixels)
    return lambda: save_image(picture, folder / f"out.{kind}", force=True)


def resident() -> int:
    """The most memory that this process has had so far, in bytes; Linux."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def measure(name: str, folder: Path) -> None:
    """Print seconds of the first call and of the best further one, and the peak in bytes after the first."""
    call = case(name, folder)
    times, peak = [], 0
    for _ in range(4):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
        peak = peak or resident()
    print(json.dumps([times[0], min(times[1:]), peak]))


def main(processes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photograph(Path(folder))

        def run(name: str) -> tuple[float, float, int]:
            command = [sys.executable, __file__, "--case", name, folder]
            found = []
            for _ in range(processes):
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found.append(json.loads(done.stdout))
            first, best, peak = (min(column) for column in zip(*found, strict=True))
            return first, best, peak

        empty = run("nothing")[2]
        print(f"{'':18}{'first ms':>10}{'ratio':>7}{'best ms':>10}{'ratio':>7}{'peak/samples':>14}")
        first, best, peak = run("floats")
        print(
            f"{'floats':18}{1e3 * first:10.0f}{'':7}{1e3 * best:10.0f}{'':7}"
            f"{(peak - empty) / SAMPLES:14.2f}"
        )
        for what in ("reads", "writes"):
            for kind in KINDS:
                theirs = run(f"Pillow-{what} {kind}")
                ours = run(f"{what} {kind}")
                print(
                    f"{what + ' ' + kind:18}{1e3 * ours[0]:10.0f}{ours[0] / theirs[0]:7.2f}"
                    f"{1e3 * ours[1]:10.0f}{ours[1] / theirs[1]:7.2f}"
                    f"{(ours[2] - empty) / SAMPLES:14.2f}"
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
