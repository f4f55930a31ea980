"""Writes the test vectors of spec/ENTROPY.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/entropy/generate.py

A vector is NAME.json: tables, symbols and their stream, or a stream that a reader must refuse.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, Encoder, FrequencyTables, RowEncoder

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

TOTAL = 1 << PRECISION
WHOLE = 64  # symbols; of more there are the first and a digest

Row = list[int]
#: Numbers of tables, and symbols.
Batch = tuple[list[int], list[int]]


def row(weights: list[int]) -> Row:
    """Frequencies in proportion to integer weights; what is left over goes to the first."""
    made = [1 + w * (TOTAL - len(weights)) // sum(weights) for w in weights]
    made[0] += TOTAL - sum(made)
    return made


def geometric(size: int, numerator: int) -> Row:
    """A table of `size` entries whose weights fall by numerator / 16 from pair to pair."""
    weights = [1 << 40]
    for at in range(1, size):
        weights.append(weights[-1] * numerator // 16 if at % 2 else weights[-1])
    return row(weights)


EXAMPLE = [[8388608, 4194304, 4193280, 1024], [12582912, 2097152, 2097151, 1]]
COMMON = [*EXAMPLE, geometric(20, 12), geometric(60, 15), [TOTAL - 1, 1]]


def drawn(seed: int, count: int, spread: float) -> Batch:
    """`count` symbols under all of COMMON, about as large as `spread`."""
    rng = np.random.default_rng(seed)
    symbols = np.rint(rng.laplace(0, spread, count)).astype(int)
    return rng.integers(0, len(COMMON), count).tolist(), symbols.tolist()


def signed(tables: list[Row], *batches: Batch) -> dict[str, Any]:
    """Batches of signed symbols, and their stream."""
    encoder = Encoder(FrequencyTables(tables))
    for indices, symbols in batches:
        encoder.put(np.array(symbols, np.int64), np.array(indices, np.int64))
    return {
        "kind": "signed",
        "tables": tables,
        "batches": [{"tables": i, **symbols_of(s)} for i, s in batches],
        "stream": encoder.finish().hex(),
    }


def plain(tables: list[Row], symbols: list[int]) -> dict[str, Any]:
    """Symbols under a table each, and their stream."""
    encoder = RowEncoder()
    for frequencies, symbol in zip(tables, symbols, strict=True):
        encoder.put([symbol], [frequencies])
    return {
        "kind": "plain",
        "tables": tables,
        **symbols_of(symbols),
        "stream": encoder.finish().hex(),
    }


def symbols_of(symbols: list[int]) -> dict[str, Any]:
    """All of them, or the first and a digest over all as int32."""
    if len(symbols) <= WHOLE:
        return {"symbols": symbols}
    stored: NDArray[np.int32] = np.array(symbols, "<i4")
    return {
        "first": symbols[:16],
        "stored": "<i4",
        "sha256": hashlib.sha256(stored.tobytes()).hexdigest(),
    }


def refused(stream: str, indices: list[int]) -> dict[str, Any]:
    """A stream that no writer makes, asked for symbols under EXAMPLE."""
    return {
        "kind": "signed",
        "tables": EXAMPLE,
        "batches": [{"tables": indices}],
        "stream": stream,
        "error": "payload",
    }


def escape_of(k: int) -> str:
    """The stream of an escape under table 1 of EXAMPLE with this k, and low bits 0."""
    state = k << 19  # k under 32 equal frequencies, state 0 after it
    state = (state << PRECISION) + TOTAL - 1
    return state.to_bytes(8, "little").rstrip(b"\0").hex()


def vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and contents of each."""
    yield "signed-example", signed(EXAMPLE, ([1, 0, 0, 1], [1, 0, -1, -3]), ([1, 1], [2, -10]))
    yield "signed-empty", signed(EXAMPLE, ([], []))
    yield "signed-zeros", signed(EXAMPLE, ([0, 1] * 20, [0] * 40))
    yield "signed-zeros-last", signed(EXAMPLE, ([1, 0], [-1, 0]), ([0] * 30, [0] * 30))
    far = [s * v for v in (2, 3, 5, 100, 4095, 65537, 1 << 22) for s in (1, -1)]
    yield "signed-escapes", signed(EXAMPLE, ([0, 1] * 7, far))
    yield "signed-lone-bytes", signed(EXAMPLE, ([0], [-1]))
    yield "signed-many", signed(COMMON, drawn(1, 700, 2), drawn(2, 1, 9), drawn(3, 900, 30))
    rng = np.random.default_rng(4)
    sizes = [2, 3, 5, 16, 17, 200]
    rows = [row(rng.integers(0, 1000, sizes[i % 6]).tolist()) for i in range(40)]
    yield "plain-rows", plain(rows, [int(rng.integers(0, len(r))) for r in rows])
    yield "plain-zeros", plain([geometric(5, 9)] * 9, [0] * 9)
    yield "bad-zero-end", refused("ffffff00ffff1767ff9b704f08811000", [1, 0, 0, 1, 1, 1])
    yield "bad-more-words", refused("01" * 12, [0, 1])
    yield "bad-last-state", refused("0102030405060708", [0])
    yield "bad-escape-24", refused(escape_of(24), [1])
    yield "bad-escape-31", refused(escape_of(31), [1])


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, vectors(), write_once.lines)


if __name__ == "__main__":
    print(*write(), sep="\n")
