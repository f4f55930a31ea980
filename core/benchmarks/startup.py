"""Wall time of commands that only tell, against an interpreter that does nothing and one that imports click.

    python core/benchmarks/startup.py [RUNS]

Prints the median of RUNS (10) and the ratio to the empty interpreter. Nothing is asserted: the times are the machine's.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gcodec_formats as gcx


def median(command: list[str], runs: int) -> float:
    """Return the median wall time of a command in seconds, after one run to warm the disk cache."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    header = gcx.Header(gcx.Identity(id=2, profile=1), gcx.Size(512, 768))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.gcx"
        file.write_bytes(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, bytes(10_000))])))
        script = Path(sys.executable).with_name("gcodec")
        gcodec = [str(script)] if script.exists() else [sys.executable, "-m", "gcodec"]
        cases = {
            "python -c pass": [sys.executable, "-c", "pass"],
            'python -c "import click"': [sys.executable, "-c", "import click"],
            "gcodec --help": [*gcodec, "--help"],
            "gcodec plugins": [*gcodec, "plugins"],
            "gcodec info FILE": [*gcodec, "info", str(file)],
        }
        found = {name: median(command, runs) for name, command in cases.items()}
    base = found["python -c pass"]
    print(f"{'':26}{'ms':>8}{'ratio':>8}   (median of {runs})")
    for name, seconds in found.items():
        print(f"{name:26}{1000 * seconds:8.0f}{seconds / base:8.1f}")


if __name__ == "__main__":
    main()
