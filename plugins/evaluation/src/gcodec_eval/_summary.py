"""From rows, one a point, to means over the pictures and rate differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gcodec_eval._bjontegaard import NoDifference, bd_rate
from gcodec_eval._request import Request, known_metrics

__all__ = ["Evaluation", "as_quality", "differences", "means"]

Row = Mapping[str, Any]

#: Files stay below their target, by a level of the embedding's quality.
_SLACK = 0.05

_MEAN = ("bpp", "encode_seconds", "decode_seconds")
_MOST = ("encode_peak_bytes", "decode_peak_bytes")


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    rows         one for each picture, series and target.
    means        one for each series and target: means over the pictures that reached the target.
    differences  one for each series but the baseline: Bjontegaard rate differences in per cent, {metric: value or None}.
    notes        what a reader of the numbers has to know.
    networks     metric -> what it was taken with.
    conditions   the request, the machine, the software.
    """

    rows: Sequence[Row]
    means: Sequence[Row]
    differences: Sequence[Row]
    notes: Sequence[str]
    networks: Mapping[str, Any]
    conditions: Mapping[str, Any]


def means(
    rows: Iterable[Row], sets: Mapping[tuple[str, str, str], Mapping[str, Row]], request: Request
) -> list[Row]:
    """Average over pictures. sets: (embedding, reconstructor, target) -> set metric -> what it found."""
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        key = (row["embedding"], row["reconstructor"], row["target"])
        grouped.setdefault(key, []).append(row)
    found: list[Row] = []
    for (embedding, reconstructor, target), group in grouped.items():
        good = [row for row in group if row["error"] is None]
        made: dict[str, Any] = {
            "embedding": embedding,
            "reconstructor": reconstructor,
            "target": target,
            "images": len(good),
            "of_images": len(group),
        }
        for name in _MEAN:
            made[name] = _mean([row[name] for row in good])
        for name in request.metrics:
            if known_metrics()[name].of_set:
                of_set = sets.get((embedding, reconstructor, target), {})
                made[name] = of_set.get(name, {}).get("value")
            else:
                made[name] = _mean([row[name] for row in good])
        for name in _MOST:
            made[name] = max((row[name] for row in good), default=None)
        found.append(made)
    return found


def differences(
    rows: Sequence[Row], averaged: Iterable[Row], request: Request
) -> tuple[list[Row], list[str]]:
    """Return one row of rate differences for each series but the baseline, and notes on what is missing.

    Each is the mean over pictures of the difference of that picture's two curves; for a set metric that of the sets'
    curves, whose rates are means. MS-SSIM is taken in decibels, -10 log10(1 - MS-SSIM).
    """
    if request.baseline is None:
        return [], []
    curves = _curves(rows, averaged, request)
    found: list[Row] = []
    # What series lack, and by which metrics: mostly the same by all.
    lacks: dict[tuple[str, str], list[str]] = {}
    pictures = list(dict.fromkeys(_subject(row) for row in rows))
    for series in request.series:
        if series == request.baseline:
            continue
        made: dict[str, Any] = {"embedding": series[0], "reconstructor": series[1]}
        for name in request.metrics:
            values: list[float | None] = []
            reasons: dict[str, int] = {}
            subjects = [""] if known_metrics()[name].of_set else pictures
            for subject in subjects:
                pair = [curves.get((*s, name, subject), []) for s in (request.baseline, series)]
                try:
                    values.append(bd_rate(*pair, rises=known_metrics()[name].rises))
                except NoDifference as error:
                    reasons[error.reason] = reasons.get(error.reason, 0) + 1
            made[name] = _mean(values)
            made[f"{name}_images"] = len(values) if not known_metrics()[name].of_set else None
            if reasons:
                why = "; ".join(
                    reason if count == 1 else f"{reason} ({count} times)"
                    for reason, count in reasons.items()
                )
                of = (
                    ""
                    if known_metrics()[name].of_set
                    else f", {len(values)} of {len(pictures)} pictures"
                )
                lacks.setdefault(("+".join(series), f"{of}: {why}"), []).append(
                    known_metrics()[name].title
                )
        found.append(made)
    return found, [f"BD-rate of {s} by {', '.join(by)}{what}" for (s, what), by in lacks.items()]


def as_quality(name: str, value: float) -> float:
    """Return a metric on the scale that it is compared and drawn on: MS-SSIM in dB, the others as they are."""
    if name != "ms_ssim":
        return value
    return -10 * math.log10(1 - value) if value < 1 else math.inf


def _curves(
    rows: Sequence[Row], averaged: Iterable[Row], request: Request
) -> dict[tuple[str, str, str, str], list[tuple[float, float]]]:
    """Return (embedding, reconstructor, metric, picture or "" for all) -> points (bpp, quality)."""
    low, high = request.bpp_range or (0, math.inf)
    found: dict[tuple[str, str, str, str], list[tuple[float, float]]] = {}

    def add(row: Row, name: str, subject: str) -> None:
        bpp, value = row["bpp"], row[name]
        if bpp is None or value is None or not low * (1 - _SLACK) <= bpp <= high * (1 + _SLACK):
            return
        key = (row["embedding"], row["reconstructor"], name, subject)
        found.setdefault(key, []).append((bpp, as_quality(name, value)))

    for row in rows:
        for name in request.metrics:
            if row["error"] is None and not known_metrics()[name].of_set:
                add(row, name, _subject(row))
    for row in averaged:
        for name in request.metrics:
            if known_metrics()[name].of_set and row["images"] == row["of_images"]:
                add(row, name, "")
    return found


def _subject(row: Row) -> str:
    """Return what one picture is told by: files of the same contents are two."""
    return f"{row['image']} {row['image_sha256']}"


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean; None for none, or where any is missing: a mean of others would pass for it."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None
