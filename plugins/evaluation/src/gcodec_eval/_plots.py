"""Rate-distortion plots: one a metric, colour by embedding, line by reconstructor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from gcodec.files import atomic_write
from gcodec_eval._request import known_metrics
from gcodec_eval._summary import Evaluation, as_quality

__all__ = ["draw"]

#: Okabe and Ito's colours, told apart by the colour-blind too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_MARKERS = ("o", "s", "^", "D", "v", "P")


def draw(found: Evaluation, folder: Path) -> list[Path]:
    """Write METRIC.png and METRIC.svg for each metric that has a curve; return their paths.

    Points are means over all pictures: a target that some pictures did not reach has none. Raises OutputError.
    """
    folder.mkdir(exist_ok=True)
    written = []
    for name in found.networks:
        figure = _figure(found, name)
        if figure is None:
            continue
        for suffix in ("png", "svg"):
            path = folder / f"{name}.{suffix}"
            with atomic_write(path, force=True) as stream:
                # No date in the file: the same numbers make the same file.
                metadata = {"Date": None} if suffix == "svg" else None
                figure.savefig(stream, format=suffix, dpi=150, metadata=metadata)
            written.append(path)
    return written


def _figure(found: Evaluation, name: str) -> Figure | None:
    metric = known_metrics()[name]
    curves: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in found.means:
        value = row[name]
        if value is None or row["images"] < row["of_images"]:
            continue
        quality = as_quality(name, value)
        if math.isfinite(quality):
            curves.setdefault((row["embedding"], row["reconstructor"]), []).append(
                (row["bpp"], quality)
            )
    if not curves:
        return None
    embeddings = list(dict.fromkeys(embedding for embedding, _ in curves))
    reconstructors = list(dict.fromkeys(reconstructor for _, reconstructor in curves))
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for (embedding, reconstructor), points in curves.items():
        style: dict[str, Any] = {
            "color": _at(_COLOURS, embeddings.index(embedding)),
            "linestyle": _at(_LINES, reconstructors.index(reconstructor)),
            "marker": _at(_MARKERS, reconstructors.index(reconstructor)),
        }
        axes.plot(*zip(*sorted(points), strict=True), markersize=4, linewidth=1.5, **style)
    _rate_axis(axes, [bpp for points in curves.values() for bpp, _ in points])
    unit = "dB" if name == "ms_ssim" else metric.unit
    better = "higher" if metric.rises else "lower"
    axes.set_ylabel(f"{metric.title}{f' [{unit}]' if unit else ''}, {better} is better")
    pictures = found.means[0]["of_images"]
    axes.set_title(
        f"{metric.title}, mean over {pictures} picture{'s' if pictures > 1 else ''}", fontsize=11
    )
    axes.grid(True, which="major", alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    handles = [
        Line2D([], [], color=_at(_COLOURS, i), label=e, linewidth=3)
        for i, e in enumerate(embeddings)
    ]
    handles += [
        Line2D(
            [],
            [],
            color="gray",
            linestyle=_at(_LINES, i),
            marker=_at(_MARKERS, i),
            markersize=4,
            label=r,
        )
        for i, r in enumerate(reconstructors)
    ]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _rate_axis(axes: Any, rates: Sequence[float]) -> None:
    axes.set_xscale("log")
    low, high = min(rates) / 1.1, max(rates) * 1.1
    axes.set_xlim(low, high)
    steps = [m * 10.0**e for e in range(-4, 3) for m in (1, 1.5, 2, 3, 5, 7)]
    axes.set_xticks([step for step in steps if low <= step <= high])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("bits per pixel of the whole file")


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index % len(values)]
