"""What the generators of this folder share: pictures, files, and what is said of them.

A vector is NAME.gcx and NAME.json. A file that is there is never written again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import gcodec_formats as gcx
from gcodec.pictures import Picture, load_image
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.randomness import FIRST_PRIVATE, Randomness

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

__all__ = ["Vector", "bad", "coded", "described", "main", "picture", "samples", "with_layers"]

WHOLE = 64  # bytes of symbols that are written out whole

#: A file, and what is said of it besides what `described` says.
Vector = tuple[bytes, dict[str, Any]]


def picture(kind: str, width: int, height: int) -> Picture:
    """`photo` (a part of one), `flat`, `waves`, `gray` (waves in three equal planes) or `noise`; 8-bit samples."""
    if kind == "photo":
        whole = load_image(HERE.parents[2] / "tests" / "images" / "kodim23.png").pixels
        return Picture(np.ascontiguousarray(whole[:, 140 : 140 + height, 440 : 440 + width]))
    y, x = np.mgrid[0:height, 0:width]
    if kind == "flat":
        planes = [np.full((height, width), level) for level in (90, 140, 60)]
    elif kind == "noise":
        bits = Randomness(7).bits(FIRST_PRIVATE, 0, 0, 3 * height * width)
        planes = list((bits >> 24).astype(int).reshape(3, height, width))
    else:
        rows = [(5, 3, 0), (2, 7, 60), (4, -3, 120)]
        planes = [np.abs((a * x + b * y + c) % 512 - 256) * 3 // 4 + 20 for a, b, c in rows]
        planes = [np.clip(plane + 50 * ((x // 9 + y // 7) % 3 == 0), 0, 255) for plane in planes]
        planes = planes[:1] * 3 if kind == "gray" else planes
    return Picture(np.stack(planes).astype(np.float32) / np.float32(255))


def coded(name: str, shown: Picture, quality: float, **how: Any) -> bytes:
    """The file of a picture, with the digest of its symbols."""
    return encode(shown, name, target=Target(quality=quality), digest=True, **how).data


def with_layers(data: bytes, *layers: bytes, size: tuple[int, int] | None = None) -> bytes:
    """The same file with other layers, without a digest, and of another size [height, width] where one is given."""
    file = gcx.read(data)
    extensions = {k: v for k, v in file.header.extensions.items() if k != 5}
    said = gcx.Size(*size) if size else file.header.size
    header = gcx.Header(file.header.identity, said, extensions)
    return gcx.write(gcx.File(header, tuple(gcx.Segment(gcx.MAIN, layer) for layer in layers)))


def bad(data: bytes, summary: str) -> Vector:
    """A sound file whose payload a reader must refuse."""
    return data, {"summary": summary, "error": "payload"}


def described(data: bytes) -> dict[str, Any]:
    """What any reader must find: whose file it is, and the symbols of its main embedding."""
    stage1 = open_stage1(data)
    header, part = stage1.file.header, stage1.main
    symbols = part.embedding.symbols(part.layers, header.size)
    return {
        "embedding": part.spec.name,
        "model": header.identity.profile or bytes(header.identity.digest or b"").hex(),
        "width": header.size.width,
        "height": header.size.height,
        "digest": stage1.symbol_digest().hex(),
        "symbols": {
            "bytes": len(symbols),
            "sha256": hashlib.sha256(symbols).hexdigest(),
            "first": symbols[:WHOLE].hex(),
        },
    }


def samples(data: bytes) -> dict[str, Any]:
    """Some samples of the preview: plane, row, column, and the value times 255."""
    shown = open_stage1(data).signals()[-1]  # companions come first
    pixels = shown.pixels  # type: ignore[union-attr]
    _, height, width = pixels.shape
    at = [(k % 3, k * 7 % height, k * 11 % width) for k in range(24)]
    return {"samples": [[*place, round(255 * float(pixels[place]), 2)] for place in at]}


def main(folder: Path, vectors: Iterable[tuple[str, Callable[[], Vector]]]) -> list[str]:
    """Write what is missing in `folder`; return the names written."""
    written = []
    for name, make in vectors:
        path = folder / f"{name}.gcx"
        if path.exists():
            continue
        data, facts = make()
        said: Mapping[str, Any] = facts if "error" in facts else facts | described(data)
        path.write_bytes(data)
        text = write_once.lines({"file": hashlib.sha256(data).hexdigest(), **said})
        path.with_suffix(".json").write_text(text, "utf-8", newline="\n")
        written.append(name)
    return written
