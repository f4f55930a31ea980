"""Writes the vectors of spec/embeddings/text_sketch.md that do not exist yet; an existing one is never written again.

python spec/vectors/embeddings/text_sketch/generate.py
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, bad, coded, main, picture, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402
from gcodec.entropy import RowDecoder  # noqa: E402
from gcodec_text_sketch import colour, sketch  # noqa: E402
from gcodec_text_sketch.embedding import CELLS, _take_apart  # noqa: E402


def numbers(found: Any) -> dict[str, Any]:
    """How many, the first, and the digest of all as int16."""
    stored = np.asarray(found, "<i2").ravel()
    digest = hashlib.sha256(stored.tobytes()).hexdigest()
    return {"count": stored.size, "first": stored[:16].tolist(), "sha256": digest}


def good(
    kind: str, width: int, height: int, level: int, text: str, **options: Any
) -> Callable[[], Vector]:
    """A picture, coded, and its symbols."""

    def make() -> Vector:
        how = {"text": text, **options}
        data = coded("text_sketch", picture(kind, width, height), level / 18, options=how)
        file = gcx.read(data)
        layer, size = file.bodies(gcx.MAIN)[0], file.header.size
        _, colours, _, _, rest = _take_apart(layer)
        stream = RowDecoder(rest, "text_sketch")
        steps = colour.get(size, 24 + 6 * level, stream) if colours else []
        cells = sketch.get(sketch.shape(size, CELLS[level]), stream)
        return data, {
            "summary": f"{kind} at level {level}",
            "caption": text,
            "level": level,
            "squared_error": layer[1],
            "steps": numbers(steps),
            "cells": numbers(cells),
        }

    return make


def damaged(summary: str, damage: Callable[[bytes], tuple[bytes, ...]]) -> Callable[[], Vector]:
    """A file with other layers."""

    def make() -> Vector:
        shown = picture("photo", 48, 32)
        data = coded("text_sketch", shown, 0.5, options={"text": "two parrots"})
        return bad(with_layers(data, *damage(gcx.read(data).bodies(gcx.MAIN)[0])), summary)

    return make


def settings(value: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """Another first byte."""
    return lambda layer: (bytes([value]) + layer[1:],)


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "one-sample", good("waves", 1, 1, 9, "")
    yield "photo", good("photo", 80, 56, 14, "a red parrot in front of a green forest")
    yield "coarsest", good("photo", 96, 64, 0, "two parrots")
    yield "finest", good("noise", 37, 50, 18, "grains of sand")
    yield "flat", good("flat", 100, 70, 6, "nothing")
    yield "tall", good("waves", 15, 120, 12, "")
    yield "wide", good("waves", 120, 15, 12, "")
    yield "no-colours", good("photo", 64, 64, 10, "eyes", colour="off")
    yield "long-caption", good("waves", 20, 20, 3, "".join(chr(0x3B1 + i % 25) for i in range(300)))
    yield "bad-empty", damaged("no bytes at all", lambda p: (b"",))
    yield "bad-short", damaged("two bytes", lambda p: (p[:2],))
    yield "bad-layers", damaged("two layers", lambda p: (p, p))
    yield "bad-level", damaged("level 19", settings(0x20 | 19))
    yield "bad-reserved", damaged("bit 7", settings(0xA9))
    yield "bad-long", damaged("LONG, and a length of 5", lambda p: (b"\x69\x50\x05\0" + p[3:],))
    yield "bad-caption-cut", damaged("a caption that ends early", lambda p: (p[:6],))
    yield "bad-caption", damaged("bytes that are no caption", lambda p: (p[:3] + b"\xff" + p[4:],))
    yield "bad-cut", damaged("the stream lacks its last four bytes", lambda p: (p[:-4],))
    yield "bad-zero", damaged("a zero byte behind the stream", lambda p: (p + b"\0",))
    yield "bad-more", damaged("four bytes more than the symbols need", lambda p: (p + b"more",))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
