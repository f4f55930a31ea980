"""The bytes of a `ddcm` stream; what its channel makes of a step's bits is in spec/CHANNELS.md, section 5.

spec/embeddings/ddcm.md is normative.

    kind    bit 7 method (0 threshold, 1 pursuit), bits 4-6 C - 1, bits 0-3 log2 K - 1
    steps   T - 1
    atoms   M - 1, two bytes, big-endian
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
from gcodec_diffc.channels import Codebook

__all__ = ["NAME", "Plan", "pieces"]

NAME = "ddcm"

_HEAD = 7
_METHODS = ("threshold", "pursuit")
_MOST_USES = (1 << 24) - 1
#: Bits per pixel at quality 0, and at quality 1.
_LOWEST, _HIGHEST = 0.005, 0.3


class Plan(NamedTuple):
    """What the receiver must know before the first step.

    channel  of one block.
    steps    T.
    uses     N.
    """

    channel: Codebook
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
        counts = range(1, min(512, 1 << options["codebook"] - 1) + 1)
        fit = bisect.bisect(counts, bits / steps, key=lambda m: _block(options, m).bits)
        return cls(_block(options, counts[max(fit - 1, 0)]), steps, steps)

    def step(self, i: int) -> Codebook:
        """The channel of step i."""
        blocks = (i + 1) * self.uses // self.steps - i * self.uses // self.steps
        return replace(self.channel, blocks=blocks)

    def lengths(self) -> list[int]:
        """Bytes of every step."""
        return [1 + -(-self.step(i).bits // 8) for i in range(self.steps)]

    def pack(self) -> bytes:
        """The bytes before the first step."""
        c = self.channel
        kind = _METHODS.index(c.method) << 7 | c.coefficients - 1 << 4 | c.entries.bit_length() - 2
        head = bytes([kind, self.steps - 1]) + (c.atoms - 1).to_bytes(2, "big")
        return head + self.uses.to_bytes(3, "big")

    @classmethod
    def unpack(cls, data: bytes, dimensions: int) -> Plan:
        """Read a plan for a latent with so many dimensions. Raises PayloadError for one that cannot be."""
        if len(data) < _HEAD:
            raise PayloadError(NAME, f"the stream ends within its first {_HEAD} bytes")
        kind, steps = data[0], data[1] + 1
        atoms, uses = int.from_bytes(data[2:4], "big") + 1, int.from_bytes(data[4:7], "big")
        try:
            channel = Codebook(
                entries=2 << (kind & 15),
                atoms=atoms,
                coefficients=(kind >> 4 & 7) + 1,
                method="pursuit" if kind >> 7 else "threshold",
            )
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


def _block(options: Mapping[str, Any], atoms: int) -> Codebook:
    return Codebook(
        entries=1 << options["codebook"],
        atoms=atoms,
        coefficients=options["coefficients"],
        method=options["method"],
    )
