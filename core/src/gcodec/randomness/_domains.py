"""The uses of common randomness. Append only: a number, once given out, keeps its meaning for ever.

The same table stands in spec/RANDOMNESS.md, and a test compares the two.
"""

from __future__ import annotations

import operator
from enum import IntEnum
from typing import SupportsIndex

from gcodec.errors import InvalidArgument

FIRST_PRIVATE = 0x8000_0000  # from here on: plugins without a registered use, experiments, tests


class Domain(IntEnum):
    """What a row of the stream is for. `a` and `b` are the other two words of its name."""

    INITIAL_NOISE = 1  # x_T, the noise a diffusion starts from; a: 0, b: sample
    CODEBOOK = 2  # candidates of channel simulation; a: step, b: candidate, state or codeword
    PERMUTATION = 3  # shared reordering of dimensions; a: step, b: 0
    SIGNS = 4  # shared sign flips; a: step, b: group
    DITHER = 5  # subtractive dither of universal quantization; a: step, b: 0
    DECODER_NOISE = 6  # stage 2's own noise; a: step, b: sample, or row of the picture
    ENCODER = 7  # draws that only the encoder makes, so that it can be repeated; a, b: as it likes
    COMPLETION = 8  # symbols that a file leaves out, drawn by the receiver; a: level, b: 0


def check_domain(domain: SupportsIndex) -> int:
    """`domain` as a plain int. Raises InvalidArgument if it is neither registered nor private."""
    number = operator.index(domain)
    if FIRST_PRIVATE <= number <= 0xFFFF_FFFF or any(number == known for known in Domain):
        return number
    raise InvalidArgument(
        f"{number} is no registered domain; take one of gcodec.randomness.Domain,"
        f" or a private number from {FIRST_PRIVATE:#x} to 0xffffffff"
    )
