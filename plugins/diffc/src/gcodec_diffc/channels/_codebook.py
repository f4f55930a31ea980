"""The channel `codebook`: noise combined from the atoms of a codebook that best match where the target lies.

DDCM replaces the noise of an ancestral step by that of K codewords z_1, ..., z_K, drawn from N(0, I) by common randomness,
which agrees best with the residual r = m - m_p between the means of target and reference; a combination of M of them,
with weights of C bits, agrees better. How they are chosen and named is a method: `_pursuit`, DDCM's, or `_threshold`,
Turbo-DDCM's.

Two departures. Both papers divide by the measured standard deviation; here it is the one expected of independent atoms,
which any machine computes alike, and which leaves |z|^2 at about D + <z, r/|r|>^2, what a sample of N(r, I) has. And both
choose one combination for all D dimensions; here the dimensions, shuffled, are dealt to `blocks` of equal length that
each choose their own, so that the rate grows without K. One block is the published method.

No sample of N(m, I) comes of it: the projection A of z on r / |r| hardly varies and is what the bits carry, whatever
|r| is; only across r is z as good as normal. The caller gets a sample of about the target where |m - m_p| is A deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np

from gcodec.channels import Channel, Common, Gaussian, normalized, restored
from gcodec.errors import ChannelError, InvalidArgument
from gcodec_diffc.channels._blocks import Blocks
from gcodec_diffc.channels._fields import check_choice, pack, unpack
from gcodec_diffc.channels._pursuit import Pursuit
from gcodec_diffc.channels._threshold import Threshold

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

    #: Indices [M] of the atoms of one block, and their weights [M], with squares that sum to 1.
    Combination: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.float64]]"

__all__ = ["Codebook", "Method"]

_MAX_LOG_ENTRIES, _MAX_ATOMS = 16, 512


class Method(Protocol):
    """How a block's atoms are chosen and named."""

    @property
    def bits(self) -> int:
        """Bits of a field."""

    def field(self, g: FloatArray) -> int:
        """What the sender sends for scores g [K]."""

    def combination(self, field: int, owner: str) -> Combination:
        """What a field stands for, exactly. Raises ChannelError of the channel `owner` for one that no sender makes."""


METHODS: Mapping[str, type[Pursuit] | type[Threshold]] = {
    "pursuit": Pursuit,
    "threshold": Threshold,
}


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
        most = self.most_atoms(self.entries)
        check_choice(
            self.entries, _MAX_LOG_ENTRIES, self.atoms, most, self.coefficients, self.blocks
        )
        if self.method not in METHODS:
            raise InvalidArgument(f"method is pursuit or threshold, not {self.method!r}")

    @staticmethod
    def most_atoms(entries: int) -> int:
        """The largest number of atoms out of so many codewords."""
        return min(entries, _MAX_ATOMS)

    @property
    def block_bits(self) -> int:
        """Bits that one block sends."""
        return self._method.bits

    @property
    def bits(self) -> int:
        """Bits that one use of the channel sends, before they are padded to bytes."""
        return self.blocks * self.block_bits

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        """Return the choice of every block, first block first. Its size depends on the parameters alone."""
        r = normalized(self.name, target, reference)
        scores = self._blocks(r.size, common).scores(r)
        return pack(map(self._method.field, scores), self.block_bits)

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        """Return reference.mean + deviation z: atom by atom in double precision, rounded once."""
        blocks = self._blocks(reference.mean.size, common)
        fields = unpack(bits, self.blocks, self.block_bits, self.name)
        combinations = [self._method.combination(field, self.name) for field in fields]
        indices, weights = (np.stack(parts) for parts in zip(*combinations, strict=True))
        z = np.zeros((self.blocks, blocks.length))
        for i in range(self.atoms):
            z += blocks.codewords(indices[:, i]) * weights[:, i, None]
        return restored(blocks.collect(z.astype(np.float32)), reference)

    @cached_property
    def _method(self) -> Method:
        return METHODS[self.method](self.entries, self.atoms, self.coefficients)

    def _blocks(self, dimensions: int, common: Common) -> Blocks:
        if self.blocks > dimensions:
            raise ChannelError(self.name, f"{self.blocks} blocks of {dimensions} dimensions")
        return Blocks(self.entries, self.blocks, dimensions, common)
