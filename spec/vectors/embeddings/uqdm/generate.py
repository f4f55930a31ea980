"""Writes the test vectors of spec/embeddings/uqdm.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/uqdm/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
sys.path += [
    str(HERE.parent),
    str(ROOT / "plugins" / "diffc" / "tests"),
    str(ROOT / "core" / "tests"),
]

from files import Vector, bad, coded, main, picture, samples  # noqa: E402
from test_uqdm_text import read  # noqa: E402

import gcodec_formats as gcx  # noqa: E402


def good(kind: str, width: int, height: int, layers: int, **how: Any) -> Callable[[], Vector]:
    """A picture, coded: how many symbols are sent, the first of them, and samples of the preview."""

    def make() -> Vector:
        data = coded("uqdm", picture(kind, width, height), (layers - 1) / 16, **how)
        sent = read(data)[0].symbols
        facts = {"summary": f"{kind}, {layers} layers", "sent": len(sent), "first": sent[:16]}
        return data, facts | samples(data)

    return make


def damaged(summary: str, damage: Callable[[list[bytes]], list[bytes]]) -> Callable[[], Vector]:
    """A file of three layers with others in their place."""

    def make() -> Vector:
        file = gcx.read(coded("uqdm", picture("photo", 20, 12), 2 / 16))
        header = gcx.Header(file.header.identity, file.header.size)
        layers = [gcx.Segment(gcx.MAIN, layer) for layer in damage(list(file.bodies(gcx.MAIN)))]
        return bad(gcx.write(gcx.File(header, layers, progressive=True)), summary)

    return make


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    from gcodec.run import Run

    yield "one-sample", good("waves", 1, 1, 17)
    yield "first", good("photo", 90, 70, 1)
    yield "step", good("photo", 45, 33, 4)
    yield "lossless", good("photo", 24, 16, 17)
    yield "seed", good("noise", 9, 30, 6, run=Run(seed=5))
    yield "strips", good("flat", 200, 180, 4)  # 9000 details of level 1 in a channel
    # 8194 details of level 1 in a channel: the last strip has 2, and fewer cells than the first.
    yield "strip-short", good("flat", 482, 68, 4, run=Run(seed=10))
    yield "bad-empty", damaged("an empty layer", lambda ls: [*ls[:2], b""])
    yield "bad-many", damaged("18 layers", lambda ls: [ls[0]] * 18)
    yield "bad-cut", damaged("a stream lacks its last byte", lambda ls: [ls[0], ls[1][:-1]])
    yield "bad-zero", damaged("a zero byte behind a stream", lambda ls: [ls[0], ls[1] + b"\0"])
    yield "bad-more", damaged("four bytes too many", lambda ls: [ls[0] + b"more"])
    yield "bad-order", damaged("layers in another order", lambda ls: [ls[1], ls[0], ls[2]])


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
