"""Decoding many files one by one and in a session, in one process: what it is worth to keep networks open.

    python core/benchmarks/session.py [FILES [EMBEDDING RECONSTRUCTOR]]

Prints the median time of a call, encoding and decoding, and the ratio. Nothing is asserted: the times are the machine's.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import gcodec


def median(call: Callable[[Any], Any], given: list[Any]) -> tuple[float, list[Any]]:
    """Return the median wall time of `call` in seconds over what is `given`, and what it returns."""
    times, made = [], []
    for one in given:
        start = time.perf_counter()
        made.append(call(one))
        times.append(time.perf_counter() - start)
    return statistics.median(times), made


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    embedding, reconstructor = sys.argv[2:4] or ("ntc", "flow")
    rng = np.random.default_rng(0)
    coarse = rng.random((count, 3, 8, 12), dtype=np.float32)
    pictures = [gcodec.Picture(p.repeat(16, 1).repeat(16, 2)) for p in coarse]
    gcodec.decode(gcodec.encode(pictures[0], embedding).data, reconstructor)  # libraries are loaded

    with gcodec.Session() as session:
        rows: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
            "separate calls": (gcodec.encode, gcodec.decode),
            "session": (session.encode, session.decode),
        }
        session.decode(session.encode(pictures[0], embedding).data, reconstructor)
        print(f"{embedding} -> {reconstructor}, {count} pictures of 192x128")
        print(f"{'':16}{'encode ms':>10}{'decode ms':>10}   (medians)")
        found = []
        for name, (encode, decode) in rows.items():
            sent, files = median(partial(encode, embedding=embedding), pictures)
            data = [file.data for file in files]
            got, _ = median(partial(decode, reconstructor=reconstructor), data)
            found.append((sent, got))
            print(f"{name:16}{1000 * sent:10.1f}{1000 * got:10.1f}")
        (sent, got), (sent_here, got_here) = found
        print(f"{'ratio':16}{sent / sent_here:10.2f}{got / got_here:10.2f}")


if __name__ == "__main__":
    main()
