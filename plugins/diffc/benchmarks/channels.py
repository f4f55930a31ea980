"""What channel simulators convey, and how fast, each against DiffC's published scheme in the same run.

    python plugins/diffc/benchmarks/channels.py [--quick] [--threads 1 2] [--only trellis] [--markdown]

Targets are N(m, I) under N(0, I) in D dimensions with a KL of n bits. `bits` is the size of what is sent, whole bytes;
`conveyed` is A^2/2 in bits, per bit sent, for the way A = <z, m>/|m| that the sample z goes along m: 1 is ideal. Speeds
are of those bits, of the fastest of several runs: by processor time for one thread, which other work on the machine
hardly changes, and by the clock for more. `x chunked` is the ratio to the encoding speed of `chunked` with fresh
candidates, where that takes less than minutes. All simulators run on the CPU.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gcodec.channels import Channel, Common, Gaussian
from gcodec.errors import ChannelError
from gcodec.randomness import Randomness
from gcodec_diffc.channels import Antipodal, Chunked, Codebook, Hadamard, Orc, Pfr, Trellis


@dataclass(frozen=True)
class Simulator:
    """A row of the table: how to make the channel for n bits, and how much work it may be given."""

    name: str
    make: Callable[[int], Channel]
    normals: Callable[[int, int], float] = lambda dimensions, bits: 0  # to be drawn by the encoder
    most_bits: int = 5000


BASELINE = "chunked, fresh"
#: Others add theirs.
SIMULATORS = [
    Simulator(BASELINE, lambda n: Chunked(n), lambda d, n: d * 2.0 ** min(n + 2, 16)),
    Simulator("chunked, shared", lambda n: Chunked(n, fresh=False)),
    Simulator("orc, shared", lambda n: Orc(n, fresh=False)),
    Simulator("pfr", lambda n: Pfr(n), lambda d, n: 2e4 * d, most_bits=200),
    Simulator("trellis, 10", lambda n: Trellis(n, 10)),
    Simulator("trellis, 12", lambda n: Trellis(n, 12)),
    Simulator("trellis, 14", lambda n: Trellis(n, 14)),
    Simulator("trellis, 16", lambda n: Trellis(n, 16)),
    Simulator("antipodal, 14", lambda n: Antipodal(n, 14)),
    Simulator("antipodal, 16", lambda n: Antipodal(n, 16)),
    Simulator("codebook", lambda n: Codebook(blocks=max(n // 15, 1))),
    Simulator("codebook, one block", lambda n: Codebook(atoms=max(n // 10, 1))),
    Simulator("hadamard", lambda n: Hadamard(1 << 16, blocks=max(n // 17, 1))),
    Simulator("hadamard, one block", lambda n: Hadamard(1 << 20, atoms=max(n // 15, 1))),
]
DIMENSIONS, BITS = (64, 4096, 24_576, 393_216), (16, 64, 200, 1000, 5000)
QUICK = ((4096, 64), (24_576, 500))
MOST_NORMALS = 3e9
SECONDS, RUNS = 1.0, 8  # at most this many runs, and no new one after so long


def cases(quick: bool) -> list[tuple[int, int]]:
    """(D, n), where a bit has a dimension."""
    grid = [(d, n) for d in DIMENSIONS for n in BITS if n <= d]
    return list(QUICK) if quick else sorted([*grid, (24_576, 500)])


def measure(simulator: Simulator, dimensions: int, bits: int, clock: Callable[[], float]) -> Any:
    """bits sent, bits conveyed, seconds to encode, seconds to decode."""
    channel, reference = simulator.make(bits), Gaussian(np.zeros(dimensions, np.float32))
    norm = math.sqrt(2 * math.log(2) * bits)
    sent, conveyed, encode, decode = [], [], [], []
    started = time.perf_counter()
    while len(sent) < RUNS and (not sent or time.perf_counter() - started < SECONDS):
        m = np.random.default_rng(len(sent)).standard_normal(dimensions).astype(np.float32)
        m *= np.float32(norm / np.linalg.norm(m.astype(np.float64)))
        common = Common(Randomness(len(sent)), 1)
        times = [clock()]
        message = channel.simulate(Gaussian(m), reference, common)
        times.append(clock())
        z = channel.replay(message, reference, common)
        times.append(clock())
        sent.append(8 * len(message))
        conveyed.append((z.astype(np.float64) @ m / norm) ** 2 / 2 / math.log(2))
        encode.append(times[1] - times[0])
        decode.append(times[2] - times[1])
    return float(np.mean(sent)), float(np.mean(conveyed)), min(encode), min(decode)


def work(quick: bool, only: str) -> Iterator[tuple[Simulator, int, int]]:
    """What to measure, in order."""
    for dimensions, bits in cases(quick):
        for simulator in SIMULATORS:
            wanted = only in simulator.name or simulator.name == BASELINE
            drawn = simulator.normals(dimensions, bits)
            if wanted and bits <= simulator.most_bits and drawn <= MOST_NORMALS:
                yield simulator, dimensions, bits


def worker(arguments: argparse.Namespace) -> None:
    """Print a line of JSON for each measurement."""
    clock = time.process_time if arguments.worker == 1 else time.perf_counter
    for simulator, dimensions, bits in work(arguments.quick, arguments.only):
        try:
            found = measure(simulator, dimensions, bits, clock)
        except ChannelError:  # beyond what it can send
            found = ()
        print(json.dumps([simulator.name, dimensions, bits, *found]), flush=True)


def run(threads: int, arguments: list[str]) -> Iterator[list[Any]]:
    """The lines of a process that has so many threads."""
    names = ("OMP", "OPENBLAS", "MKL", "VECLIB")
    environment = os.environ | {f"{name}_NUM_THREADS": str(threads) for name in names}
    command = [sys.executable, __file__, "--worker", str(threads), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise SystemExit(process.returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two cases instead of all")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", default="", help="simulators whose names contain this")
    parser.add_argument("--markdown", action="store_true", help="for docs/channels.md")
    parser.add_argument("--worker", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments)
        return
    passed = ["--only", arguments.only, *(["--quick"] * arguments.quick)]
    todo = len(list(work(arguments.quick, arguments.only)))
    found: dict[tuple[str, int, int], list[list[float]]] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=todo * len(arguments.threads))
        for threads in arguments.threads:
            for name, dimensions, bits, *figures in run(threads, passed):
                if figures:
                    found.setdefault((name, dimensions, bits), []).append(figures)
                progress.update(task, advance=1, description=f"{name}, {dimensions}, {bits}")
    show(found, arguments.threads, arguments.markdown)


def show(
    found: dict[tuple[str, int, int], list[list[float]]], threads: list[int], markdown: bool
) -> None:
    """One line a measurement; the columns of speed are repeated for each number of threads."""
    heads = ["D", "n", "simulator", "bits", "conveyed"]
    for count in threads:
        heads += [f"{what}, {count}" for what in ("encode kbit/s", "decode kbit/s", "x chunked")]
    lines = []
    for (name, dimensions, bits), figures in found.items():
        sent, conveyed = figures[0][:2]
        line = [f"{dimensions:,}", str(bits), name, f"{sent:.0f}", f"{conveyed / sent:.3f}"]
        baseline = found.get((BASELINE, dimensions, bits))
        for index, (size, _, encode, decode) in enumerate(figures):
            line += [f"{size / encode / 1000:.3g}", f"{size / decode / 1000:.4g}"]
            if baseline:
                slow = baseline[index]
                line.append(f"{size / encode / (slow[0] / slow[2]):.3g}")
            else:
                line.append("")
        lines.append(line)
    if markdown:
        for line in (heads, ["---"] * len(heads), *lines):
            print("| " + " | ".join(line) + " |")
        return
    table = Table()
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index == 2 else "right")
    for line in lines:
        table.add_row(*line)
    Console().print(table)


if __name__ == "__main__":
    main()
