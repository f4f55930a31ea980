"""Writes the test vectors of spec/embeddings/lossless.md that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/lossless/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from files import Vector, bad, coded, main, picture, samples, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402
from gcodec.pictures import Picture  # noqa: E402
from gcodec.randomness import FIRST_PRIVATE, Randomness  # noqa: E402
from gcodec.run import Run  # noqa: E402
from gcodec_lossless.coder import Writer  # noqa: E402
from gcodec_lossless.features import Context  # noqa: E402
from gcodec_lossless.law import Law  # noqa: E402
from gcodec_lossless.network import Network  # noqa: E402
from gcodec_lossless.waves import waves  # noqa: E402


def good(summary: str, shown: Picture, quality: float = 1.0) -> Callable[[], Vector]:
    """A picture, coded, and samples of it."""

    def make() -> Vector:
        data = coded("lossless", shown, quality)
        return data, {"summary": summary} | samples(data)

    return make


def deep(kind: str, width: int, height: int) -> Picture:
    """`picture` with 16 bits: three whole parts of 257, and a random rest."""
    words = Randomness(9).bits(FIRST_PRIVATE, 0, 0, 3 * height * width) >> 24
    rest = words.astype(np.int64).reshape(3, height, width)
    eight = np.rint(picture(kind, width, height).pixels * 255).astype(np.int64)
    whole = (eight * 256 + rest).astype(np.uint16)
    return Picture.from_array(whole, layout="CHW")


def damaged(summary: str, damage: Callable[[bytes], list[bytes]]) -> Callable[[], Vector]:
    """A file with other layers."""

    def make() -> Vector:
        data = coded("lossless", picture("photo", 20, 12), 1.0)
        (layer,) = gcx.read(data).bodies(gcx.MAIN)
        return bad(with_layers(data, *damage(layer)), summary)

    return make


def forged(summary: str, code: Callable[[Writer, Law], object]) -> Callable[[], Vector]:
    """A gray picture of one sample, whose stream says something else."""

    def make() -> Vector:
        data = coded("lossless", picture("gray", 1, 1), 1.0)
        network = Network(Run().models.find("base/lossless").tensors())
        context, (wave,) = Context(1, 1, 255), waves(1, 1)
        shared = network.trunk(context.seen(wave))
        writer = Writer()
        code(writer, network.law(0, shared, context.channel(), 255))
        return bad(with_layers(data, b"\0\xff" + writer.finish()), summary)

    return make


def _too_far(writer: Writer, law: Law) -> None:
    writer.entries(law.edges, np.array([63]))
    writer._equal(1, 5, np.array([17]))


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "one-sample", good("waves, 1 x 1", picture("waves", 1, 1))
    yield "photo", good("photo", picture("photo", 26, 17))
    yield "tall", good("photo with more rows than columns", picture("photo", 5, 23))
    yield "row", good("waves in one row", picture("waves", 60, 1))
    yield "gray", good("waves in three equal planes", picture("gray", 21, 12))
    yield "noise", good("noise", picture("noise", 13, 9))
    yield "flat", good("flat", picture("flat", 14, 11))
    yield "deep", good("photo, 16 bits", deep("photo", 15, 10))
    yield "deep-noise", good("noise, 16 bits", deep("noise", 9, 7))
    yield "near", good("photo, coarseness 3", picture("photo", 22, 13), 0.8)
    yield "coarsest", good("waves, coarseness 15", picture("waves", 22, 13), 0.0)
    yield "deep-near", good("photo, 16 bits, coarseness 2", deep("photo", 12, 9), 13 / 15)
    yield "bad-head", damaged("the bit 8 of the head", lambda a: [bytes([a[0] | 8]) + a[1:]])
    yield "bad-rounded", damaged("rounded, and 8 bits", lambda a: [bytes([a[0] | 4]) + a[1:]])
    yield "bad-short", damaged("one byte", lambda a: [a[:1]])
    yield "bad-two", damaged("two layers", lambda a: [a, a])
    yield "bad-cut", damaged("a stream lacks its last byte", lambda a: [a[:-1]])
    yield "bad-zero", damaged("a zero byte behind the stream", lambda a: [a + b"\0"])
    yield "bad-more", damaged("four bytes too many", lambda a: [a + b"more"])
    yield (
        "bad-gray",
        damaged("one channel instead of three", lambda a: [bytes([a[0] & 254]) + a[1:]]),
    )
    yield "bad-far", forged("a distance of 17 bits", _too_far)
    yield "bad-beyond", forged("the sample 300", lambda w, law: w.samples(law, np.array([300])))
    yield "bad-below", forged("the sample -1", lambda w, law: w.samples(law, np.array([-1])))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
