"""How long `gcodec decode` takes as a whole process, here and in another checkout, turn by turn in one run.

    git worktree add /tmp/before COMMIT
    python core/benchmarks/decoding.py /tmp/before FILE.gcx:latent_flow FILE.gcx:hfd [--repeats 3]

Both use this interpreter and the packages that are installed for it. Printed are the least wall and processor seconds of
each, and this checkout's over the other's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def decoded(root: Path, file: str, recon: str) -> tuple[float, float]:
    """Wall and processor seconds of one decode with the sources under `root`."""
    sources = [str(path) for path in root.glob("*/src")] + [
        str(path) for path in root.glob("plugins/*/src")
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sources)}
    with tempfile.TemporaryDirectory() as folder:
        words = ("decode", file, "--recon", recon, "-o", f"{folder}/out.png")
        begin, spent = time.perf_counter(), _children()
        subprocess.run(
            [sys.executable, "-m", "gcodec", *words], env=environment, check=True, stdout=-3
        )
        return time.perf_counter() - begin, _children() - spent


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="another checkout")
    parser.add_argument("pairs", nargs="+", metavar="FILE:RECON")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(
        f"{'':16}{'wall, before':>14}{'now':>8}{'ratio':>8}{'CPU, before':>14}{'now':>8}{'ratio':>8}"
    )
    for pair in given.pairs:
        file, _, recon = pair.rpartition(":")
        runs = [
            [decoded(root, file, recon) for root in (given.before, HERE)]
            for _ in range(given.repeats)
        ]
        shown = f"{recon:16}"
        for which in (0, 1):
            before, now = (min(run[side][which] for run in runs) for side in (0, 1))
            shown += f"{before:14.2f}{now:8.2f}{now / before:8.2f}"
        print(shown, flush=True)


if __name__ == "__main__":
    main()
