"""Writes the test vectors of spec/embeddings/tokens.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/tokens/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, bad, coded, main, picture, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402
from gcodec.entropy import RowEncoder  # noqa: E402
from gcodec.run import Run  # noqa: E402

Layers = tuple[bytes, ...]


def good(
    kind: str, width: int, height: int, quality: float, seed: int = 0, complete: bool = True
) -> Callable[[], Vector]:
    """A picture, coded."""

    def make() -> Vector:
        pixels = picture(kind, width, height)
        run = Run(seed=seed)
        data = coded("tokens", pixels, quality, run=run, options={"complete": complete})
        filled = f"completed with seed {seed}" if complete else "with holes"
        return data, {"summary": f"{kind} at quality {quality}, {filled}"}

    return make


def changed(
    summary: str, change: Callable[[Layers], Layers], quality: float = 0.9, refused: bool = True
) -> Callable[[], Vector]:
    """A file with other layers than a picture's."""

    def make() -> Vector:
        data = coded("tokens", picture("photo", 120, 88), quality)
        made = with_layers(data, *change(gcx.read(data).bodies(gcx.MAIN)))
        return bad(made, summary) if refused else (made, {"summary": summary})

    return make


def lacking(number: int) -> Callable[[Layers], Layers]:
    """A layer 0 that says that it lacks so many tokens."""
    stream = RowEncoder()
    stream.put([0, 1], [[2**24 - 2**16, 2**16]] * 2)
    stream.put([number], [[2**16] * 256])
    return lambda _: (stream.finish(),)


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "one-sample", good("waves", 1, 1, 1.0)
    yield "nothing", good("photo", 120, 88, 0.0)
    yield "few", good("photo", 150, 100, 0.4)
    yield "most", good("photo", 120, 70, 0.9, 7)
    yield "all", good("noise", 50, 90, 1.0)
    yield "holes", good("photo", 120, 70, 0.7, complete=False)
    yield "line", good("waves", 300, 1, 0.6)
    yield "cut", changed("only the first layer of a file", lambda x: x[:1], refused=False)
    yield (
        "empty",
        changed("a stream of no bytes: whole, all digits 0", lambda x: (b"",), 0.9, False),
    )
    yield "bad-layers", changed("more layers than there are places", lambda x: (*x, *x, *x))
    yield "bad-behind", changed("a layer behind one that lacks tokens", lambda x: (*x, x[-1]), 0.8)
    yield "bad-lacks", changed("a layer of 64 that lacks 65 tokens", lacking(65))
    yield "bad-lacks-none", changed("a layer that lacks 0 tokens and says so", lacking(0))
    yield "bad-cut", changed("the last stream lacks four bytes", lambda x: (*x[:-1], x[-1][:-4]))
    yield "bad-zero", changed("a zero byte behind a stream", lambda x: (x[0] + b"\0", *x[1:]))
    yield "bad-more", changed("four bytes more than is read", lambda x: (x[0] + b"more", *x[1:]))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
