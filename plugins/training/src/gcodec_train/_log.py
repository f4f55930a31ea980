"""The log of a training, one JSON object a line, and its plot."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gcodec.files import atomic_write

__all__ = ["HELD_OUT", "append", "forget_after", "plot", "read"]

#: Before the names of figures on held-out data.
HELD_OUT = "held_out."


def append(path: Path, step: int, figures: Mapping[str, float]) -> None:
    """Add a line: {"step": ..., name: value, ...}, values to five digits."""
    line = {"step": step} | {name: float(f"{value:.5g}") for name, value in figures.items()}
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines, but for one that a crash cut short."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text("utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def forget_after(path: Path, step: int) -> None:
    """Drop what was logged after the saved state from which the training goes on: it will be logged again."""
    lines = read(path)
    kept = [line for line in lines if line["step"] <= step]
    if len(kept) < len(lines):
        with atomic_write(path, force=True) as file:
            file.write("".join(json.dumps(line) + "\n" for line in kept).encode())


def plot(log: Path, path: Path) -> bool:
    """Draw the loss and the held-out figures over the steps to a PNG; False where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    lines = read(log)
    names = ["loss", *dict.fromkeys(k for line in lines for k in line if k.startswith(HELD_OUT))]
    columns = math.ceil(math.sqrt(len(names)))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(places, names, strict=False):
        points = [(line["step"], line[name]) for line in lines if name in line]
        axes.plot([step for step, _ in points], [value for _, value in points], linewidth=1)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.grid(alpha=0.3)
        if name == "loss" and points and min(value for _, value in points) > 0:
            axes.set_yscale("log")
    with warnings.catch_warnings(), atomic_write(path, force=True) as file:
        # A font without a glyph and the like: a plot is no place to fail.
        warnings.simplefilter("ignore")
        figure.savefig(file, format="png", dpi=100)
    return True
