"""From a size to a quality: the largest file that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gcodec.errors import TargetTooSmall, UsageError

__all__ = ["Target", "search"]

#: Bisection steps: 2^-10 of the quality range is finer than any embedding's own grid.
_STEPS = 10


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


def search(name: str, make: Callable[[float], bytes], limit: int) -> tuple[bytes, float]:
    """Return the file of the highest quality that has at most `limit` bytes, and that quality.

    make: quality in [0, 1] -> a whole file; larger for higher quality, with exceptions that cost optimality only:
    what is returned never exceeds the limit. Raises TargetTooSmall.
    """
    lowest = make(0.0)
    if len(lowest) > limit:
        raise TargetTooSmall(name, limit, len(lowest))
    highest = make(1.0)
    if len(highest) <= limit:
        return highest, 1.0
    best, low, high = lowest, 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        made = make(middle)
        if len(made) <= limit:
            best, low = made, middle
        else:
            high = middle
    return best, low
