"""Philox4x32-10: 128 bits of counter and 64 bits of key give 128 random bits.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3; the constants are
those of Random123's philox.h. This file is the definition, in Python's integers; `_numpy` and `_torch` compute the same
for whole arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import SupportsIndex

from gcodec.errors import InvalidArgument

ROUNDS = 10
MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9  # golden ratio
WEYL_1 = 0xBB67AE85  # sqrt(3) - 1
MASK = 0xFFFF_FFFF

Words = tuple[int, int, int, int]
Key = tuple[int, int]


def round_keys(key: Key) -> Iterator[Key]:
    """The key of each round: both words advance by a Weyl constant modulo 2^32."""
    k0, k1 = key
    for _ in range(ROUNDS):
        yield k0, k1
        k0, k1 = (k0 + WEYL_0) & MASK, (k1 + WEYL_1) & MASK


def philox4x32(counter: Words, key: Key) -> Words:
    """Four random words for one counter; all words in 0, ..., 2^32 - 1."""
    c0, c1, c2, c3 = counter
    for k0, k1 in round_keys(key):
        product_0, product_1 = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (
            (product_1 >> 32) ^ c1 ^ k0,
            product_1 & MASK,
            (product_0 >> 32) ^ c3 ^ k1,
            product_0 & MASK,
        )
    return c0, c1, c2, c3


def split_seed(seed: SupportsIndex) -> Key:
    """The key of a 64-bit seed: low word, high word. Raises InvalidArgument outside 0, ..., 2^64 - 1."""
    number = operator.index(seed)
    if not 0 <= number < 1 << 64:
        raise InvalidArgument(f"a seed has 64 bits: 0 <= seed < 2^64, not {number}")
    return number & MASK, number >> 32
