"""Trellis channel coding: the whole step is one block, searched by dynamic programming. See spec/CHANNELS.md, section 3.

n bits, one for each of n groups of dimensions, run through a shift register. State s of group i names a row of a shared
Gaussian codebook, flipped by shared signs: z(i, s). The sender chooses among the 2^n codewords with the weights of
importance sampling, w = exp(<z, m>) up to a constant, for target N(m, I) and reference N(0, I) (minimal random coding,
Havasi et al. 2019, Algorithm 1); labels on the states of a shift register, found by the Viterbi algorithm, are those of
trellis-coded quantization with random labels (Tseng et al. 2024, "QTIP", section 3). The trellis is tail-biting: before
group 0 the register holds the last bits, so that every bit drives as many groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.channels import Channel, Common, Gaussian, normalized, restored
from gcodec.errors import ChannelError, InvalidArgument
from gcodec.randomness import Domain
from gcodec_diffc.channels import _path

if TYPE_CHECKING:
    from gcodec.signals import FloatArray
    from gcodec_diffc.channels._path import Bits, Index, Metrics

__all__ = ["Code", "Trellis", "states"]

_COLUMNS = 256  # most columns of the codebook; larger groups repeat them, under other signs
_LABELS = 16  # groups of fewer dimensions take turns at as many columns
_DRAWS, _NEAR = 6, 0.2  # paths drawn for an A, and how near is near enough
_KEPT = 1 << 23  # so many branch metrics are kept, because the search looks at them several times


@dataclass(frozen=True)
class Trellis(Channel):
    """`bits` bits for a step of at least as many dimensions, by a register of `memory` bits, 1 to 20.

    At KL = bits ln 2 nats the sample conveys 0.91 of that at the default memory, 0.93 at 14 and 0.95 at 16; time and
    memory grow as 2^memory. A target of less than that is sampled with its own mean and variance; of more, with as
    much as the codebook has. `bits` = 0 is a sample of the reference.

    Raises InvalidArgument for parameters out of range.
    """

    name: ClassVar[str] = "trellis"
    least: ClassVar[int] = 1  # of the memory
    most: ClassVar[int] = 20

    bits: int
    memory: int = 12

    def __post_init__(self) -> None:
        if self.bits < 0:
            raise InvalidArgument(f"a number of bits is not negative, such as {self.bits}")
        if not self.least <= self.memory <= self.most:
            raise InvalidArgument(
                f"the memory is {self.least} to {self.most} bits, not {self.memory}"
            )

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        m = normalized(self.name, target, reference)
        if not self.bits:
            return b""
        code = self._code(m.size, common)
        uniforms = common.randomness.uniform(Domain.ENCODER, common.step, 0, self.bits + 2)
        return np.packbits(_choose(code, m, uniforms)).tobytes()

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        if len(bits) != -(-self.bits // 8):
            raise ChannelError(self.name, f"{len(bits)} bytes for {self.bits} bits")
        if not self.bits:
            z = common.randomness.normal(Domain.CODEBOOK, common.step, 0, reference.mean.size)
            return restored(z, reference)
        word = np.unpackbits(np.frombuffer(bits, np.uint8))
        if word[self.bits :].any():
            raise ChannelError(self.name, "the padding after the last bit is not zero")
        code = self._code(reference.mean.size, common)
        return restored(code.codeword(word[: self.bits]), reference)

    def _code(self, dimensions: int, common: Common) -> Code:
        if self.bits > dimensions:
            raise ChannelError(
                self.name, f"{self.bits} bits are too many for {dimensions} dimensions"
            )
        return _code(self.kind(), self.bits, self.register(), dimensions, common)

    def kind(self) -> Callable[..., Code]:
        return Code

    def register(self) -> int:
        """Bits of memory that serve so many bits: more find no better path, because the ends are too near."""
        return min(self.memory, self.bits if self.bits <= _path.WORDS else self.bits // 3 + 4)


class Code:
    """The shared code: n groups, v bits of memory, D dimensions. A group's row is its state's."""

    def __init__(self, n: int, v: int, dimensions: int, common: Common) -> None:
        self.n, self.v, self._common = n, v, common
        q = np.arange(dimensions)
        size = -(-dimensions // n)  # of the largest group
        turns = max(1, _LABELS // size)
        self.columns = min(turns * size, _COLUMNS)
        self._group = q % n
        self._column = (self._group % turns * size + q // n) % self.columns
        row = (common.step, 0, dimensions)
        self._order = common.randomness.permutation(Domain.PERMUTATION, *row)
        self._signs = common.randomness.signs(Domain.SIGNS, *row)

    def codeword(self, bits: Bits) -> FloatArray:
        """z of the n bits: [D]. Only gathers and flips signs."""
        return self.placed(states(bits, self.v), np.ones(self.n, np.float32))

    def metrics(self, m: FloatArray) -> Metrics:
        """The branch metrics <z(i, s), m>, as a product of the folded m [n, C] and the codebook [2^v, C]."""
        rows, codebook = self.folded(m), self.rows(np.arange(1 << self.v)).T
        if self.n << self.v > _KEPT:
            return lambda groups: rows[groups] @ codebook
        return (rows @ codebook).__getitem__

    def best(self, m: FloatArray) -> tuple[Bits, float]:
        """The bits of the path of the largest <z, m>, and that."""
        return _path.best(self.metrics(m), self.n, self.v)

    def mixed(self, places: FloatArray) -> FloatArray:
        """What places hold, by an orthogonal symmetric matrix: here as it is."""
        return places

    def placed(self, rows: Index, flips: FloatArray) -> FloatArray:
        """z of each group's row times its flip, 1 or -1: [D]."""
        numbers, which = np.unique(rows, return_inverse=True)
        words = self.rows(numbers)
        z = np.empty(self._order.size, np.float32)
        z[self._order] = self.mixed(
            (self._signs * flips[self._group]) * words[which[self._group], self._column]
        )
        return z

    def folded(self, m: FloatArray) -> FloatArray:
        """What the columns of a group's row are multiplied by in <z, m>: [n, C]."""
        place = self._group * self.columns + self._column
        mixed = self.mixed(m[self._order])
        folded = np.bincount(place, self._signs * mixed, self.n * self.columns)
        return folded.reshape(self.n, self.columns).astype(np.float32)

    def rows(self, numbers: Index) -> FloatArray:
        """Rows of the codebook: [numbers, C]."""
        row = Domain.CODEBOOK, self._common.step, numbers, self.columns
        return self._common.randomness.normal(*row)


@lru_cache(maxsize=1)  # a sender replays at once what it has simulated
def _code(kind: Callable[..., Code], n: int, v: int, dimensions: int, common: Common) -> Code:
    return kind(n, v, dimensions, common)


def states(bits: Bits, v: int) -> Index:
    """State of each group: its own bit is the highest of v, the one before it the next, around the end."""
    states = np.zeros(bits.size, np.int64)
    for k in range(v):
        states |= np.roll(bits.astype(np.int64), k) << (v - 1 - k)
    return states


def _choose(code: Code, m: FloatArray, uniforms: FloatArray) -> Bits:
    """The bits to send.

    A = <z, m>/|m| shall be N(|m|, 1), so the last uniform draws it, and the others draw a path of about that A: by its
    weight, exp(b <z, m>), for a sharpness b that is 1 in theory and a little more for a register of few bits. No path
    exceeds the best, which is taken for all draws beyond it, and always if even its A falls short of |m|.
    """
    norm = float(np.linalg.norm(m.astype(np.float64)))
    if not norm:
        return _path.draw(code.metrics(m), code.n, code.v, uniforms[:-1])
    bits, highest = code.best(m)
    wanted = norm + NormalDist().inv_cdf(float(uniforms[-1]))
    if highest <= norm * max(norm, wanted):
        return bits
    metrics, nearest, sharpness = code.metrics(m), math.inf, 1.0
    for _ in range(_DRAWS):
        scale = np.float32(sharpness)
        path = _path.draw(lambda i: scale * metrics(i), code.n, code.v, uniforms[:-1])  # noqa: B023
        miss = wanted - float(code.codeword(path) @ m) / norm
        if abs(miss) < nearest:
            nearest, bits = abs(miss), path
        if nearest < _NEAR:
            break
        sharpness += miss / norm  # because E[A] is about b |m|
    return bits
