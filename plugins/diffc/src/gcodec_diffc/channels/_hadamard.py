"""The channel `hadamard`: `codebook` with one atom or the best M, whose codewords are rows of a transform, never stored.

H-DDCM (arXiv 2610.18125) takes rows of a randomized Walsh-Hadamard transform for codewords. Here codeword k = j n + i, for
blocks of L elements and n >= L the least power of two, is

    c_k[e] = sign[e] (H diag(t_j) H)[e, i] / sqrt(n),    t_j and sign random +1 and -1.

One round, sign and H alone, is too regular for pictures: the energy of what is missing sits in few channels, and rows of H
follow channels, rows and columns. Two rounds make normals of it. The n codewords of a transform are orthogonal before
the n - L last elements are cut off, those of different ones nearly; J = K / n transforms take

    scores   <c_k, r>  =  H diag(t_j) (H sign r)        one transform for all, one for each j: O(K log n)
    noise    z = sign H sum_j diag(t_j) (H a_j)         a_j the weights of the atoms of transform j: O(J n log n)

and memory of a few n. Since H diag(t) H = h(e ^ i) with h = H t, one atom is n gathers from h, which is how the
specification has it. All of the receiver's sums are integers that its floats hold.

Scale. Orthogonal codewords have |z|^2 = L whatever they are chosen for, so with A deviations along r only L - A^2 / J is
left across it, where normals have L. z is stretched by about that much (`_gain`), with the A that so many bits convey.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.channels import Channel, Common, Gaussian, normalized, restored
from gcodec.errors import ChannelError
from gcodec_diffc.channels._fields import check_choice, pack, unpack
from gcodec_diffc.channels._threshold import Threshold
from gcodec_diffc.channels._transforms import Transforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

__all__ = ["Hadamard"]

_MAX_LOG_ENTRIES, _MAX_ATOMS = 22, 512

#: A group of codewords, whose atoms have a rank of their own, has so many or more.
_LOG_GROUP = 16


@dataclass(frozen=True)
class Hadamard(Channel):
    """Parameters of the module's docstring.

    entries       K, a power of two, 2 to 2^22.
    atoms         M, 1 to 512 for each group of 2^16 codewords, at most K.
    coefficients  C, bits, 1 to 8.
    blocks        number of independent choices, 1 to D.

    Raises InvalidArgument for parameters out of range.
    """

    name: ClassVar[str] = "hadamard"
    entries: int = 1 << 14
    atoms: int = 1
    coefficients: int = 1
    blocks: int = 1

    def __post_init__(self) -> None:
        most = self.most_atoms(self.entries)
        check_choice(
            self.entries, _MAX_LOG_ENTRIES, self.atoms, most, self.coefficients, self.blocks
        )

    @staticmethod
    def most_atoms(entries: int) -> int:
        """The largest number of atoms out of so many codewords."""
        return min(entries, _MAX_ATOMS * max(entries >> _LOG_GROUP, 1))

    @cached_property
    def groups(self) -> list[Threshold]:
        """What each group of codewords sends: K / G of them, and M div G atoms, of the first groups one more."""
        most = min(self.atoms, max(self.entries >> _LOG_GROUP, 1))
        count = 1 << most.bit_length() - 1
        least, more = divmod(self.atoms, count)
        size, c = self.entries // count, self.coefficients
        first, last = Threshold(size, least + 1, c), Threshold(size, least, c)
        return [first] * more + [last] * (count - more)

    @cached_property
    def block_bits(self) -> int:
        """Bits that one block sends."""
        return sum(group.bits for group in self.groups)

    @property
    def bits(self) -> int:
        """Bits that one use of the channel sends, before they are padded to bytes."""
        return self.blocks * self.block_bits

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        """Return the choice of every block, first block first. Its size depends on the parameters alone."""
        r = normalized(self.name, target, reference)
        chosen = self._transforms(r.size, common).chosen(r, self.groups)
        return pack((self._field(*each) for each in chosen), self.block_bits)

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        """Return reference.mean + deviation z: an integer, multiplied in double precision, rounded once."""
        transforms = self._transforms(reference.mean.size, common)
        fields = unpack(bits, self.blocks, self.block_bits, self.name)
        codewords, a = (np.array(part) for part in zip(*map(self._named, fields), strict=True))
        z = transforms.noise(codewords, a, self._gain(transforms, a))
        return restored(z, reference)

    def _field(self, codewords: NDArray[np.int64], scores: FloatArray) -> int:
        """The field of one block, for the group-wise ascending codewords [M] that it has chosen, and their scores."""
        field, top, at = 0, float(np.abs(scores).max()), 0
        for g, group in enumerate(self.groups):
            some = slice(at, at := at + group.atoms)
            own = group.named(codewords[some] - g * group.entries, scores[some], top)
            field = field << group.bits | own
        return field

    def _named(self, field: int) -> tuple[list[int], list[int]]:
        """The codewords [M] and their odd coefficients. Raises ChannelError for no field."""
        codewords: list[int] = []
        odd: list[int] = []
        left = self.block_bits
        for g, group in enumerate(self.groups):
            left -= group.bits
            indices, a = group.atoms_of(field >> left & (1 << group.bits) - 1, self.name)
            codewords += [g * group.entries + i for i in indices]
            odd += a
        return codewords, odd

    def _gain(self, transforms: Transforms, a: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the sums of each block are multiplied by, for its coefficients a [blocks, M]: about sqrt(1 / (n |a|^2))."""
        n = transforms.n
        size = 7 * n * min(self.atoms, transforms.count)
        short = 4 * min(self.block_bits, size // 7)
        squares = (a * a).sum(1).astype(np.float64)
        return np.sqrt((size + short) / ((size - short) * (n * squares)))

    def _transforms(self, dimensions: int, common: Common) -> Transforms:
        if self.blocks > dimensions:
            raise ChannelError(self.name, f"{self.blocks} blocks of {dimensions} dimensions")
        return Transforms(self.entries, self.blocks, dimensions, common)
