"""The bytes of a `ddcm` stream; what its channel makes of a step's bits is in spec/CHANNELS.md, section 5.

spec/embeddings/ddcm.md is normative.

    kind    of `codebook`: bit 7 method (0 threshold, 1 pursuit), bits 4-6 C - 1, bits 0-3 log2 K - 1
            of `hadamard`: bits 5-7 C - 1, bits 0-4 log2 K - 1
    steps   T - 1
    atoms   two bytes, big-endian: bit 15 channel (0 `codebook`, 1 `hadamard`), bits 0-14 M - 1
    uses    N, three bytes, big-endian: blocks of all steps together, at least T
    steps   one after another, each a byte `error` and the channel's bits for its blocks

Step i = 0, ..., T - 1 has floor((i + 1) N / T) - floor(i N / T) blocks. Layers are whole steps in a row. `error` means what
it means in `gcodec_diffc.diffc._stream`.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

from gcodec.errors import PayloadError
from gcodec_diffc.channels import Codebook, Hadamard

__all__ = ["NAME", "Plan", "most_atoms", "pieces"]

NAME = "ddcm"

_HEAD = 7
_METHODS = ("threshold", "pursuit")
_HADAMARD = 1 << 15
_MOST_USES = (1 << 24) - 1
#: Bits per pixel at quality 0, and at quality 1.
_LOWEST, _HIGHEST = 0.005, 0.3


class Plan(NamedTuple):
    """What the receiver must know before the first step.

    channel  of one block.
    steps    T.
    uses     N.
    """

    channel: Codebook | Hadamard
    steps: int
    uses: int

    @classmethod
    def make(cls, options: Mapping[str, Any], quality: float, pixels: int, dimensions: int) -> Plan:
        """The plan for the sender's options and a rate that is exponential in quality."""
        rate = _LOWEST * (_HIGHEST / _LOWEST) ** min(max(quality, 0.0), 1.0)
        bits, most = rate * pixels, options["steps"]
        if options["atoms"]:
            channel = _block(options, options["atoms"])
            most_uses = min(dimensions * most, _MOST_USES)
            uses = min(max(round(bits / channel.bits), 1), most_uses)
            return cls(channel, min(most, uses), uses)
        steps = min(max(int(bits / _block(options, 1).bits), 1), most)
        counts = range(1, min(most_atoms(options), 1 << options["codebook"] - 1) + 1)
        fit = bisect.bisect(counts, bits / steps, key=lambda m: _block(options, m).bits)
        return cls(_block(options, counts[max(fit - 1, 0)]), steps, steps)

    def blocks(self, i: int) -> int:
        """How many step i has."""
        return (i + 1) * self.uses // self.steps - i * self.uses // self.steps

    def step(self, i: int) -> Codebook | Hadamard:
        """The channel of step i."""
        return replace(self.channel, blocks=self.blocks(i))

    def lengths(self) -> list[int]:
        """Bytes of every step."""
        bits = self.channel.block_bits
        return [1 + -(-self.blocks(i) * bits // 8) for i in range(self.steps)]

    def pack(self) -> bytes:
        """The bytes before the first step."""
        c = self.channel
        k, atoms = c.entries.bit_length() - 2, c.atoms - 1
        if isinstance(c, Hadamard):
            kind, atoms = c.coefficients - 1 << 5 | k, atoms | _HADAMARD
        else:
            kind = _METHODS.index(c.method) << 7 | c.coefficients - 1 << 4 | k
        head = bytes([kind, self.steps - 1]) + atoms.to_bytes(2, "big")
        return head + self.uses.to_bytes(3, "big")

    @classmethod
    def unpack(cls, data: bytes, dimensions: int) -> Plan:
        """Read a plan for a latent with so many dimensions. Raises PayloadError for one that cannot be."""
        if len(data) < _HEAD:
            raise PayloadError(NAME, f"the stream ends within its first {_HEAD} bytes")
        kind, steps = data[0], data[1] + 1
        atoms, uses = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:7], "big")
        try:
            channel = _channel(kind, atoms)
        except ValueError as error:
            raise PayloadError(NAME, str(error)) from error
        if not steps <= uses <= steps * dimensions:
            raise PayloadError(
                NAME, f"{uses} blocks in {steps} steps for a latent of {dimensions} dimensions"
            )
        return cls(channel, steps, uses)


def pieces(layers: Sequence[bytes], dimensions: int) -> tuple[Plan, list[bytes], list[int]]:
    """The plan, the steps that there are, and how many of them the first layer, the first two, ... hold.

    Raises PayloadError where layers do not end where steps do.
    """
    data = b"".join(layers)
    plan = Plan.unpack(data, dimensions)
    ends = list(accumulate(plan.lengths(), initial=_HEAD))
    number = {end: i for i, end in enumerate(ends) if i}
    counts: list[int] = []
    for end in accumulate(map(len, layers)):
        if end not in number or (counts and number[end] == counts[-1]):
            raise PayloadError(NAME, f"a layer ends at byte {end}, where no step does")
        counts.append(number[end])
    steps = [data[ends[i] : ends[i + 1]] for i in range(counts[-1])]
    return plan, steps, counts


def most_atoms(options: Mapping[str, Any]) -> int:
    """The most atoms that a block can have under the sender's options."""
    channel = Hadamard if options["method"] == "hadamard" else Codebook
    return channel.most_atoms(1 << options["codebook"])


def _channel(kind: int, atoms: int) -> Codebook | Hadamard:
    """The channel of a block, of two fields of the head. Raises InvalidArgument for what cannot be."""
    if atoms & _HADAMARD:
        return Hadamard(2 << (kind & 31), atoms - _HADAMARD + 1, (kind >> 5) + 1)
    return Codebook(
        2 << (kind & 15), atoms + 1, (kind >> 4 & 7) + 1, "pursuit" if kind >> 7 else "threshold"
    )


def _block(options: Mapping[str, Any], atoms: int) -> Codebook | Hadamard:
    entries, coefficients = 1 << options["codebook"], options["coefficients"]
    if options["method"] == "hadamard":
        return Hadamard(entries, atoms, coefficients)
    return Codebook(entries, atoms, coefficients, options["method"])
