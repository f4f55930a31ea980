"""From a size to a quality: the largest file that fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gcodec.errors import TargetTooSmall, UsageError
from gcodec.plugin import LEVELS

__all__ = ["Target", "search"]


@dataclass(frozen=True)
class Target:
    """What was asked for: at most one of the three; nothing means quality 0.5.

    quality  0..1.
    bpp      bits of the whole file per pixel, more than 0.
    bytes    size of the whole file.

    Raises UsageError for more than one, or for a value out of range.
    """

    quality: float | None = None
    bpp: float | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.quality, self.bpp, self.bytes)) > 1:
            raise UsageError("give one of quality, bpp and bytes, not several")
        if self.quality is not None and not 0 <= self.quality <= 1:
            raise UsageError(f"quality is from 0 to 1, not {self.quality:g}")
        if self.bpp is not None and not 0 < self.bpp < float("inf"):
            raise UsageError(f"bpp is more than 0, not {self.bpp:g}")
        if self.bytes is not None and self.bytes < 1:
            raise UsageError(f"bytes is 1 or more, not {self.bytes}")

    def limit(self, pixels: int) -> int | None:
        """Return the bytes that a file of so many pixels may have; None where quality decides."""
        return int(self.bpp * pixels / 8) if self.bpp is not None else self.bytes


def search(
    name: str, make: Callable[[float], bytes], limit: int, levels: int = LEVELS
) -> tuple[bytes, float]:
    """Return the file of the highest quality that has at most `limit` bytes, and that quality.

    make    quality in [0, 1] -> a whole file; larger for higher quality, with exceptions that cost optimality only:
            what is returned never exceeds the limit.
    levels  how many qualities the embedding tells apart, evenly spaced (`EmbeddingSpec.levels`).

    Raises TargetTooSmall.
    """
    top = levels - 1
    best = make(0.0)
    if len(best) > limit:
        raise TargetTooSmall(name, limit, len(best))
    over = make(1.0)
    if len(over) <= limit:
        return over, 1.0
    # At level `low` the file fits, at `high` it does not; file sizes are about exponential in quality.
    low, high = 0, top
    sizes = {0: len(best), top: len(over)}
    halve = False
    while high - low > 1:
        width = high - low
        share = 0.5 if halve else _share(sizes[low], sizes[high], limit)
        middle = min(max(low + round(share * width), low + 1), high - 1)
        made = make(middle / top)
        sizes[middle] = len(made)
        if len(made) <= limit:
            best, low = made, middle
        else:
            high = middle
        # Interpolation may creep up on the limit from one side: bisect after a step that gained little.
        halve = 2 * (high - low) > width
    return best, low / top


def _share(fits: int, exceeds: int, limit: int) -> float:
    """Return where between two sizes the limit lies, 0..1, on a logarithmic scale."""
    if not 0 < fits < exceeds:
        return 0.5
    return math.log((limit + 0.5) / fits) / math.log(exceeds / fits)
