"""Processor seconds of `bridge` a megapixel, and memory, as pictures grow.

    python plugins/flow/benchmarks/sizes.py [--model base/bridge] [--tile 1024]

Each size has a process of its own. The last column is the cost a megapixel over that of 1024x1024, in the same run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time

import numpy as np

from gcodec.interfaces import Setup
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec_flow.reconstructor import Bridge

SIZES = ((1024, 1024), (1712, 2272), (4000, 6000))


def measured(model: str, tile: int, height: int, width: int) -> tuple[float, float]:
    """Seconds a megapixel, the best of two, and the process's peak in GB."""
    bridge = Bridge(Setup(Run(), {"steps": 2, "tile": tile}, ModelStore.installed().find(model)))
    # Its speed does not depend on what is in the picture.
    y = np.random.default_rng(0).random((3, height, width), np.float32)
    bridge.residuals([y[:, :64, :64]], [0.05])
    best = float("inf")
    for _ in range(2):
        begin = time.process_time()
        bridge.residuals([y], [0.05])
        best = min(best, time.process_time() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return best / (height * width / 1e6), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="base/bridge", help="name or folder")
    parser.add_argument("--tile", type=int, default=1024)
    given = parser.parse_args()
    print("     picture      s/MP   peak GB   over the first")
    first = 0.0
    for height, width in SIZES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            cost, peak = pool.apply(measured, (given.model, given.tile, height, width))
        first = first or cost
        print(f"{width:7}x{height:<5}{cost:9.3f}{peak:10.2f}{cost / first:12.2f}", flush=True)


if __name__ == "__main__":
    main()
