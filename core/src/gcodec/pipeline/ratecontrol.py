"""From a size to a quality: the highest one that fits."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

from gcodec.errors import TargetTooSmall, UsageError
from gcodec.plugin import LEVELS

__all__ = ["Target", "search"]

#: Natural logarithm of the size at quality 1 over that at quality 0, until two sizes are known: about that of `ntc`.
_SPAN = 4.0

#: Steps in a row, none of which halved what was left, after which interpolation is given a rest.
_PATIENCE = 3


_KINDS: tuple[tuple[str, Any, str], ...] = (
    ("quality", Real, "a number"),
    ("bpp", Real, "a number"),
    ("bytes", Integral, "a whole number"),
)


@dataclass(frozen=True)
class Target:
    """What was asked for: at most one of the three; nothing means the embedding's own quality, mostly 0.5.

    quality  0..1.
    bpp      bits of the whole file per pixel, more than 0.
    bytes    size of the whole file.

    Raises UsageError for more than one, or for a value of another kind or out of range.
    """

    quality: float | None = None
    bpp: float | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.quality, self.bpp, self.bytes)) > 1:
            raise UsageError("give one of quality, bpp and bytes, not several")
        for name, kind, what in _KINDS:
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, kind) or isinstance(value, bool):
                raise UsageError(f"{name} is {what}, not {value!r}")
            plain = float(value) if kind is Real else int(value)  # NumPy's numbers too
            object.__setattr__(self, name, plain)
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
    name: str,
    size: Callable[[float], int],
    limit: int,
    levels: int = LEVELS,
    about: Callable[[float], float | None] = lambda quality: None,
) -> float:
    """Return the highest quality whose file has at most `limit` bytes.

    size    quality in [0, 1] -> bytes of the whole file; larger for higher quality, with exceptions that cost
            optimality only: the quality that is returned fits. No quality is asked for twice.
    levels  how many qualities the embedding tells apart, evenly spaced (`EmbeddingSpec.levels`).
    about   what `Embedding.about` says of a quality. The search begins where that is the limit; then it interpolates by
            how far sizes were from it. None: sizes are about exponential in quality.

    Raises TargetTooSmall, with the bytes of quality 0: where so many are allowed there is an answer.
    """
    top = levels - 1
    sizes: dict[int, int] = {}
    scale = _Scale(about, top)
    # Level `low` fits and `high` does not; before either is known they lie one beyond the levels that there are.
    low, high = -1, levels
    poor, news = 0, True
    while high - low > 1:
        width = high - low
        level = scale.level(sizes, limit) if sizes or scale.absolute else (low + high) // 2
        # Interpolation may lead where the answer is known not to be, or creep up on it from one side: then bisect.
        if not low <= level < high or poor == _PATIENCE:
            level = (low + high) // 2
        level = max(level, low + 1)
        known = set(sizes.values())
        sizes[level] = size(level / top)
        if sizes[level] <= limit:
            low = level
        else:
            high = level
        # That two levels next to each other have one size, as the same file, is no failure of interpolation.
        news, before = sizes[level] not in known, news
        if news or not before:
            poor = poor + 1 if 2 * (high - low) > width + 1 and poor < _PATIENCE else 0
    if low < 0:
        # Others may have been smaller, of a flat picture: that these will be found again is not sure.
        raise TargetTooSmall(name, limit, sizes[0])
    return low / top


class _Scale:
    """Levels as logarithms of about their sizes, in which true ones are almost on a line.

    absolute  whether it is about the sizes themselves, and not only in proportion to them.
    """

    def __init__(self, about: Callable[[float], float | None], top: int) -> None:
        self._about, self._top = about, top
        self.absolute = about(0.0) is not None

    def place(self, level: int) -> float:
        """That of a level, 0 to top."""
        size = self._about(level / self._top)
        return _SPAN * level / self._top if size is None else math.log(max(size, 1.0))

    def level(self, sizes: Mapping[int, int], limit: int) -> int:
        """Return the last level that should fit, -1 to top, by inverse interpolation between the sizes of some levels.

        It is between the three nearest to the limit; of those that do not even ascend, fewer count. Of levels of one size
        the one nearest to the limit stands for all.
        """
        wanted = math.log(limit + 0.5)
        inward = sorted(sizes.items(), key=lambda x: x[0] if x[1] <= limit else -x[0])
        levels = {size: level for level, size in inward}.values()
        logs = {level: math.log(max(sizes[level], 1)) for level in levels}
        near = sorted(logs, key=lambda level: abs(logs[level] - wanted))[:3]
        while any(logs[b] <= logs[a] for a, b in pairwise(sorted(near))):
            near.pop()
        place = {level: self.place(level) for level in near}
        if len(near) < 2:
            at = wanted + sum(place[level] - logs[level] for level in near)
        else:
            # Lagrange's form of the polynomial through the points (log size, place).
            at = sum(
                place[a]
                * math.prod((wanted - logs[b]) / (logs[a] - logs[b]) for b in near if b != a)
                for a in near
            )
        return bisect(range(self._top + 1), at, key=self.place) - 1
