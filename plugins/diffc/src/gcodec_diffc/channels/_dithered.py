"""Universal quantization: uniform noise, exactly and at no more than its cost. Review, section II-C.

The channel is y = x + U, U uniform of width C (Roberts 1962; Ziv 1985; Agustsson and Theis 2020). Sender and receiver
share a shift of the lattice, dither o uniform on [0, C); the sender sends the cell k = floor((x + o) / C) of x, and y is
the cell's centre. E|M| = I(X; Y) = h(Y) - log2 C bits a dimension, in time O(D), and y - x is uniform and independent of
x. Equation (11) of (Yang et al. 2025, UQDM) shifts its lattice by the prior's mean as well, which changes nothing in
distribution, as the dither is uniform; here lattices do not depend on what a network computes.

Not a `Channel`: target and reference are a uniform and a logistic distribution. Positions are integers, in the caller's
units; the dither takes each of C values alike (to 2^-32 C), so that the error is uniform on a grid of C points and
exactly independent of x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.entropy import RowDecoder, RowEncoder
from gcodec.errors import ChannelError, InvalidArgument, PayloadError
from gcodec.randomness import Domain
from gcodec_diffc.channels._logistic import Ints, frequencies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.channels import Common

__all__ = ["Dithered", "Logistic"]


@dataclass(frozen=True, eq=False)
class Logistic:
    """What the receiver expects of x: logistic densities in D dimensions, cut off outside of [lo, hi).

    mean    int64 [D].
    scale   int64 [D]: index i of the scale 2**(i / 8 - 8) C, 0 to 104.
    lo, hi  int64 [D], below 2**24 in magnitude.
    """

    mean: Ints
    scale: Ints
    lo: Ints
    hi: Ints


@dataclass(frozen=True)
class Dithered:
    """The channel of one width C, 2 to 2**16. Raises InvalidArgument for a width out of range."""

    name: ClassVar[str] = "dithered"

    width: int

    def __post_init__(self) -> None:
        if not 2 <= self.width <= 1 << 16:
            raise InvalidArgument(f"the width is 2 to {1 << 16}, not {self.width}")

    def dither(self, common: Common, shape: tuple[int, ...] | int, start: int = 0) -> Ints:
        """Dither o: int64, uniform on 0, ..., C - 1; `start` is the place of the first among the step's draws."""
        words = common.randomness.bits(Domain.DITHER, common.step, 0, shape, start)
        return (words.astype(np.int64) * self.width) >> 32

    def cell(self, x: Ints, dither: Ints) -> Ints:
        """The cell k of x."""
        return (x + dither) // self.width

    def edge(self, k: Ints, dither: Ints) -> Ints:
        """The lower edge of cell k, k C - o."""
        return k * self.width - dither

    def simulate(self, x: Ints, reference: Logistic, common: Common) -> bytes:
        """Return bits from which `replay` makes a sample of x + U: x int64 [D].

        Raises InvalidArgument for another number of dimensions, and ChannelError for x outside of the reference's support.
        """
        if x.ndim != 1 or x.shape != reference.mean.shape:
            raise InvalidArgument(f"x of shape {x.shape} for a reference of {reference.mean.shape}")
        if ((x < reference.lo) | (x >= reference.hi)).any():
            raise ChannelError(self.name, "x lies outside of the reference's support")
        dither = self.dither(common, len(x))
        first, counts = self._cells(reference, dither)
        symbols, open_ = self.cell(x, dither) - first, np.flatnonzero(counts > 1)
        writer = RowEncoder()
        if open_.size:
            writer.put(symbols[open_], self._tables(reference, dither, open_))
        return writer.finish()

    def replay(self, bits: bytes, reference: Logistic, common: Common) -> NDArray[np.float64]:
        """Return y, float64 [D], exactly. Raises ChannelError for bits that `simulate` cannot have returned."""
        dither = self.dither(common, len(reference.mean))
        first, counts = self._cells(reference, dither)
        symbols, open_ = np.zeros_like(first), np.flatnonzero(counts > 1)
        try:
            reader = RowDecoder(bits, self.name)
            if open_.size:
                symbols[open_] = reader.get(self._tables(reference, dither, open_))
            reader.finish()
        except PayloadError as error:
            raise ChannelError(self.name, error.reason) from error
        if (symbols >= counts).any():
            raise ChannelError(self.name, "a cell outside of the reference's support")
        return self.edge(first + symbols, dither) + self.width / 2

    def _cells(self, reference: Logistic, dither: Ints) -> tuple[Ints, Ints]:
        """The first cell in each dimension, and how many there are."""
        first, last = self.cell(reference.lo, dither), self.cell(reference.hi - 1, dither)
        return first, last - first + 1

    def _tables(self, reference: Logistic, dither: Ints, some: Ints) -> Ints:
        lo, hi, dither = reference.lo[some], reference.hi[some], dither[some]
        first = self.cell(lo, dither)
        edge, counts = self.edge(first, dither), self.cell(hi - 1, dither) - first + 1
        width = np.broadcast_to(self.width, edge.shape)
        mean, scale = reference.mean[some], reference.scale[some]
        return frequencies(self.width, mean, scale, edge, width, counts, lo, hi)
