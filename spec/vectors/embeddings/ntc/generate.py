"""Writes the test vectors of spec/embeddings/ntc.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/ntc/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, bad, coded, main, picture, samples, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402


def good(kind: str, width: int, height: int, quality: float) -> Callable[[], Vector]:
    """A picture, coded."""

    def make() -> Vector:
        data = coded("ntc", picture(kind, width, height), quality)
        return data, {"summary": f"{kind} at quality {quality}", **samples(data)}

    return make


def damaged(summary: str, damage: Callable[[bytes], tuple[bytes, ...]]) -> Callable[[], Vector]:
    """A file with other layers."""

    def make() -> Vector:
        data = coded("ntc", picture("photo", 33, 17), 0.6)
        return bad(with_layers(data, *damage(gcx.read(data).bodies(gcx.MAIN)[0])), summary)

    return make


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "one-sample", good("waves", 1, 1, 0.5)
    yield "waves", good("waves", 33, 17, 0.8)
    yield "photo", good("photo", 80, 56, 0.6)
    yield "coarsest", good("photo", 96, 64, 0.0)
    yield "finest", good("noise", 18, 20, 1.0)
    yield "flat", good("flat", 100, 70, 0.7)
    yield "gray", good("gray", 16, 31, 0.3)
    yield "bad-empty", damaged("no bytes at all", lambda p: (b"",))
    yield "bad-head", damaged("one byte", lambda p: (p[:1],))
    yield "bad-cut", damaged("the stream lacks its last four bytes", lambda p: (p[:-4],))
    yield "bad-zero", damaged("a zero byte behind the stream", lambda p: (p + b"\0",))
    yield "bad-more", damaged("four bytes more than the symbols need", lambda p: (p + b"more",))
    yield "bad-layers", damaged("two layers", lambda p: (p, p))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
