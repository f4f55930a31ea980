"""Writes the test vectors of spec/RANDOMNESS.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/randomness/generate.py

A vector is NAME.json: what to ask for, the first elements of the answer and the SHA-256 of all. `philox4x32_10.txt` is
Random123's and not written here.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gcodec.randomness import Randomness

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

KINDS = {  # stored type, and the denominator over which `first` counts
    "bits": ("<u4", 1),
    "normal": ("<f4", 2**20),
    "uniform": ("<f4", 2**24),
    "dither": ("<f4", 2**24),
    "signs": ("<f4", 1),
    "permutation": ("<u4", 1),
}
SEED = 0xFEDCBA9876543210
WORD = 0xFFFFFFFF


def questions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and arguments of every vector."""
    for kind in KINDS:
        ask = {"kind": kind, "seed": "0x1", "domain": 1, "a": 0, "b": 0}
        rows = {"kind": kind, "seed": hex(SEED), "domain": WORD, "a": WORD, "b": [0, 1, WORD]}
        if kind == "permutation":
            yield f"{kind}-plain", ask | {"n": 1000}
            yield f"{kind}-rows", rows | {"n": 257}
            continue
        last = (2**39 if kind == "signs" else 2**34) - 1000
        yield f"{kind}-plain", ask | {"start": 0, "shape": [1000]}
        yield f"{kind}-rows", rows | {"start": 77, "shape": [5, 7, 11]}
        yield f"{kind}-end", ask | {"domain": 2, "a": 3, "b": 4, "start": last, "shape": [1000]}
    million = {"kind": "normal", "seed": "0x1", "domain": 1, "a": 0, "b": 0, "start": 0}
    yield "normal-million", million | {"shape": [1_000_000]}


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    """What a reader must find: shape, first elements, digest."""
    randomness = Randomness(int(ask["seed"], 16))
    place = (ask["domain"], ask["a"], ask["b"])
    if ask["kind"] == "permutation":
        values: np.ndarray[Any, Any] = randomness.permutation(*place, ask["n"])
    else:
        values = getattr(randomness, ask["kind"])(*place, tuple(ask["shape"]), ask["start"])
    stored, denominator = KINDS[ask["kind"]]
    first = values.ravel()[:16].astype(np.float64) * denominator
    return {
        "answer": list(values.shape),
        "first": [int(value) for value in first],
        "denominator": denominator,
        "stored": stored,
        "sha256": hashlib.sha256(values.astype(stored).tobytes()).hexdigest(),
    }


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, questions(), lambda ask: write_once.lines(ask | answer(ask)))


if __name__ == "__main__":
    print(*write(), sep="\n")
