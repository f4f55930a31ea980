"""The report: rows, pictures and files in one HTML document, drawn by page/src/report."""

from __future__ import annotations

import base64
import hashlib
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import gcodec_formats as gcx
from gcodec.cli.common import json_text
from gcodec.files import file_bytes
from gcodec.plugin import MetricSpec
from gcodec.progress import Progress, silent
from gcodec.registry import registry
from gcodec_view._parts import ONE_FILE, page
from gcodec_view._records import Row
from gcodec_view._writing import sealed

if TYPE_CHECKING:
    from gcodec.pictures import Picture

__all__ = ["report"]

#: Largest side of a thumbnail, in pixels.
_SIDE = 288

#: What every browser shows as it is; of anything else the samples are kept as a PNG.
_SHOWN = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass
class _Parts:
    """What the page holds besides its table, by name; equal contents stand there once."""

    held: dict[str, bytes] = field(default_factory=dict)

    def add(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.held[name] = data
        return name


def report(rows: Sequence[Row], prefixes: int = 0, progress: Progress = silent) -> bytes:
    """Return the document. prefixes: at how many places progressive files are decoded after their first layers; 0: nowhere.

    Raises ImageError and FormatError for what cannot be read, UnusablePlugin where the page is not built; with `prefixes`
    all that decoding raises.
    """
    built = page()
    parts = _Parts()
    pictures: dict[Path, dict[str, Any]] = {}
    points = []
    for number, row in enumerate(rows):
        progress("reading", number, len(rows))
        if row.original not in pictures:
            pictures[row.original] = {"name": row.original.name, **_seen(row.original, parts)}
        picture = [*pictures].index(row.original)
        points.append({"picture": picture, **_point(row, parts, prefixes)})
    specs = [
        registry().named(MetricSpec, n) for n in dict.fromkeys(n for r in rows for n in r.values)
    ]
    table = {
        "pictures": [*pictures.values()],
        "points": points,
        "metrics": [
            {"name": m.name, "title": m.title, "summary": m.summary}
            | {"rises": m.rises, "decimals": m.decimals, "unit": m.unit}
            for m in specs
        ],
    }
    return sealed(
        built[f"{ONE_FILE}report.html"].read_text("utf-8"),
        built[f"{ONE_FILE}report.css"].read_text("utf-8"),
        built[f"{ONE_FILE}report.js"].read_text("utf-8"),
        {"report.json": json_text(table, indent=None).encode(), **parts.held},
    )


def _seen(path: Path, parts: _Parts) -> dict[str, Any]:
    """A picture as the page wants it: its size, where it lies in the page, a thumbnail."""
    from gcodec.pictures import load_image

    data = file_bytes(path)
    picture = load_image(data)
    kind = next((kind for start, kind in _SHOWN.items() if data.startswith(start)), None)
    shown = data if kind else _png(picture)
    height, width = picture.size
    return {
        "width": width,
        "height": height,
        "part": parts.add(shown),
        "type": kind or "image/png",
        "thumbnail": _thumbnail(picture),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _thumbnail(picture: Picture) -> str:
    from PIL import Image

    small = picture.to_pil().convert("RGB")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=72)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    image = picture.to_pil()
    image.convert("RGBA" if "A" in image.mode else "RGB").save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def _point(row: Row, parts: _Parts, prefixes: int) -> dict[str, Any]:
    known: dict[str, Any] = {
        "embedding": row.embedding,
        "reconstructor": row.reconstructor,
        "target": row.target,
        "error": row.error,
        "values": row.values,
        "seconds": row.seconds,
    }
    if row.file is None or row.decoded is None:
        return known
    data = file_bytes(row.file)
    file = gcx.read(data)
    size = file.header.size
    return {
        **known,
        "bytes": len(data),
        "bpp": 8 * len(data) / (size.width * size.height),
        "file": {
            "name": row.file.name,
            "part": parts.add(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        },
        "decoded": {"name": row.decoded.name, **_seen(row.decoded, parts)},
        "commands": _commands(row, row.file.name),
        "prefixes": _prefixes(row, row.file, prefixes, parts)
        if prefixes and file.progressive
        else [],
    }


def _commands(row: Row, file: str) -> list[str]:
    """What makes the same file and picture again, with the same versions and models."""
    return [
        shlex.join(["gcodec", "encode", row.original.name, "-o", file, *row.encode_words]),
        shlex.join(["gcodec", "decode", file, *row.decode_words]),
    ]


def _prefixes(row: Row, file: Path, wanted: int, parts: _Parts) -> list[dict[str, Any]]:
    """What a receiver makes of the first bytes: {"end": bytes, "part": ...}, up to `wanted` of them."""
    from gcodec.pipeline.mixing import decode_in_fresh_process

    rows = gcx.layout(file_bytes(file))
    layers = [i for i, place in enumerate(rows) if place.name == "segment main"][:-1]
    ends = [rows[i + 1].offset + rows[i + 1].length for i in layers]
    chosen = sorted({ends[len(ends) * k // wanted] for k in range(wanted)}) if ends else []
    found = []
    for end in chosen:
        with TemporaryDirectory() as folder:
            made = Path(folder) / "prefix.png"
            told = zip(row.decode_words[::2], row.decode_words[1::2], strict=True)
            words = [*(f"{flag}={value}" for flag, value in told), f"--max-bytes={end}"]
            decode_in_fresh_process(file, made, row.decode_words[1].partition(":")[0], words)
            found.append({"end": end, "part": parts.add(made.read_bytes())})
    return found
