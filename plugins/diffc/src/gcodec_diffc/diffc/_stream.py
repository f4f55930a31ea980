"""The steps of a `diffc` stream, which follow its head (`_head`); what a channel makes of their bits is in spec/CHANNELS.md.

spec/embeddings/diffc.md is normative.

    steps   one after another, each a byte `error`, the bytes of its bits in three bytes unless the channel is `fixed`, then
            the channel's bits

Layers are whole steps in a row; the last step of a file may be cut short to meet its size, the others have the length of
the schedule. `error` says, on a scale of logarithms, what squared error per dimension the step made up for:

    E = 64 exp(-error / 20),    snr_s = snr_t + 2 ln 2 n / (D E)    for n bits, D dimensions

which is KL = n ln 2 nats in the formula of `_process`.
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
    "error_code",
    "largest",
    "layers",
    "layout",
    "pieces",
    "smallest",
    "snr_after",
]

_LARGEST, _PER_CODE = 64.0, 1 / 20

#: A layer is closed once it has these bytes, and this share of all before it: its frame costs about 6 bytes.
_LAYER, _SHARE = 48, 0.8


class Piece(NamedTuple):
    """A step as it is sent: bytes that the schedule gives it, the error's code, the channel's bits."""

    length: int
    error: int
    bits: bytes

    def pack(self, fixed: bool) -> bytes:
        own = b"" if fixed else len(self.bits).to_bytes(3, "big")
        return bytes([self.error]) + own + self.bits


def error_code(error: float) -> int:
    """The code next to a squared error per dimension."""
    code = math.log(_LARGEST / max(error, 1e-30)) / _PER_CODE
    return min(max(round(code), 0), 255)


def snr_after(snr_t: float, error: int, length: int, dimensions: int) -> float:
    """snr_s of a step of `length` bytes with that code."""
    expected = _LARGEST * math.exp(-_PER_CODE * error)
    return snr_t + 2 * math.log(2) * 8 * length / (dimensions * expected)


def layout(steps: Sequence[int], payload: int, fixed: bool) -> list[int]:
    """The lengths of the steps that fit in `payload` bytes, one of them the head's; the last of them may be cut short."""
    left, lengths = payload - 1, list[int]()
    for length in steps:
        if left < 1 + (SHORTEST if fixed or not lengths else length):
            break
        lengths.append(min(length, left - 1) if fixed else length)
        left -= 1 + lengths[-1]
    return lengths


def layers(sizes: Sequence[int]) -> list[slice]:
    """Which steps, whose bytes are `sizes`, stand in which layer."""
    ends, start, before, here = [], 0, 0, 0
    for end, size in enumerate(sizes, 1):
        here += size
        if here >= _LAYER and here >= _SHARE * before:
            ends.append(slice(start, end))
            start, before, here = end, before + here, 0
    if here:
        # A short rest is not worth a frame of its own.
        joined = ends and (here < _LAYER or here < _SHARE / 2 * before)
        ends.append(slice(ends.pop().start if joined else start, len(sizes)))
    return ends


def smallest() -> int:
    """Bytes of a stream of one step, the shortest."""
    return 2 + SHORTEST


def largest(steps: Sequence[int]) -> int:
    """Bytes of a stream of all steps."""
    return 1 + sum(length + 1 for length in steps)


def pieces(data: bytes, fixed: bool, steps: Sequence[int]) -> Iterator[Piece]:
    """Cut what follows the head into steps. Raises PayloadError where it is not a sequence of them."""
    at = 0
    for length in steps:
        if at == len(data):
            return
        error, at = data[at], at + 1
        if fixed:
            size = length = min(length, len(data) - at)
            if size < SHORTEST:
                raise PayloadError(NAME, f"the last step has {size} bytes, fewer than {SHORTEST}")
        else:
            size, at = int.from_bytes(data[at : at + 3], "big"), at + 3
        if at + size > len(data):
            raise PayloadError(NAME, f"the stream ends within the step at byte {at}")
        yield Piece(length, error, data[at : at + size])
        at += size
    if at != len(data):
        raise PayloadError(NAME, f"{len(data) - at} bytes follow the last step that there is")
