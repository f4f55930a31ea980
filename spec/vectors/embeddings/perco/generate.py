"""Writes the test vectors of spec/embeddings/perco.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/perco/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, bad, coded, main, picture, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402


def good(kind: str, width: int, height: int, quality: float, text: str) -> Callable[[], Vector]:
    """A picture, coded."""

    def make() -> Vector:
        data = coded("perco", picture(kind, width, height), quality, options={"text": text})
        return data, {"summary": f"{kind} at quality {quality}", "caption": text}

    return make


def damaged(
    summary: str, damage: Callable[[bytes, bytes], tuple[bytes, ...]]
) -> Callable[[], Vector]:
    """A file with other layers than its tokens and its caption."""

    def make() -> Vector:
        data = coded("perco", picture("photo", 80, 56), 0.6, options={"text": "two parrots"})
        tokens, caption = gcx.read(data).bodies(gcx.MAIN)
        return bad(with_layers(data, *damage(tokens, caption)), summary)

    return make


def nothing() -> Vector:
    """A stream of no bytes is the most likely thing: tokens 0 of codebook 0."""
    data = coded("perco", picture("photo", 80, 56), 0.6, options={"text": "two parrots"})
    return with_layers(data, b""), {"summary": "no bytes at all: all digits are 0", "caption": ""}


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "one-sample", good("waves", 1, 1, 0.5, "")
    yield "coarse", good("photo", 150, 100, 0.2, "a red parrot")
    yield "fine", good("photo", 120, 70, 0.8, "")
    yield "finest", good("noise", 50, 90, 1.0, "grains of sand")
    yield "flat", good("flat", 200, 20, 0.0, "nothing")
    yield "nothing", nothing
    yield "bad-layers", damaged("three layers", lambda t, c: (t, c, c))
    yield "bad-caption-empty", damaged("an empty second layer", lambda t, c: (t, b""))
    yield "bad-caption", damaged("bytes that are no caption", lambda t, c: (t, b"\xff" + c))
    yield "bad-cut", damaged("the stream lacks its last four bytes", lambda t, c: (t[:-4], c))
    yield "bad-zero", damaged("a zero byte behind the stream", lambda t, c: (t + b"\0", c))
    yield (
        "bad-more",
        damaged("four bytes more than the symbols need", lambda t, c: (t + b"more", c)),
    )


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
