"""Dimensions dealt to blocks that each have a codeword of one shared codebook: scores for the sender, words for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gcodec.randomness import Domain

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from gcodec.channels import Common
    from gcodec.signals import FloatArray

    Rows: TypeAlias = "Sequence[int] | NDArray[np.int64]"

__all__ = ["Blocks", "Dealt"]

#: Longest row of common randomness; a longer codeword is put together from as many as it takes.
ROW = 512

#: Pieces in one product of matrices, for memory's sake: at most 2^16 x 256 numbers come of it.
_PIECES = 256


class Dealt:
    """Where the dimensions of one use of a channel lie, a its step.

    Dimension order[n] is element n div blocks of block n mod blocks, times the n-th sign of row (SIGNS, a, 0). Blocks have
    `length` elements, the last of which may be missing.

    order  None: as they are.
    """

    def __init__(
        self, blocks: int, dimensions: int, common: Common, order: NDArray[np.int64] | None
    ) -> None:
        self.blocks, self.dimensions, self.order = blocks, dimensions, order
        self.randomness, self.step = common.randomness, common.step
        self.length = -(-dimensions // self.blocks)
        self.signs = self.randomness.signs(Domain.SIGNS, self.step, 0, dimensions)

    @staticmethod
    def shuffled(dimensions: int, common: Common) -> NDArray[np.int64]:
        """The permutation of row (PERMUTATION, a, 0)."""
        return common.randomness.permutation(Domain.PERMUTATION, common.step, 0, dimensions)

    def deal(self, r: FloatArray) -> FloatArray:
        """Dimensions [D] to blocks [blocks, length], with zeros for what is missing."""
        dealt = np.zeros(self.length * self.blocks, np.float32)
        ordered = r if self.order is None else r[self.order]
        np.multiply(ordered, self.signs, out=dealt[: self.dimensions])
        return dealt.reshape(self.length, self.blocks).T

    def collect(self, blocks: FloatArray) -> FloatArray:
        """Blocks [blocks, length] to dimensions [D]."""
        z = blocks.T.ravel()[: self.dimensions] * self.signs
        if self.order is None:
            return z
        collected = np.empty_like(z)
        collected[self.order] = z
        return collected


class Blocks(Dealt):
    """Shuffled dimensions dealt to blocks of words over normals.

    A codeword has `pieces` of `row`. Element i of piece j of codeword k is element i of row (CODEBOOK, a, (k + j) mod K):
    normals of their own within a codeword, and one product of matrices for the scores of all. What makes codewords of
    blocks different are the signs.
    """

    def __init__(self, entries: int, blocks: int, dimensions: int, common: Common) -> None:
        super().__init__(blocks, dimensions, common, self.shuffled(dimensions, common))
        self.entries = entries
        self.pieces = -(-self.length // ROW)
        self.row = -(-self.length // self.pieces)

    def scores(self, r: FloatArray) -> Iterator[FloatArray]:
        """<z_k, r> of all codewords for dimensions r [D], block by block: float32 [K]."""
        padded = np.zeros((self.blocks, self.pieces * self.row), np.float32)
        padded[:, : self.length] = self.deal(r)
        pieces = padded.reshape(self.blocks, self.pieces, self.row)
        rows = self.rows(range(self.entries)).T
        high = max(_PIECES // self.pieces, 1)
        for top in range(0, self.blocks, high):
            some = pieces[top : top + high]
            total = np.zeros((len(some), self.entries), np.float32)
            for first in range(0, self.pieces, _PIECES):
                part = some[:, first : first + _PIECES]
                products = (part.reshape(-1, self.row) @ rows).reshape(*part.shape[:2], -1)
                for j in range(part.shape[1]):
                    total += np.roll(products[:, j], -(first + j), axis=1)
            yield from total

    def codewords(self, indices: NDArray[np.int64]) -> FloatArray:
        """Unsigned codewords, one for each block: [blocks, length]."""
        rows = (indices[:, None] + np.arange(self.pieces)) % self.entries
        return self.rows(rows.ravel()).reshape(self.blocks, -1)[:, : self.length]

    def rows(self, b: Rows) -> FloatArray:
        """Rows of the codebook, [n, row]."""
        return self.randomness.normal(Domain.CODEBOOK, self.step, b, self.row)
