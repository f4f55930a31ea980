"""Writes the vectors of `lossless` with an `ntc` for a companion (embeddings/lossless.md, section 13) that do not exist.

python spec/vectors/beside/generate.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from unittest.mock import patch

import numpy as np

HERE = Path(__file__).parent
EMBEDDINGS = HERE.parent / "embeddings"
sys.path.append(str(EMBEDDINGS))

from files import Vector, bad, coded, main, picture, samples, with_layers  # noqa: E402

import gcodec_formats as gcx  # noqa: E402
from gcodec.pictures import Picture  # noqa: E402
from gcodec_lossless import codec  # noqa: E402

_SPEC = spec_from_file_location("lossless_vectors", EMBEDDINGS / "lossless" / "generate.py")
assert _SPEC and _SPEC.loader
LOSSLESS = module_from_spec(_SPEC)
_SPEC.loader.exec_module(LOSSLESS)
deep, made = LOSSLESS.deep, LOSSLESS.made


def photo(width: int, height: int) -> Picture:
    """A photo whose colours were not made of luma and chromas: one sample in three is another by one."""
    seen = np.rint(picture("photo", width, height).pixels * 255).astype(np.int64)
    seen += (np.indices(seen.shape).sum(0) % 3 == 0) * np.where(seen > 127, -1, 1)
    return Picture.from_array(seen.astype(np.uint8), layout="CHW")


def good(summary: str, shown: Picture, small: float, quality: float = 1.0) -> Callable[[], Vector]:
    """A picture, coded beside an `ntc` of quality `small`, and samples of it."""

    def make() -> Vector:
        companion = coded("ntc", shown, small)
        data = coded("lossless", shown, quality, companions=[companion])
        return data, {"summary": summary} | samples(data)

    return make


def damaged(
    summary: str, damage: Callable[[bytes], bytes], alone: bool = False, gray: bool = False
) -> Callable[[], Vector]:
    """A file with another layer, or one that lacks its companion."""

    def make() -> Vector:
        shown = picture("gray", 9, 6) if gray else photo(9, 6)
        data = coded("lossless", shown, 1.0, companions=[coded("ntc", shown, 0.6)])
        file = gcx.read(data)
        whole = with_layers(data, damage(bytes(file.bodies(gcx.MAIN)[0])))
        if not alone:
            beside = (s for s in file.segments if s.type == gcx.COMPANION)
            other = gcx.read(whole)
            whole = gcx.write(replace(other, segments=(*beside, *other.segments)))
        return bad(whole, summary)

    return make


def vectors() -> Iterator[tuple[str, Callable[[], Vector]]]:
    """Name, and how it is made."""
    yield "photo", good("photo beside level 153", photo(26, 17), 0.45)
    yield "linear", good("photo beside one of the linear mode", photo(14, 18), 0.9)
    yield "tall", good("photo with more rows than columns", photo(5, 23), 0.6)
    yield "one-sample", good("photo, 1 x 1", photo(1, 1), 0.6)
    yield "gray", good("waves in three equal planes", picture("gray", 21, 12), 0.6)
    yield "deep", good("photo, 16 bits", deep("photo", 15, 10), 0.6)
    yield "near", good("photo, coarseness 3", photo(22, 13), 0.6, 0.8)
    yield "photo-cd", good("photo, made of a Photo CD's luma and chromas", made(1, 26, 17), 0.6)
    yield "jpeg", good("photo, made of a JPEG's luma and chromas, 3 wrong", made(2, 22, 13, 3), 0.6)
    yield "webp", good("photo, made of a WebP's luma and chromas", made(3, 9, 21, 1), 0.6)
    yield "bad-alone", damaged("its companion is missing", bytes, alone=True)
    yield "bad-mark", damaged("another mark", lambda a: a[:3] + bytes([a[3] ^ 1]) + a[4:])
    yield "bad-short", damaged("three bytes of a mark", lambda a: a[:6])
    yield "bad-way", damaged("the way 36", lambda a: a[:2] + b"\x24" + a[3:])
    yield "bad-gray", damaged("way 33, gray", lambda a: a[:2] + b"\x21" + a[3:], gray=True)
    yield "bad-cut", damaged("a stream lacks its last byte", lambda a: a[:-1])


if __name__ == "__main__":
    # A companion is used whatever it saves of pictures as small as these.
    with patch.object(codec, "MARK", -(1 << 20)):
        print(*main(HERE, vectors()), sep="\n")
