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

FEW = {"steps": 3, "codebook": 6, "method": "threshold"}
ROWS = {"steps": 3, "method": "hadamard"}


def bad(summary: str, damage: Callable[[bytes], tuple[bytes, ...]]) -> Callable[[], Vector]:
    """A file of blocks of one atom out of 2^6, damaged."""
    return damaged("ddcm", summary, damage, **FEW)


def rows(
    summary: str, damage: Callable[[bytes], tuple[bytes, ...]], atoms: int = 1
) -> Callable[[], Vector]:
    """A file of blocks of rows of transforms, damaged."""
    return damaged("ddcm", summary, damage, **ROWS, codebook=10, atoms=atoms)


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "photo", good("ddcm", "photo", 40, 24, 0.5, **FEW)
    yield "shortest", good("ddcm", "waves", 8, 8, 0.0, **FEW)
    yield "atoms", good("ddcm", "photo", 30, 50, 0.8, **FEW, atoms=5, coefficients=2)
    yield (
        "pursuit",
        good("ddcm", "photo", 48, 24, 0.8, **FEW | {"method": "pursuit"}, atoms=4, coefficients=3),
    )
    yield "hadamard", good("ddcm", "photo", 40, 24, 0.8, **ROWS, codebook=10)
    yield "hadamard-one", good("ddcm", "photo", 40, 24, 0.9, **ROWS, codebook=18, atoms=0)
    yield "hadamard-pixel", good("ddcm", "waves", 1, 1, 1.0, **ROWS, codebook=22)
    yield (
        "hadamard-levels",
        good("ddcm", "photo", 30, 50, 0.8, **ROWS, codebook=7, atoms=5, coefficients=3),
    )
    yield "bad-empty", bad("no bytes at all", lambda p: (b"",))
    yield "bad-head", bad("6 bytes", lambda p: (p[:6],))
    yield "bad-atoms", bad("65 atoms of 64", lambda p: (p[:2] + b"\0\x40" + p[4:],))
    yield "bad-uses", bad("fewer blocks than steps", lambda p: (p[:4] + b"\0\0\0" + p[7:],))
    yield "bad-many", bad("more blocks than there are", lambda p: (p[:4] + b"\xff\0\0" + p[7:],))
    yield "bad-cut", bad("a layer that ends within a step", lambda p: (p[:-1],))
    yield "bad-more", bad("a byte after the last step", lambda p: (p + b"\0",))
    yield "bad-layer", bad("a layer without a step", lambda p: (p, b""))
    yield "bad-entries", rows("2^23 codewords", lambda p: (bytes([p[0] & 224 | 22]) + p[1:],))
    yield "bad-rows", rows("a 513th atom of 2^10", lambda p: (p[:2] + b"\x82\0" + p[4:],))
    yield "bad-rank", rows("a rank beyond the last", lambda p: (p[:8] + b"\xff\xff" + p[10:],), 3)
    yield "bad-padding", bad("bits that are not zero", lambda p: (p[:-1] + bytes([p[-1] | 1]),))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
