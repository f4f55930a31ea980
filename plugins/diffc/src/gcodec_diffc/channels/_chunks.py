"""Steps cut into chunks of a few bits, a candidate of each chosen and its index coded: what `chunked`, `orc`, `pfr` share.

A chunk's candidates are samples of the reference. See spec/CHANNELS.md, section 4.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from gcodec.channels import Channel, Common, Gaussian, normalized, restored
from gcodec.errors import ChannelError, InvalidArgument
from gcodec.randomness import Domain
from gcodec_diffc.channels import _zipf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

    Index = NDArray[np.int64]

__all__ = ["ByChunks", "Chunks"]

_COLUMNS = 256  # most columns of the shared codebook
_PARTS = 64  # most parts of a chunk that take different rows of it; longer chunks repeat them, under other signs
_ROWS = 64  # of a product of matrices
_BLOCK = 1 << 22  # numbers at a time


@dataclass(frozen=True)
class ByChunks(Channel):
    """Sends `kl` bits' worth in chunks of at most `chunk` bits, `padding` of them beyond a chunk's KL.

    fresh  a chunk's candidates are its own, as published; otherwise all take theirs from one codebook, under signs
           of their own, which is as good and lets matrix products do the work.

    Raises InvalidArgument for parameters out of range.
    """

    kl: int
    chunk: int = 16
    padding: int = 2
    fresh: bool = True

    def __post_init__(self) -> None:
        if self.kl < 0:
            raise InvalidArgument(f"a KL is not negative, such as {self.kl}")
        if not 0 <= self.padding < self.chunk <= 20:
            raise InvalidArgument(
                f"chunks of {self.chunk} bits, {self.padding} of them padding; at most 20, and fewer than all"
            )

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        m = normalized(self.name, target, reference)
        if not self.kl:
            return b""
        chunks = self._chunks(m.size, common)
        return _zipf.encode(self._indices(chunks, m), *self._law(chunks))

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        if not self.kl:
            if bits:
                raise ChannelError(self.name, f"{len(bits)} bytes where nothing is sent")
            z = common.randomness.normal(Domain.CODEBOOK, common.step, 0, reference.mean.size)
            return restored(z, reference)
        chunks = self._chunks(reference.mean.size, common)
        indices = _zipf.decode(bits, *self._law(chunks), self.name)
        if (indices >= self._candidates(chunks)).any():
            raise ChannelError(self.name, "an index beyond the candidates of its chunk")
        return restored(chunks.sample(indices), reference)

    @abstractmethod
    def _indices(self, chunks: Chunks, m: FloatArray) -> list[int]:
        """The candidate that each chunk sends, counted from 0."""

    def _candidates(self, chunks: Chunks) -> Index:
        """How many each chunk has."""
        return np.left_shift(1, chunks.widths)

    def _law(self, chunks: Chunks) -> tuple[list[int], tuple[int, int]]:
        """Width of each chunk's table of frequencies, and the KL of a chunk in bits as a fraction."""
        return chunks.widths, (self.kl, len(chunks.widths))

    def _chunks(self, dimensions: int, common: Common) -> Chunks:
        # As evenly as whole bits allow; longer chunks first (S2's code: n + 2 c bits for c chunks).
        count = -(-self.kl // (self.chunk - self.padding))
        total = self.kl + self.padding * count
        widths = [total // count + (c < total % count) for c in range(count)]
        if dimensions < self.kl:
            raise ChannelError(
                self.name, f"{self.kl} bits are too many for {dimensions} dimensions"
            )
        ends = np.cumsum(widths, dtype=np.int64)
        edges = [0, *(ends * dimensions // total).tolist()]
        return Chunks(widths, edges, self.fresh, common)


@dataclass(frozen=True)
class Chunks:
    """Chunk c has 2^widths[c] candidates and the dimensions edges[c], ..., edges[c + 1] - 1 of a shared order."""

    widths: list[int]
    edges: list[int]
    fresh: bool
    common: Common

    @cached_property
    def order(self) -> Index:
        """Which dimension comes when."""
        return self.common.randomness.permutation(
            Domain.PERMUTATION, self.common.step, 0, self.edges[-1]
        )

    def log_weights(self, m: FloatArray) -> Iterator[FloatArray]:
        """log w_k = <m, z_k> of all candidates k of a chunk, chunk by chunk."""
        ordered = m[self.order]
        if self.fresh:
            for c, width in enumerate(self.widths):
                yield self.scores(ordered, c, 0, 1 << width)
            return
        rows = np.arange(1 << max(self.widths))
        codebook = self._rows(rows).T
        folded = np.bincount(
            self._place, self._signs * ordered, len(self.widths) * self._parts * self._columns
        )
        parts = folded.reshape(-1, self._columns).astype(np.float32)
        batch = max(1, _ROWS // self._parts) * self._parts
        part = 0
        for start in range(0, len(parts), batch):
            products = (parts[start : start + batch] @ codebook).reshape(-1, self._parts, len(rows))
            for width, product in zip(self.widths[start // self._parts :], products, strict=False):
                count = 1 << width
                log_w = np.zeros(count, np.float32)
                for row in product:
                    log_w += row[rows[:count] ^ part % count]
                    part += 1
                yield log_w

    def scores(self, ordered: FloatArray, c: int, first: int, last: int) -> FloatArray:
        """log w_k of fresh candidates first <= k < last of chunk c, for m in the shared order."""
        begin, end = self.edges[c : c + 2]
        step = max(1, _BLOCK // (end - begin))
        return np.concatenate(
            [
                self._fresh(c, range(k, min(k + step, last))) @ ordered[begin:end]
                for k in range(first, last, step)
            ]
        )

    def sample(self, indices: Index) -> FloatArray:
        """z of the chosen candidates: [D]."""
        z = np.empty(self.edges[-1], np.float32)
        if self.fresh:
            parts = [self._fresh(c, [k])[0] for c, k in enumerate(indices.tolist())]
            z[self.order] = np.concatenate(parts)
            return z
        part, column = np.divmod(self._place, self._columns)
        chunk = part // self._parts
        wanted = indices[chunk] ^ part % np.left_shift(1, self.widths)[chunk]
        rows, which = np.unique(wanted, return_inverse=True)
        z[self.order] = self._signs * self._rows(rows)[which, column]
        return z

    def _fresh(self, c: int, which: range | list[int]) -> FloatArray:
        """Fresh candidates of chunk c: [candidates, dimensions]."""
        begin, end = self.edges[c : c + 2]
        return self.common.randomness.normal(
            Domain.CODEBOOK, self.common.step, which, end - begin, begin
        )

    def _rows(self, rows: Index) -> FloatArray:
        return self.common.randomness.normal(Domain.CODEBOOK, self.common.step, rows, self._columns)

    @cached_property
    def _signs(self) -> FloatArray:
        return self.common.randomness.signs(Domain.SIGNS, self.common.step, 0, self.edges[-1])

    @cached_property
    def _parts(self) -> int:
        """Parts of the longest chunk. Part u of candidate k of chunk c has row k xor (c parts + u)."""
        return min(-(-max(self._lengths) // _COLUMNS), _PARTS)

    @cached_property
    def _columns(self) -> int:
        return min(max(self._lengths), _COLUMNS)

    @cached_property
    def _lengths(self) -> list[int]:
        return [end - begin for begin, end in pairwise(self.edges)]

    @cached_property
    def _place(self) -> Index:
        """(chunk, part, column) of each place in the shared order, as one number."""
        chunk = np.repeat(np.arange(len(self._lengths)), self._lengths)
        within = np.arange(self.edges[-1]) - np.repeat(self.edges[:-1], self._lengths)
        part = within // self._columns % self._parts
        return (chunk * self._parts + part) * self._columns + within % self._columns
