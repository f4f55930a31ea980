"""Seconds of a processor that a picture takes alone and among others of its shape, and how far apart the two pictures are.

    python plugins/batch/benchmarks/together.py [--device cuda] [--recon bridge,latent_flow] [--sizes 1,4,8]

On a CPU `--engine` leaves the engine of graphs on, which takes one picture at a time; without it torch runs the networks.
Times are the least of three; on another device they are wall time.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FILES = 8


def main() -> None:
    """Print a row for each reconstructor, side and number."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--embed", default="ntc")
    parser.add_argument("--recon", default="bridge,latent_flow")
    parser.add_argument("--sides", default="256,512")
    parser.add_argument("--sizes", default="1,4,8")
    parser.add_argument("--engine", action="store_true")
    asked = parser.parse_args()
    if not asked.engine:
        os.environ["GCODEC_DISABLE"] = "gcodec-light"
    clock = time.process_time if asked.device == "cpu" else time.perf_counter

    import numpy as np

    import gcodec

    photo = gcodec.load_image(ROOT / "tests/images/kodim23.png").pixels
    for side in map(int, asked.sides.split(",")):
        crops = [np.roll(photo, 31 * n, axis=2)[:, :side, :side].copy() for n in range(FILES)]
        target = gcodec.Target(bpp=0.3)
        with gcodec.Session(device=asked.device) as session:
            pictures = [gcodec.Picture(crop) for crop in crops]
            files: Any = [
                made.data for made in session.encode(pictures, asked.embed, target=target)
            ]
            for recon in asked.recon.split(","):
                first: Any = None
                for size in map(int, asked.sizes.split(",")):
                    best = float("inf")
                    for _ in range(3):
                        start = clock()
                        made = session.decode(files, recon, together=size)
                        best = min(best, clock() - start)
                    shown = np.stack([one.picture.pixels for one in made])
                    first = shown if first is None else first
                    apart = 255 * float(np.abs(shown - first).max())
                    print(
                        f"{recon} {side}x{side}, {size} together: {1000 * best / FILES:.0f} ms a picture,"
                        f" {apart:.5f} levels from {asked.sizes.split(',')[0]}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
