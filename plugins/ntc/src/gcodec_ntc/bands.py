"""A large picture in bands or pieces, so that memory is bounded; what lies near enough to matter is made twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

__all__ = [
    "BLOCK",
    "GROUP",
    "PIECE",
    "STRIP_PIXELS",
    "Band",
    "bands",
    "pieces",
    "reach_of",
    "seen_by",
]

#: Samples a side of one latent position.
BLOCK = 16
#: Positions that are computed at a time: 4 megapixels.
PIECE = 1 << 14
#: Pixels that are compared at a time: few enough for a cache.
STRIP_PIXELS = 1 << 17
#: Samples a side that are one position of the networks that see samples.
GROUP = 4


class Band(NamedTuple):
    """Rows `first` to `last` - 1, made of rows `top` to `bottom` - 1."""

    first: int
    last: int
    top: int
    bottom: int

    def inner(self, unit: int = 1) -> slice:
        """Where those made are among those that they are made of; a row has `unit` of what is asked about."""
        return slice(unit * (self.first - self.top), unit * (self.last - self.top))

    def rows(self, unit: int = 1) -> slice:
        """Where those made are in the whole."""
        return slice(unit * self.first, unit * self.last)

    def outer(self, unit: int = 1) -> slice:
        """Where those that they are made of are in the whole."""
        return slice(unit * self.top, unit * self.bottom)


def bands(h: int, w: int, positions: int, reach: int, unit: int = 1) -> Iterator[Band]:
    """All h rows of w positions, about so many positions at a time; each row is made of those up to `reach` away.

    unit  rows that stay together; bands begin at multiples of it.
    """
    return _cut(h, max(1, positions // (w * unit)) * unit, reach)


def pieces(h: int, w: int, positions: int, reach: int) -> Iterator[tuple[Band, Band]]:
    """Rows and columns of all of h x w positions, in pieces that are made of those up to `reach` away, about so many.

    They are cut so that few are made twice.
    """

    def across(down: int) -> int:
        """Pieces side by side, if there are so many one below the other."""
        if down == 1 and h * w <= positions:
            return 1
        width = positions // (-(-h // down) + 2 * reach) - 2 * reach
        return -(-w // max(width, 1))

    def made(down: int) -> int:
        return (h + 2 * reach * (down - 1)) * (w + 2 * reach * (across(down) - 1))

    down = min(range(1, h + 1), key=made)
    return product(_cut(h, -(-h // down), reach), _cut(w, -(-w // across(down)), reach))


def _cut(length: int, rows: int, reach: int) -> Iterator[Band]:
    for first in range(0, length, rows):
        last = min(first + rows, length)
        yield Band(first, last, max(first - reach, 0), min(last + reach, length))


def reach_of(tensors: Iterable[str]) -> tuple[int, int]:
    """How many blocks away what a model's synthesis sees can lie: of its latents' networks, and of all behind them.

    tensors  their names; each residual layer sees one position further.
    """
    latents = _layers(tensors, "synthesis.latent_blocks")
    groups = _layers(tensors, "synthesis.sample_blocks")
    return latents, -(-(BLOCK // 2 + GROUP * (1 + groups)) // BLOCK)


def seen_by(tensors: Iterable[str]) -> int:
    """How many blocks away what a model's analysis sees can lie: across a border, in `mix`, in each residual layer."""
    return 2 + _layers(tensors, "analysis.blocks")


def _layers(tensors: Iterable[str], name: str) -> int:
    return sum(each.startswith(f"{name}.") and each.endswith(".weight") for each in tensors)
