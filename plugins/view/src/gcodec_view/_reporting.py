"""The report: rows, pictures and files in one HTML document, drawn by page/src/report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import gcodec_formats as gcx
from gcodec.cli.common import json_text
from gcodec.errors import GcodecError
from gcodec.files import file_bytes
from gcodec.pipeline.kept import Kept
from gcodec.progress import Progress, silent
from gcodec.run import Run
from gcodec_view._parts import ONE_FILE, page
from gcodec_view._points import File, fidelity_table, metric_table, outcome, picture_table
from gcodec_view._records import Row
from gcodec_view._writing import sealed

if TYPE_CHECKING:
    from gcodec.pictures import Picture

__all__ = ["report"]

#: Networks that stay open from row to row.
_KEPT = 8


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
    run = Run(opened=Kept(_KEPT))
    pictures: dict[Path, dict[str, Any]] = {}
    points = []
    for number, row in enumerate(rows):
        progress("reading", number, len(rows))
        if row.original not in pictures:
            pictures[row.original] = _seen(row.original, parts)
        picture = [*pictures].index(row.original)
        points.append({"picture": picture, **_point(row, parts, prefixes, run)})
    table = {
        "pictures": [*pictures.values()],
        "points": points,
        "metrics": metric_table(name for row in rows for name in row.values),
    }
    return sealed(
        built[f"{ONE_FILE}report.html"].read_text("utf-8"),
        built[f"{ONE_FILE}report.css"].read_text("utf-8"),
        built[f"{ONE_FILE}report.js"].read_text("utf-8"),
        {"report.json": json_text(table, indent=None).encode(), **parts.held},
    )


def _seen(path: Path, parts: _Parts) -> dict[str, Any]:
    """A picture as the page wants it."""
    from gcodec.pictures import load_image

    file = File(path.name, file_bytes(path))
    return picture_table(file, load_image(file.data), parts.add)


def _point(row: Row, parts: _Parts, prefixes: int, run: Run) -> dict[str, Any]:
    from gcodec.pictures import load_image

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
    file, decoded = (File(path.name, file_bytes(path)) for path in (row.file, row.decoded))
    words = (row.encode_words, row.decode_words)
    picture = load_image(decoded.data)
    many = prefixes if prefixes and gcx.read(file.data).progressive else 0
    return {
        **known,
        **outcome(row.original.name, file, decoded, picture, words, parts.add),
        "fidelity": _fidelity(file.data, picture, parts, run),
        "prefixes": _prefixes(row, row.file, many, parts) if many else [],
    }


def _fidelity(data: bytes, picture: Picture, parts: _Parts, run: Run) -> dict[str, str] | None:
    """How far each pixel may be from the original; None where that cannot be told here."""
    from gcodec.pipeline.fidelity import fidelity_of

    try:
        return fidelity_table(fidelity_of(data, picture.pixels, run), parts.add)
    except GcodecError:
        return None


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
