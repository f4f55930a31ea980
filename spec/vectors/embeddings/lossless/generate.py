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
from gcodec_lossless.codec import _walk  # noqa: E402
from gcodec_lossless.coder import Writer  # noqa: E402
from gcodec_lossless.features import Context  # noqa: E402
from gcodec_lossless.law import Law  # noqa: E402
from gcodec_lossless.network import Network  # noqa: E402
from gcodec_lossless.origin import KINDS  # noqa: E402
from gcodec_lossless.repeats import colours, walk  # noqa: E402
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


def steps(width: int, height: int) -> Picture:
    """A photo of few colours that hardly ever looks around one pixel as around another."""
    seen = np.rint(picture("photo", width, height).pixels * 255).astype(np.uint8)
    return Picture.from_array(seen // 48 * 48, layout="CHW")


def made(way: int, width: int, height: int, wrong: int = 0) -> Picture:
    """A photo whose colours were made of luma and chromas, but for some samples of it."""
    seen = np.rint(picture("photo", width, height).pixels * 255).astype(np.int64)
    parts = np.rint(KINDS[way].real(seen.reshape(3, -1))).clip(0, 255).astype(np.int64)
    shown = KINDS[way].colours(parts).reshape(seen.shape)
    for count in range(wrong):
        row, column = (5 * count + 3) % height, 7 * count + 2
        shown[count % 3, row, column] = 255 - shown[count % 3, row, column]
    return Picture.from_array(shown.astype(np.uint8), layout="CHW")


def printed(width: int, height: int, depth: type = np.uint8, gray: bool = False) -> Picture:
    """Letters of a kind: the same patterns again and again, and here and there a pixel of another colour."""
    bits = Randomness(11).bits(FIRST_PRIVATE, 0, 0, height * width).reshape(height, width)
    letter = (bits[:7, :5] >> 20) % 3 * 100
    page = np.tile(letter, (height // 7 + 1, width // 5 + 1))[:height, :width]
    page[height // 2 : height // 2 + 4] = 255
    page = np.where(bits % 41 == 0, bits >> 27, page)
    planes = np.stack([page, page, page if gray else 255 - page // 3])
    return Picture.from_array(planes.astype(depth) * (depth(257) if depth is np.uint16 else 1))


def damaged(
    summary: str, damage: Callable[[bytes], list[bytes]], kind: str = "photo"
) -> Callable[[], Vector]:
    """A file with other layers."""

    def make() -> Vector:
        data = coded("lossless", picture(kind, 20, 12), 1.0)
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


def forged_way(
    summary: str, begin: bytes, code: Callable[[Writer], object]
) -> Callable[[], Vector]:
    """A picture of 3 x 2 that goes another way, whose stream says something else."""

    def make() -> Vector:
        data = coded("lossless", picture("photo", 3, 2), 1.0)
        writer = Writer()
        code(writer)
        return bad(with_layers(data, begin + writer.finish()), summary)

    return make


def _wrong(place: int, step: int, count: int = 1) -> Callable[[Writer], object]:
    """Black, of a luma of 0 and chromas of 128, then a pixel that is put right."""

    def code(writer: Writer) -> None:
        network = Network(Run().models.find("base/lossless").tensors())
        black = np.repeat([0, 128, 128], 6).reshape(3, 2, 3)
        _walk(network, writer, black, 255, known=True)
        writer.naturals(1, np.array([count]))
        writer.naturals(1, np.array([place]))
        writer.naturals(3, np.array([step, 0, 0]))

    return code


def _listed(*levels: int) -> Callable[[Writer], object]:
    """A list of gray levels, and a picture of the first."""

    def code(writer: Writer) -> None:
        listed = np.repeat(np.array(levels)[:, None], 3, 1)
        colours(writer, 3, 1 << 16, listed)
        walk(writer, len(listed), np.zeros((2, 3), np.int64), known=True)

    return code


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
    other = damaged("the bit 8 of the head", lambda a: [bytes([a[0] | 8]) + a[1:]], "noise")
    yield "bad-head", other
    yield "bad-rounded", damaged("rounded, and 8 bits", lambda a: [bytes([a[0] | 4]) + a[1:]])
    yield "bad-short", damaged("one byte", lambda a: [a[:1]])
    yield "bad-two", damaged("two layers", lambda a: [a, a])
    yield "bad-cut", damaged("a stream lacks its last byte", lambda a: [a[:-1]])
    yield "bad-zero", damaged("a zero byte behind the stream", lambda a: [a + b"\0"])
    yield "bad-more", damaged("four bytes too many", lambda a: [a + b"more"])
    yield (
        "bad-gray",
        damaged("one channel instead of three", lambda a: [bytes([a[0] & 254]) + a[1:]], "noise"),
    )
    yield "bad-far", forged("a distance of 17 bits", _too_far)
    yield "bad-beyond", forged("the sample 300", lambda w, law: w.samples(law, np.array([300])))
    yield "bad-below", forged("the sample -1", lambda w, law: w.samples(law, np.array([-1])))
    yield "photo-cd", good("photo, made of a Photo CD's luma and chromas", made(1, 26, 17))
    yield "jpeg", good("photo, made of a JPEG's luma and chromas, 3 wrong", made(2, 22, 13, 3))
    yield "webp", good("photo, made of a WebP's luma and chromas, upright", made(3, 9, 21, 1))
    yield "print", good("print", printed(40, 33))
    yield "print-tall", good("print, gray, with more rows than columns", printed(12, 37, gray=True))
    yield "print-deep", good("print, 16 bits", printed(33, 21, np.uint16))
    yield "print-near", good("print, coarseness 6", printed(30, 18), 0.6)
    yield "print-one", good("one colour", picture("flat", 90, 70))
    yield "bad-way", damaged("the way 4", lambda a: [bytes([9, a[1], 4]) + a[3:]])
    yield "bad-way-none", damaged("two bytes, and no way", lambda a: [bytes([9, a[1]])])
    yield "bad-way-gray", damaged("way 1 of one channel", lambda a: [bytes([8, a[1], 1]) + a[3:]])
    yield "bad-way-near", damaged("way 2, coarse", lambda a: [bytes([25, a[1], 2]) + a[3:]])
    jpeg = b"\x09\xff\2"
    yield "bad-many", forged_way("7 of 6 pixels put right", jpeg, _wrong(0, 2, 7))
    yield "bad-place", forged_way("pixel 6 of 6 put right", jpeg, _wrong(6, 2))
    yield "bad-step", forged_way("a sample put to -1", jpeg, _wrong(2, 1))
    few = b"\x09\xff\x10"
    yield "bad-colour", forged_way("the gray level 256", few, _listed(7, 256))
    yield "bad-colours", forged_way("2049 colours", few, _many)
    yield "print-looks", good("photo in steps of 48: looks that share a slot", steps(64, 64))


def _many(writer: Writer) -> None:
    writer.naturals(1, np.array([2048]))


if __name__ == "__main__":
    print(*main(HERE, vectors()), sep="\n")
