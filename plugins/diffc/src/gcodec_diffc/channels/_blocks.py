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

__all__ = ["Blocks"]

#: Longest row of common randomness; a longer codeword is put together from as many as it takes.
ROW = 512

#: Pieces in one product of matrices, for memory's sake: at most 2^16 x 256 numbers come of it.
_PIECES = 256


class Blocks:
    """Where the common randomness of one use of the channel lies, a its step.

    Dimension order[n] is element n div blocks of block n mod blocks, with `order` the permutation (PERMUTATION, a, 0).
    A block has `length` elements, the last of which may be missing, in `pieces` of `row`. Element i of piece j of
    codeword k is element i of row (CODEBOOK, a, (k + j) mod K): normals of their own within a codeword, and one product of
    matrices for the scores of all. What makes codewords of blocks different are signs, n-th of row (SIGNS, a, 0) for
    element n of `order`.
    """

    def __init__(self, entries: int, blocks: int, dimensions: int, common: Common) -> None:
        self.entries, self.blocks, self.dimensions = entries, blocks, dimensions
        self.randomness, self.step = common.randomness, common.step
        self.length = -(-dimensions // self.blocks)
        self.pieces = -(-self.length // ROW)
        self.row = -(-self.length // self.pieces)
        self.order = self.randomness.permutation(Domain.PERMUTATION, self.step, 0, dimensions)
        self.signs = self.randomness.signs(Domain.SIGNS, self.step, 0, dimensions)

    def collect(self, blocks: FloatArray) -> FloatArray:
        """Unsigned blocks [blocks, length] to dimensions [D]."""
        z = np.empty(self.dimensions, np.float32)
        z[self.order] = blocks.T.ravel()[: self.dimensions] * self.signs
        return z

    def scores(self, r: FloatArray) -> Iterator[FloatArray]:
        """<z_k, r> of all codewords for dimensions r [D], block by block: float32 [K]."""
        dealt = np.zeros(self.length * self.blocks, np.float32)
        dealt[: self.dimensions] = r[self.order] * self.signs
        padded = np.zeros((self.blocks, self.pieces * self.row), np.float32)
        padded[:, : self.length] = dealt.reshape(self.length, self.blocks).T
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
