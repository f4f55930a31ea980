"""Bjontegaard rate differences, by the package bjontegaard, and when there is none to be had."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

from gcodec.errors import GcodecError

__all__ = ["LEAST_OVERLAP", "LEAST_POINTS", "NoDifference", "bd_rate"]

LEAST_POINTS = 4
LEAST_OVERLAP = 0.5

Points = Iterable[tuple[float, float]]


class NoDifference(GcodecError):
    """Two curves cannot be compared; `reason` says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no rate difference: {reason}")


def bd_rate(anchor: Points, test: Points, *, rises: bool = True) -> float:
    """Return how many per cent more bits `test` takes than `anchor` at equal quality, less than 0 for fewer.

    The difference of log rate, averaged over the qualities that both curves reach (Bjontegaard, VCEG-M33), between
    Akima interpolants (Herglotz et al., arXiv 2304.12852), as a ratio of rates.

    anchor, test   (rate, quality) of each point, rates more than 0. A point that costs more than another and is no better
                   is left out: nobody would choose it.
    rises          whether more of the quality is better; a distance falls.

    Raises NoDifference for curves of fewer than four such points, for curves whose common range of quality is less than
    half of the shorter one's, and where the package is not installed.
    """
    anchor, test = _front(anchor, rises), _front(test, rises)
    for points in (anchor, test):
        if len(points) < LEAST_POINTS:
            raise NoDifference(
                f"a curve has {len(points)} points that differ; it takes {LEAST_POINTS}"
            )
    low, high = (max(c[0][1] for c in (anchor, test)), min(c[-1][1] for c in (anchor, test)))
    shorter = min(curve[-1][1] - curve[0][1] for curve in (anchor, test))
    if high - low < LEAST_OVERLAP * shorter:
        raise NoDifference("the curves share less than half of the shorter one's range of quality")
    os.environ.setdefault("MPLBACKEND", "Agg")  # the package imports matplotlib's pyplot
    try:
        import bjontegaard
    except ImportError as error:
        raise NoDifference("pip install bjontegaard") from error
    found = bjontegaard.bd_rate(
        *([*axis] for points in (anchor, test) for axis in zip(*points, strict=True)),
        method="akima",
        require_matching_points=False,
        min_overlap=0,
    )
    return float(found)


def _front(points: Points, rises: bool) -> list[tuple[float, float]]:
    """Return (rate, quality, rising) of the points that no other beats, by rate."""
    kept: list[tuple[float, float]] = []
    for rate, value in sorted(points, key=lambda p: (p[0], -p[1] if rises else p[1])):
        quality = value if rises else -value
        if math.isfinite(quality) and (not kept or quality > kept[-1][1]):
            kept.append((rate, quality))
    return kept
