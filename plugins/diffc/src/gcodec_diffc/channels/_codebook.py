"""The channel `codebook`: noise combined from the atoms of a codebook that best match where the target lies.

DDCM (Ohayon et al. 2025, arXiv:2502.01189) replaces the noise of an ancestral step by that of K codewords z_1, ...,
z_K, drawn from N(0, I) by common randomness, which agrees best with the residual r = m - m_p between the means of target
and reference:

    pursuit     z <- z_k, k = argmax <z_k, r>;
                then M - 1 times  z <- (g z + (1 - g) z_k) / sqrt(g^2 + (1 - g)^2),  (g, k) = argmax <z, r>,
                g in {1, ..., 2^C} / 2^C, over the z_k not yet in z. Sent: M log2 K + (M - 1) C bits.

Turbo-DDCM (Vaisman et al. 2025, arXiv:2511.06424) combines many atoms at once:

    threshold   z = sum_i a_i z_(i) / sqrt(sum_i a_i^2),  (1), ..., (M) the largest |<z_k, r>|,
                a_i in {-(2^C - 1), ..., -1, 1, ..., 2^C - 1} (odd numbers) nearest to proportional to <z_(i), r>.
                Sent: the rank of the set, ceil(log2 C(K, M)) bits, and M C bits.

Two departures. Both papers divide by the measured standard deviation; here it is the one expected of independent atoms,
which any machine computes alike, and which leaves |z|^2 at about D + <z, r/|r|>^2, what a sample of N(r, I) has. And both
choose one combination for all D dimensions; here the dimensions, shuffled, are dealt to `blocks` of equal length that
each choose their own, so that the rate grows without K. One block is the published method.

No sample of N(m, I) comes of it: the projection A of z on r / |r| hardly varies and is what the bits carry, whatever
|r| is; only across r is z as good as normal. The caller gets a sample of about the target where |m - m_p| is A deviations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from gcodec.channels import Channel, Common, Gaussian, normalized, restored
from gcodec.errors import ChannelError, InvalidArgument
from gcodec.randomness import Domain
from gcodec_diffc.channels._subsets import rank, unrank

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

    #: Indices [M] of the atoms of one block, and their weights [M], with squares that sum to 1.
    Combination: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.float64]]"
    Rows: TypeAlias = "Sequence[int] | NDArray[np.int64]"

__all__ = ["Codebook"]

#: Longest row of common randomness; a longer codeword is put together from as many as it takes.
ROW = 512

_MAX_LOG_ENTRIES, _MAX_ATOMS, _MAX_COEFFICIENTS = 16, 512, 8
#: Pieces in one product of matrices, for memory's sake: at most 2^16 x 256 numbers come of it.
_PIECES = 256


@dataclass(frozen=True)
class Codebook(Channel):
    """Parameters of the module's docstring.

    entries       K, a power of two, 2 to 2^16.
    atoms         M, 1 to 512, at most K.
    coefficients  C, bits, 1 to 8.
    method        "pursuit" or "threshold".
    blocks        number of independent choices, 1 to D.

    Raises InvalidArgument for parameters out of range.
    """

    name: ClassVar[str] = "codebook"
    entries: int = 1 << 14
    atoms: int = 1
    coefficients: int = 1
    method: Literal["pursuit", "threshold"] = "threshold"
    blocks: int = 1

    def __post_init__(self) -> None:
        k = self.entries
        if k & (k - 1) or not 2 <= k <= 1 << _MAX_LOG_ENTRIES:
            raise InvalidArgument(f"entries is a power of two, 2 to 2^{_MAX_LOG_ENTRIES}, not {k}")
        if not 1 <= self.atoms <= min(k, _MAX_ATOMS):
            raise InvalidArgument(f"atoms is 1 to {min(k, _MAX_ATOMS)}, not {self.atoms}")
        if not 1 <= self.coefficients <= _MAX_COEFFICIENTS:
            raise InvalidArgument(
                f"coefficients is 1 to {_MAX_COEFFICIENTS}, not {self.coefficients}"
            )
        if self.method not in ("pursuit", "threshold"):
            raise InvalidArgument(f"method is pursuit or threshold, not {self.method!r}")
        if self.blocks < 1:
            raise InvalidArgument(f"blocks is 1 or more, not {self.blocks}")

    @property
    def block_bits(self) -> int:
        """Bits that one block sends."""
        if self.method == "pursuit":
            return self.atoms * self._index_bits + (self.atoms - 1) * self.coefficients
        return self._subset_bits + self.atoms * self.coefficients

    @property
    def bits(self) -> int:
        """Bits that one use of the channel sends, before they are padded to bytes."""
        return self.blocks * self.block_bits

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        """Return the choice of every block, first block first. Its size depends on the parameters alone."""
        r = normalized(self.name, target, reference)
        self._check(r.size)
        value = 0
        for field in self._choose(r, common):
            value = value << self.block_bits | field
        length = -(-self.bits // 8)
        return (value << 8 * length - self.bits).to_bytes(length, "big")

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        """Return reference.mean + deviation z, made from the chosen atoms alone."""
        self._check(reference.mean.size)
        if len(bits) != -(-self.bits // 8):
            raise ChannelError(self.name, f"{len(bits)} bytes instead of {-(-self.bits // 8)}")
        value, padding = int.from_bytes(bits, "big"), -self.bits % 8
        if value & (1 << padding) - 1:
            raise ChannelError(self.name, "the padding is not zero")
        value >>= padding
        mask = (1 << self.block_bits) - 1
        fields = [value >> i * self.block_bits & mask for i in reversed(range(self.blocks))]
        z = self._combine([self._parse(field) for field in fields], reference.mean.size, common)
        return restored(z, reference)

    def _check(self, dimensions: int) -> None:
        if self.blocks > dimensions:
            raise ChannelError(self.name, f"{self.blocks} blocks of {dimensions} dimensions")

    # The sender's side: scores <z_k, r>, choice, fields.

    def _choose(self, r: FloatArray, common: Common) -> Iterator[int]:
        """The field of every block."""
        pick = self._pursue if self.method == "pursuit" else self._threshold
        return map(pick, _Layout(self, r.size, common).scores(r))

    def _threshold(self, g: FloatArray) -> int:
        """The field for scores g [K] by top-M thresholding."""
        size = np.abs(g)
        if self.atoms == 1:
            chosen = size.argmax(keepdims=True)
        else:
            chosen = np.sort(np.argpartition(-size, self.atoms - 1)[: self.atoms])
        top = (1 << self.coefficients) - 1
        share = g[chosen] / max(float(size[chosen].max()), 1e-30)
        levels = np.clip(np.rint((share * top + top) / 2), 0, top).astype(np.int64)
        field = rank(chosen.tolist(), self.entries)
        for level in levels.tolist():
            field = field << self.coefficients | level
        return field

    def _pursue(self, g: FloatArray) -> int:
        """The field for scores g [K] by matching pursuit."""
        g = g.astype(np.float64)
        k = int(g.argmax())
        field, score = k, g[k]
        weights = np.arange(1, (1 << self.coefficients) + 1) / (1 << self.coefficients)
        for _ in range(self.atoms - 1):
            g[k] = -np.inf
            k = int(g.argmax())
            after = (weights * score + (1 - weights) * g[k]) / np.hypot(weights, 1 - weights)
            best = int(after.argmax())
            field = (field << self._index_bits | k) << self.coefficients | best
            score = after[best]
        return field

    # The receiver's side: fields to combinations, combinations to noise. Exact.

    def _parse(self, field: int) -> Combination:
        """Indices and weights of a field. Raises ChannelError for one that no sender makes."""
        parse = self._parse_pursuit if self.method == "pursuit" else self._parse_threshold
        return parse(field)

    def _parse_threshold(self, field: int) -> Combination:
        c, m = self.coefficients, self.atoms
        place, top = field >> m * c, (1 << c) - 1
        if place >= math.comb(self.entries, m):
            raise ChannelError(self.name, f"rank {place} of {m} atoms out of {self.entries}")
        a = np.array([2 * (field >> i * c & top) - top for i in reversed(range(m))], np.float64)
        indices = np.array(unrank(place, self.entries, m), np.int64)
        return indices, a / np.sqrt(float((a * a).sum()))  # a sum of small integers: exact

    def _parse_pursuit(self, field: int) -> Combination:
        c, width = self.coefficients, self._index_bits + self.coefficients
        indices, w = [field >> (self.atoms - 1) * width], np.ones(1)
        for i in reversed(range(self.atoms - 1)):
            step = field >> i * width & (1 << width) - 1
            g = ((step & (1 << c) - 1) + 1) / (1 << c)
            indices.append(step >> c)
            w = np.append(g * w, 1 - g) / math.sqrt(g * g + (1 - g) * (1 - g))
        if len(set(indices)) < self.atoms:
            raise ChannelError(self.name, "one atom is named twice")
        return np.array(indices, np.int64), w

    def _combine(
        self, combinations: list[Combination], dimensions: int, common: Common
    ) -> FloatArray:
        """z, float32 [D]: atom by atom in double precision, rounded once."""
        layout = _Layout(self, dimensions, common)
        indices = np.stack([c[0] for c in combinations])
        weights = np.stack([c[1] for c in combinations])
        z = np.zeros((self.blocks, layout.length))
        for i in range(self.atoms):
            z += layout.codewords(indices[:, i]) * weights[:, i, None]
        return layout.collect(z.astype(np.float32))

    @property
    def _index_bits(self) -> int:
        return self.entries.bit_length() - 1

    @property
    def _subset_bits(self) -> int:
        return (math.comb(self.entries, self.atoms) - 1).bit_length()


class _Layout:
    """Where the common randomness of one use of the channel lies, a its step.

    Dimension order[n] is element n div blocks of block n mod blocks, with `order` the permutation (PERMUTATION, a, 0).
    A block has `length` elements, the last of which may be missing, in `pieces` of `row`. Element i of piece j of
    codeword k is element i of row (CODEBOOK, a, (k + j) mod K): normals of their own within a codeword, and one product of
    matrices for the scores of all. What makes codewords of blocks different are signs, n-th of row (SIGNS, a, 0) for
    element n of `order`.
    """

    def __init__(self, channel: Codebook, dimensions: int, common: Common) -> None:
        self.entries, self.blocks, self.dimensions = channel.entries, channel.blocks, dimensions
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
