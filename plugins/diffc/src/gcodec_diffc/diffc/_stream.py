"""The steps of a `diffc` stream, which follow its head (`_head`); what a channel makes of their bits is in spec/CHANNELS.md.

spec/embeddings/diffc.md is normative.

    code    a byte: the error's code before the first step
    steps   one after another. Of a fixed channel: 4 bits `change`, then the channel's bits, 8 n - 4 in a step of n bytes.
            Of others: 4 bits `change`, the bytes of the channel's bits in 28 bits, these

Layers are whole steps in a row; the last step of a file may be cut short to meet its size, the others have the length of
the schedule. The code says, on a scale of logarithms, what squared error per dimension the step made up for:

    E = 64 exp(-code / 20),    snr_s = snr_t + 2 ln 2 b / (D E)    for b bits, D dimensions

which is KL = b ln 2 nats in the formula of `_process`. Errors fall slowly, so a step says how its code differs from the
code of the step before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gcodec.errors import PayloadError
from gcodec_diffc.diffc._head import NAME
from gcodec_diffc.diffc._schedule import SHORTEST

__all__ = [
    "Piece",
    "bits_of",
    "change_to",
    "error_code",
    "largest",
    "layers",
    "layout",
    "pieces",
    "smallest",
    "snr_after",
]

_LARGEST, _PER_CODE, _MOST = 64.0, 1 / 20, 255
#: What is added to the code, by `change`: most steps are met exactly, and a picture that turns out to be flat is followed.
_CHANGES = (-8, -5, -3, -1, 0, 1, 2, 3, 4, 5, 7, 9, 12, 17, 25, 40)
_CHANGE, _SIZE = 4, 28  # bits


class Piece(NamedTuple):
    """A step as it is sent: bytes that the schedule gives it, change of the error's code, that code, the channel's bits."""

    length: int
    change: int
    code: int
    bits: bytes

    def pack(self, fixed: bool) -> bytes:
        if not fixed:
            return (self.change << _SIZE | len(self.bits)).to_bytes(4, "big") + self.bits
        # The last 4 bits of the channel's bytes are padding; here they go first.
        moved = int.from_bytes(self.bits, "big") >> _CHANGE
        return (self.change << 8 * self.length - _CHANGE | moved).to_bytes(self.length, "big")


def bits_of(length: int, fixed: bool) -> int:
    """Bits that the channel of a step of `length` bytes is made for."""
    return 8 * length - _CHANGE * fixed


def error_code(error: float) -> int:
    """The code next to a squared error per dimension."""
    code = math.log(_LARGEST / max(error, 1e-30)) / _PER_CODE
    return min(max(round(code), 0), _MOST)


def change_to(wanted: int, before: int) -> tuple[int, int]:
    """The change that leads from a code next to the one wanted, and to which."""
    codes = [_changed(before, change) for change in range(len(_CHANGES))]
    nearest = min(range(len(codes)), key=lambda change: abs(codes[change] - wanted))
    return nearest, codes[nearest]


def _changed(code: int, change: int) -> int:
    return min(max(code + _CHANGES[change], 0), _MOST)


def snr_after(snr_t: float, code: int, bits: int, dimensions: int) -> float:
    """snr_s of a step of `bits` bits with that code."""
    expected = _LARGEST * math.exp(-_PER_CODE * code)
    return snr_t + 2 * math.log(2) * bits / (dimensions * expected)


def layout(steps: Sequence[int], payload: int, fixed: bool) -> list[int]:
    """The lengths of the steps that fit in `payload` bytes, two of them the head's; the last of them may be cut short."""
    left, lengths = payload - 2, list[int]()
    for length in steps:
        if left < (SHORTEST if fixed or not lengths else 4 + length):
            break
        lengths.append(min(length, left) if fixed else length)
        left -= lengths[-1] if fixed else 4 + length
    return lengths


def layers(sizes: Sequence[int], least: int = 128, share: float = 2.0) -> list[slice]:
    """Which steps, whose bytes are `sizes`, stand in which layer.

    A layer is closed once it has `least` bytes, and this share of all before it: its frame costs about 5 bytes.
    """
    ends, start, before, here = [], 0, 0, 0
    for end, size in enumerate(sizes, 1):
        here += size
        if here >= least and here >= share * before:
            ends.append(slice(start, end))
            start, before, here = end, before + here, 0
    if here:
        # A short rest is not worth a frame of its own.
        joined = ends and (here < least or here < share / 2 * before)
        ends.append(slice(ends.pop().start if joined else start, len(sizes)))
    return ends


def smallest() -> int:
    """Bytes of a stream of one step, the shortest."""
    return 2 + SHORTEST


def largest(steps: Sequence[int]) -> int:
    """Bytes of a stream of all steps, of a fixed channel."""
    return 2 + sum(steps)


def pieces(data: bytes, fixed: bool, steps: Sequence[int]) -> Iterator[Piece]:
    """Cut what follows the head into steps. Raises PayloadError where it is not a code and a sequence of them."""
    if not data:
        raise PayloadError(NAME, "the stream ends before its first step")
    code, at = data[0], 1
    for length in steps:
        if at == len(data):
            return
        if fixed:
            size = length = min(length, len(data) - at)
            if size < SHORTEST:
                raise PayloadError(NAME, f"the last step has {size} bytes, fewer than {SHORTEST}")
            word, width = int.from_bytes(data[at : at + size], "big"), 8 * size - _CHANGE
            bits = ((word & (1 << width) - 1) << _CHANGE).to_bytes(size, "big")
        else:
            word, width = int.from_bytes(data[at : at + 4].ljust(4, b"\0"), "big"), _SIZE
            size, at = word & (1 << width) - 1, at + 4
            if at + size > len(data):
                raise PayloadError(NAME, f"the stream ends within the step at byte {at}")
            bits = data[at : at + size]
        change = word >> width
        code = _changed(code, change)
        yield Piece(length, change, code, bits)
        at += size
    if at != len(data):
        raise PayloadError(NAME, f"{len(data) - at} bytes follow the last step that there is")
