"""Writes the test vectors of spec/embeddings/ntc.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/ntc/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, bad, coded, main, picture, samples, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402
from gcodec.entropy import Encoder  # noqa: E402
from gcodec.errors import PayloadError  # noqa: E402
from gcodec.models import ModelStore  # noqa: E402
from gcodec_ntc.linear.codec import LinearCodec  # noqa: E402
from gcodec_ntc.linear.contexts import Visit  # noqa: E402


def good(kind: str, width: int, height: int, quality: float, **how: str) -> Callable[[], Vector]:
    """A picture, coded."""

    def make() -> Vector:
        data = coded("ntc", picture(kind, width, height), quality, **how)
        return data, {"summary": f"{kind} at quality {quality}", **samples(data)}

    return make


def linear() -> LinearCodec:
    """The linear mode of profile 7."""
    model = ModelStore.installed().find("base/ntc_range")
    return LinearCodec(model.tensors(), model.config["trade"])


def coarsest() -> Vector:
    """The first step, which the encoder's scale of qualities leaves to the networks."""
    shown, codec = picture("photo", 96, 64), linear()
    payload = codec.encode(codec.analyse(shown.pixels), 0)
    data = with_layers(coded("ntc", shown, 0.9), payload)
    return data, {"summary": "photo at step 0 of the linear mode", **samples(data)}


def far() -> Vector:
    """A coefficient of 32768, a step more than there may be."""
    codec = linear()
    encoder = Encoder(codec.contexts.tables)

    def choose(visit: Visit) -> np.ndarray:
        symbols = np.zeros(visit.index.shape, np.int32)
        if visit.chain:
            symbols[:] = 32768
        encoder.put(symbols, visit.index)
        return symbols

    with suppress(PayloadError):  # it is the reader's refusal as well; what was put is enough
        codec.contexts.code(18, 1, 1, choose)
    data = coded("ntc", picture("waves", 1, 1), 0.9)
    layer = codec.head(18, 100) + encoder.finish()
    return bad(with_layers(data, layer), "a coefficient of 32768 steps")


def damaged(
    summary: str, damage: Callable[[bytes], tuple[bytes, ...]], quality: float = 0.6, **how: str
) -> Callable[[], Vector]:
    """A file with other layers."""

    def make() -> Vector:
        data = coded("ntc", picture("photo", 33, 17), quality, **how)
        return bad(with_layers(data, *damage(gcx.read(data).bodies(gcx.MAIN)[0])), summary)

    return make


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    networks = {"model": "base/ntc"}
    yield "one-sample", good("waves", 1, 1, 0.5, **networks)
    yield "waves", good("waves", 33, 17, 0.8, **networks)
    yield "photo", good("photo", 80, 56, 0.6, **networks)
    yield "coarsest", good("photo", 96, 64, 0.0, **networks)
    yield "finest", good("noise", 18, 20, 1.0, **networks)
    yield "flat", good("flat", 100, 70, 0.7, **networks)
    yield "gray", good("gray", 16, 31, 0.3, **networks)
    yield "bad-empty", damaged("no bytes at all", lambda p: (b"",), **networks)
    yield "bad-head", damaged("one byte", lambda p: (p[:1],), **networks)
    yield (
        "bad-cut",
        damaged("the stream lacks its last four bytes", lambda p: (p[:-4],), **networks),
    )
    yield "bad-zero", damaged("a zero byte behind the stream", lambda p: (p + b"\0",), **networks)
    yield (
        "bad-more",
        damaged("four bytes more than the symbols need", lambda p: (p + b"more",), **networks),
    )
    yield "bad-layers", damaged("two layers", lambda p: (p, p), **networks)
    # Profile 7.
    yield "range-photo", good("photo", 80, 56, 0.4)
    yield "linear-one-sample", good("waves", 1, 1, 0.85)
    yield "linear-waves", good("waves", 33, 17, 0.9)
    yield "linear-photo", good("photo", 80, 56, 0.8)
    yield "linear-coarsest", coarsest
    yield "linear-finest", good("noise", 18, 20, 1.0)
    yield "linear-flat", good("flat", 100, 70, 0.77)
    yield "linear-gray", good("gray", 16, 31, 0.95)
    of_linear = {"quality": 0.85}
    yield "bad-linear-head", damaged("two bytes", lambda p: (p[:2],), **of_linear)
    yield (
        "bad-linear-step",
        damaged("step 161", lambda p: (p[:2] + bytes([161]) + p[3:],), **of_linear),
    )
    yield (
        "bad-linear-cut",
        damaged("the stream lacks its last four bytes", lambda p: (p[:-4],), **of_linear),
    )
    yield (
        "bad-linear-more",
        damaged("four bytes more than the symbols need", lambda p: (p + b"more",), **of_linear),
    )
    yield "bad-linear-far", far


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
