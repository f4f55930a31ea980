"""Writes the test vectors of jpeg, webp, avif and jxl that do not exist yet; an existing vector is never written again.

    python spec/vectors/embeddings/generate_classic.py

`restored` is the codec's own file that the body stands for, by length and SHA-256. Of refused files `found by` says who must
find out: a reader of the embedding's text, or the decoder of the restored file.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

import gcodec_formats as gcx
from gcodec.pipeline.stage1 import open_stage1

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))

from files import Vector, bad, coded, main, picture, samples, with_layers  # noqa: E402

Named = tuple[str, Callable[[], Vector]]


def restored(data: bytes) -> dict[str, Any]:
    """The codec's own file."""
    stage1 = open_stage1(data)
    (layer,), size = stage1.main.layers, stage1.file.header.size
    codec = stage1.main.embedding._inner.codec  # type: ignore[attr-defined]
    file = codec.restore(layer[0], layer[2:], size) if layer[0] % 4 else layer[2:]
    return {
        "form": layer[0] % 4,
        "restored": {"bytes": len(file), "sha256": hashlib.sha256(file).hexdigest()},
    }


def good(name: str, kind: str, width: int, height: int, quality: float, **options: Any) -> Any:
    """A picture, coded."""

    def make() -> Vector:
        data = coded(name, picture(kind, width, height), quality, options=options)
        return data, {"summary": f"{kind} at quality {quality}", **restored(data), **samples(data)}

    return make


def damaged(name: str, by: str, summary: str, damage: Callable[[bytes], Any], **how: Any) -> Any:
    """A file with another layer, or with other layers."""

    def make() -> Vector:
        kind, quality = how.get("kind", "photo"), how.get("quality", 0.3)
        data = coded(name, picture(kind, 33, 17), quality, options=how.get("options"))
        layers = damage(gcx.read(data).bodies(gcx.MAIN)[0])
        layers = layers if isinstance(layers, tuple) else (layers,)
        made, facts = bad(with_layers(data, *layers, size=how.get("size")), summary)
        return made, facts | {"found by": by}

    return make


def whole(name: str, mode: str, **settings: Any) -> Callable[[bytes], bytes]:
    """Form 0: a file of the codec's that holds another kind of samples, or another number of pictures."""

    def layer(old: bytes) -> bytes:
        buffer = BytesIO()
        if name == "jxl":
            import pillow_jxl  # noqa: F401  (registers itself with Pillow)
        Image.new(mode, (33, 17)).save(buffer, {"jxl": "JXL"}.get(name, name.upper()), **settings)
        return b"\0" + old[1:2] + buffer.getvalue()

    return layer


def many_scans(old: bytes) -> bytes:
    """Form 0: a progressive JPEG whose last scan is there 100 times."""
    buffer = BytesIO()
    Image.new("L", (33, 17), 90).save(buffer, "JPEG", progressive=True)
    file = buffer.getvalue()
    last = file[file.rindex(b"\xff\xda") : -2]
    return b"\0" + old[1:2] + file[:-2] + 99 * last + file[-2:]


def common(name: str) -> Iterator[Named]:
    """What all four refuse."""

    def other_size(layer: bytes) -> bytes:
        buffer = BytesIO()
        if name == "jxl":
            import pillow_jxl  # noqa: F401  (registers itself with Pillow)
        Image.new("RGB", (34, 17)).save(buffer, {"jxl": "JXL"}.get(name, name.upper()))
        return b"\0" + layer[1:2] + buffer.getvalue()

    yield "bad-empty", damaged(name, "text", "no bytes at all", lambda p: b"")
    yield "bad-head", damaged(name, "text", "one byte", lambda p: p[:1])
    yield "bad-form", damaged(name, "text", "F is 83", lambda p: b"\x83" + p[1:])
    yield (
        "bad-flags",
        damaged(name, "text", "the highest bit of F", lambda p: bytes([p[0] | 128]) + p[1:]),
    )
    yield "bad-whole-flags", damaged(name, "text", "form 0 and F = 4", lambda p: b"\4" + p[1:])
    yield "bad-layers", damaged(name, "text", "two layers", lambda p: (p, p))
    yield "bad-size", damaged(name, "decoder", "a whole file of 34 x 17", other_size)
    yield (
        "bad-codec",
        damaged(name, "decoder", "a whole file that is none", lambda p: b"\0" + p[1:]),
    )


def jpeg() -> Iterator[Named]:
    yield "gray-annex-k", good("jpeg", "gray", 8, 8, 0.5)
    yield "annex-k", good("jpeg", "photo", 17, 9, 0.3)
    yield "annex-k-wide", good("jpeg", "photo", 40, 24, 0.5, subsampling="422")
    yield "own-tables", good("jpeg", "waves", 96, 64, 0.6, subsampling="422")
    yield "progressive", good("jpeg", "photo", 96, 80, 0.7, subsampling="420")
    yield "progressive-full", good("jpeg", "photo", 80, 64, 0.9)
    yield "progressive-gray", good("jpeg", "gray", 90, 70, 0.7)
    yield "coarsest", good("jpeg", "photo", 64, 48, 0.0)
    yield "finest", good("jpeg", "noise", 16, 16, 1.0)
    yield from common("jpeg")
    own: dict[str, Any] = {"quality": 0.9}
    yield "bad-no-rate", damaged("jpeg", "text", "no rate code", lambda p: b"\x05" + p[1:2])
    yield (
        "bad-marker",
        damaged("jpeg", "text", "a marker in the scan", lambda p: b"\x05" + p[1:] + b"\xff\xd9\0"),
    )
    short = b"\x06\x50\x40\0" + bytes(15) + b"\2\1"
    yield "bad-table-short", damaged("jpeg", "text", "a table that ends early", lambda p: short)
    other = b"\x06\x50\x40\x10" + b"\1" + bytes(15) + b"\0" + b"scan"
    yield "bad-table-order", damaged("jpeg", "text", "tables in another order", lambda p: other)
    much = b"\x07\x50\x40\xff\xc4\0" + b"\xff" * 2 + bytes(14) + bytes(510)
    yield "bad-table-long", damaged("jpeg", "text", "a table of 510 symbols", lambda p: much)
    scans = b"\x07\x50\x40" + b"\xff\xda\1" * 11
    yield "bad-scans", damaged("jpeg", "text", "an eleventh scan", lambda p: scans, **own)
    four = "a whole file of four components"
    yield "bad-components", damaged("jpeg", "decoder", four, whole("jpeg", "CMYK"))
    yield "bad-many-scans", damaged("jpeg", "decoder", "a whole file of 105 scans", many_scans)
    wide = {"size": (1, 65536)}
    yield "bad-wide", damaged("jpeg", "text", "65536 columns", lambda p: p, **wide)
    piece = b"\x07\x50\x40\xff\xdb\0"
    yield "bad-piece", damaged("jpeg", "text", "a piece that begins with FF DB", lambda p: piece)


def webp() -> Iterator[Named]:
    yield "colour", good("webp", "photo", 48, 31, 0.6)
    yield "coarsest", good("webp", "photo", 96, 64, 0.0)
    yield "gray", good("webp", "gray", 33, 20, 0.5, effort=0)
    yield "one-sample", good("webp", "waves", 1, 1, 0.5)
    yield from common("webp")
    for name, length in (
        ("long", b"\x80\x80\x20"),
        ("large", b"\x80\x80\x80\1"),
        ("longer", b"\x81\0"),
    ):
        what = f"N is {length.hex(' ')}"
        yield f"bad-n-{name}", damaged("webp", "text", what, lambda p, n=length: p[:2] + n + p[3:])
    yield "bad-n-missing", damaged("webp", "text", "no N", lambda p: p[:2])
    yield "bad-wide", damaged("webp", "text", "16384 columns", lambda p: p, size=(1, 16384))
    frames = [Image.new("RGB", (33, 17), "red")]
    moving = whole("webp", "RGB", save_all=True, append_images=frames)
    yield "bad-frames", damaged("webp", "decoder", "a whole file of two pictures", moving)
    clear = whole("webp", "RGBA")
    yield "bad-alpha", damaged("webp", "decoder", "a whole file with transparency", clear)


def avif() -> Iterator[Named]:
    yield "colour", good("avif", "photo", 48, 31, 0.5)
    yield "half", good("avif", "photo", 80, 56, 0.4, subsampling="420")
    yield "wide", good("avif", "waves", 40, 24, 0.6, subsampling="422")
    yield "gray", good("avif", "gray", 33, 20, 0.5)
    yield "one-sample", good("avif", "waves", 1, 1, 0.5)
    yield "finest", good("avif", "photo", 16, 17, 1.0)
    yield from common("avif")
    yield "bad-no-tools", damaged("avif", "text", "no tools", lambda p: p[:2])
    clear = whole("avif", "RGBA")
    yield "bad-alpha", damaged("avif", "decoder", "a whole file with transparency", clear)
    yield "bad-frame", damaged("avif", "decoder", "half a frame", lambda p: p[: len(p) // 2])


def jxl() -> Iterator[Named]:
    yield "colour", good("jxl", "photo", 48, 32, 0.4)
    yield "odd", good("jxl", "photo", 37, 53, 0.5)
    yield "gray", good("jxl", "gray", 40, 25, 0.3)
    yield "ratio", good("jxl", "flat", 600, 400, 0.2)
    yield "lossless", good("jxl", "waves", 13, 9, 1.0)
    yield "one-sample", good("jxl", "waves", 1, 1, 0.5)
    yield from common("jxl")
    clear = whole("jxl", "RGBA")
    yield "bad-alpha", damaged("jxl", "decoder", "a whole file with transparency", clear)
    yield "bad-frame", damaged("jxl", "decoder", "half a frame", lambda p: p[: len(p) // 2])


if __name__ == "__main__":
    for embedding, vectors in {"jpeg": jpeg, "webp": webp, "avif": avif, "jxl": jxl}.items():
        (HERE / embedding).mkdir(exist_ok=True)
        print(*(f"{embedding}/{name}" for name in main(HERE / embedding, vectors())), sep="\n")
