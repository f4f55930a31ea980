"""Writes the test vectors of spec/embeddings/ddcm.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/ddcm/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, main  # noqa: E402
from steps import damaged, good  # noqa: E402

FEW = {"steps": 3, "codebook": 6}


def bad(summary: str, damage: Callable[[bytes], tuple[bytes, ...]]) -> Callable[[], Vector]:
    """A file of blocks of one atom out of 2^6, damaged."""
    return damaged("ddcm", summary, damage, **FEW)


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "photo", good("ddcm", "photo", 40, 24, 0.5, **FEW)
    yield "shortest", good("ddcm", "waves", 8, 8, 0.0, **FEW)
    yield "atoms", good("ddcm", "photo", 30, 50, 0.8, **FEW, atoms=5, coefficients=2)
    yield (
        "pursuit",
        good("ddcm", "photo", 48, 24, 0.8, **FEW, atoms=4, method="pursuit", coefficients=3),
    )
    yield "bad-empty", bad("no bytes at all", lambda p: (b"",))
    yield "bad-head", bad("6 bytes", lambda p: (p[:6],))
    yield "bad-atoms", bad("65 atoms of 64", lambda p: (p[:2] + b"\0\x40" + p[4:],))
    yield "bad-uses", bad("fewer blocks than steps", lambda p: (p[:4] + b"\0\0\0" + p[7:],))
    yield "bad-many", bad("more blocks than there are", lambda p: (p[:4] + b"\xff\0\0" + p[7:],))
    yield "bad-cut", bad("a layer that ends within a step", lambda p: (p[:-1],))
    yield "bad-more", bad("a byte after the last step", lambda p: (p + b"\0",))
    yield "bad-layer", bad("a layer without a step", lambda p: (p, b""))
    yield "bad-padding", bad("bits that are not zero", lambda p: (p[:-1] + bytes([p[-1] | 1]),))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
