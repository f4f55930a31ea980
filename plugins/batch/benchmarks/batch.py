"""`gcodec batch` beside a loop over `gcodec encode`, in one run: pictures a second.

    python plugins/batch/benchmarks/batch.py [FOLDER] [--embed ntc] [--bpp 0.3] [--loop 8] [--jobs 2]

Without a folder, 60 crops of 512x512 are made of a test picture. The loop takes the first `--loop` pictures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def seconds(*words: str | Path) -> float:
    """Wall time of a command."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "gcodec", *map(str, words)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
    return time.perf_counter() - start


def crops(folder: Path, count: int) -> None:
    """Pictures of 512x512, each another part of one photograph made twice as large."""
    from PIL import Image

    image = Image.open(ROOT / "tests/images/kodim23.png")
    image = image.resize((2 * image.width, 2 * image.height), Image.Resampling.LANCZOS)
    for n in range(count):
        x, y = 13 * n % (image.width - 512), 29 * n % (image.height - 512)
        image.crop((x, y, x + 512, y + 512)).save(folder / f"{n:04d}.png")


def main() -> None:
    """Print one line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--embed", default="ntc")
    parser.add_argument("--bpp", default="0.3")
    parser.add_argument("--loop", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    how = ("--embed", asked.embed, "--bpp", asked.bpp)
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder
        if folder is None:
            folder = Path(made, "pictures")
            folder.mkdir()
            crops(folder, 60)
        files = sorted(path for path in folder.iterdir() if path.is_file())
        few = files[: asked.loop]
        loop = sum(
            seconds("encode", file, "-o", Path(made, f"{n}.gcx"), *how)
            for n, file in enumerate(few)
        ) / len(few)
        print(f"loop over `gcodec encode`: {1 / loop:.2f} pictures/s")
        for jobs in sorted({1, asked.jobs}):
            took = seconds(
                "batch", "encode", folder, Path(made, f"out{jobs}"), *how, "--jobs", str(jobs)
            )
            rate = len(files) / took
            print(f"batch, {jobs} jobs: {rate:.2f} pictures/s, {rate * loop:.1f} times the loop")


if __name__ == "__main__":
    main()
