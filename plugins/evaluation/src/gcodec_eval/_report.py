"""What an evaluation leaves in its folder for people and programs: results.*, summary.* and plots/."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gcodec.cli.common import json_text
from gcodec.files import atomic_write
from gcodec_eval._request import known_metrics
from gcodec_eval._summary import Evaluation

__all__ = ["as_json", "difference_table", "mean_table", "write_report"]

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def write_report(found: Evaluation, folder: Path) -> list[Path]:
    """Write results.csv, results.json, summary.json, summary.md and, where matplotlib is installed, plots/*.png, *.svg.

    Returns what was written. Raises OutputError.
    """
    about = {"conditions": found.conditions, "networks": found.networks, "notes": found.notes}
    summary = {"means": found.means, "differences": found.differences}
    texts = {
        "results.csv": _csv(found.rows),
        "results.json": as_json({**about, "points": found.rows}),
        "summary.json": as_json({**about, **summary}),
        "summary.md": _markdown(found),
    }
    written = []
    for name, text in texts.items():
        with atomic_write(folder / name, force=True) as stream:
            stream.write(text.encode())
        written.append(folder / name)
    try:
        from gcodec_eval._plots import draw
    except ImportError:
        return written
    return [*written, *draw(found, folder / "plots")]


def as_json(value: Any) -> str:
    """Return a JSON document, as `gcodec.cli.common.json_text` makes it."""
    return json_text(value) + "\n"


def mean_table(found: Evaluation) -> Table:
    """Return header and rows of the means."""
    metrics = list(found.networks)
    header = [
        "embed",
        "recon",
        "target",
        "images",
        "bpp",
        *(known_metrics()[m].title for m in metrics),
    ]
    header += ["encode s", "decode s", "decode MB"]
    rows = [
        [
            row["embedding"],
            row["reconstructor"],
            row["target"],
            f"{row['images']}/{row['of_images']}",
            _number(row["bpp"], 4),
            *(_number(row[m], known_metrics()[m].decimals) for m in metrics),
            _number(row["encode_seconds"], 2),
            _number(row["decode_seconds"], 2),
            "-" if row["decode_peak_bytes"] is None else f"{row['decode_peak_bytes'] / 1e6:.0f}",
        ]
        for row in found.means
    ]
    return header, rows


def difference_table(found: Evaluation) -> Table:
    """Return header and rows of the rate differences."""
    metrics = list(found.networks)
    header = ["embed", "recon", *(f"BD-rate {known_metrics()[m].title} %" for m in metrics)]
    rows = [
        [row["embedding"], row["reconstructor"], *(_difference(row, m) for m in metrics)]
        for row in found.differences
    ]
    return header, rows


def _difference(row: Mapping[str, Any], metric: str) -> str:
    return "-" if row[metric] is None else f"{row[metric]:+.1f}"


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the columns that hold one value each; the rest is in results.json."""
    columns = [n for n in rows[0] if n not in ("missing", "traceback") and not n.endswith("_parts")]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _markdown(found: Evaluation) -> str:
    parts = [_markdown_table(mean_table(found))]
    if found.differences:
        of = found.conditions["baseline"]
        bounds = found.conditions["bpp_range"]
        within = f" between {bounds[0]:g} and {bounds[1]:g} bpp" if bounds else ""
        parts.append(f"Bits at equal quality against {of}{within}, mean over the pictures:\n")
        parts.append(_markdown_table(difference_table(found)))
    parts += [f"- {note}" for note in found.notes]
    return "\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    header, rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |\n" for row in lines)
