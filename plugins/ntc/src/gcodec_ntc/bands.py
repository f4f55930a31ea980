"""A large picture some rows at a time, so that memory is bounded; what lies near enough to matter is made twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gcodec_ntc.payload import BLOCK

__all__ = ["GROUP", "Band", "bands", "reach_of"]

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


def bands(h: int, w: int, positions: int, reach: int) -> Iterator[Band]:
    """All h rows of w positions, about so many positions at a time; each row is made of those up to `reach` away."""
    rows = max(1, positions // w)
    for first in range(0, h, rows):
        last = min(first + rows, h)
        yield Band(first, last, max(first - reach, 0), min(last + reach, h))


def reach_of(tensors: Iterable[str]) -> tuple[int, int]:
    """How many blocks away what a model's synthesis sees can lie: of its latents' networks, and of all behind them.

    tensors  their names; each residual layer sees one position further.
    """
    weights = [name for name in tensors if name.endswith(".weight")]
    latents, groups = (
        sum(name.startswith(f"synthesis.{blocks}.") for name in weights)
        for blocks in ("latent_blocks", "sample_blocks")
    )
    return latents, -(-(BLOCK // 2 + GROUP * (1 + groups)) // BLOCK)
