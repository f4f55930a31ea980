"""Normals per second of the common randomness, against NumPy's Philox generator and torch.randn in the same run.

    python core/benchmarks/randomness.py [MILLIONS]

Prints the best of seven for MILLIONS (4) normals in one row, in blocks of 256 rows as a picture is filled, and the ratio
to the library's own generator of the same array type. Nothing is asserted: the times are the machine's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from gcodec.randomness import Domain, Randomness

RUNS = 7


def best(work: Callable[[], object], synchronize: Callable[[], None] = lambda: None) -> float:
    """Seconds of the fastest of RUNS runs, after one to warm up."""
    times = []
    for _ in range(RUNS + 1):
        synchronize()
        start = time.perf_counter()
        work()
        synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def report(name: str, n: int, seconds: float, baseline: float) -> None:
    print(f"{name:44}{n / seconds / 1e6:12.1f}{seconds / baseline:10.2f}")


def main() -> None:
    n = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 4_000_000
    n -= n % 256
    ours = Randomness(1)
    rows = range(256)
    print(f"{'':44}{'Mnormals/s':>12}{'x time':>10}   (best of {RUNS}, {n / 1e6:.1f} million)")

    library = np.random.Generator(np.random.Philox(1))
    baseline = best(lambda: library.standard_normal(n, dtype=np.float32))
    report("numpy Generator(Philox).standard_normal", n, baseline, baseline)
    report("numpy, one row", n, best(lambda: ours.normal(Domain.CODEBOOK, 0, 0, n)), baseline)
    many = best(lambda: ours.normal(Domain.CODEBOOK, 0, rows, n // 256))
    report("numpy, 256 rows", n, many, baseline)

    if not find_spec("torch"):
        return
    import torch

    from gcodec.randomness import _rows, _torch

    devices = ["cpu, threads: 1", "cpu, threads: 2"] + ["cuda"] * torch.cuda.is_available()
    for device in devices:
        name, _, threads = device.partition(", threads: ")
        torch.set_num_threads(int(threads or 1))
        wait = torch.cuda.synchronize if name == "cuda" else lambda: None
        there = ours.on(name)
        shape, place = (n,), torch.device(name)
        baseline = best(lambda: torch.randn(shape, device=place), wait)  # noqa: B023
        report(f"torch.randn, {device}", n, baseline, baseline)
        one = best(lambda: there.normal(Domain.CODEBOOK, 0, 0, n), wait)  # noqa: B023
        report(f"torch {device}, one row", n, one, baseline)
        many = best(lambda: there.normal(Domain.CODEBOOK, 0, rows, n // 256), wait)  # noqa: B023
        report(f"torch {device}, 256 rows", n, many, baseline)
        if name == "cpu":  # what `on("cpu")` leaves to NumPy
            asked = _rows.request("normal", 1, Domain.CODEBOOK, 0, 0, n, 0)
            own = best(lambda: _torch.compute(asked, place))  # noqa: B023
            report(f"torch {device}, by torch's operations", n, own, baseline)


if __name__ == "__main__":
    main()
