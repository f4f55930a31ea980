"""Codes of candidates' indices: Zipf's law in integer frequencies, from integer arithmetic alone. See spec/CHANNELS.md, 4.2.

The index of the Poisson functional representation has E[log2 k] <= KL + e^-1 log2 e, and a Zipf law of exponent
s = 1 + 1/(KL + e^-1 log2 e + 1) then codes it in KL + log2(KL + 1) + 4 bits at most (Li and El Gamal 2018, appendix).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gcodec.entropy import PRECISION, Decoder, Encoder, FrequencyTables
from gcodec.errors import ChannelError, PayloadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["decode", "encode", "frequencies"]

_FRACTION = 24  # binary places of logarithms
_ONE = 1 << 32  # of the weights


def encode(indices: Sequence[int], widths: Sequence[int], kl: tuple[int, int]) -> bytes:
    """Code one index >= 0 a chunk. Those of a chunk of width b are below 2^b as a rule; others cost far more.

    kl  of a chunk in bits, as numerator and denominator.
    """
    tables, which = _tables(widths, kl)
    position = np.asarray(indices, np.int64)
    encoder = Encoder(tables)
    encoder.put(np.where(position % 2 == 1, (position + 1) // 2, -(position // 2)), which)
    return encoder.finish()


def decode(
    data: bytes, widths: Sequence[int], kl: tuple[int, int], owner: str
) -> NDArray[np.int64]:
    """The indices. Raises ChannelError of the channel `owner` for bytes that `encode` never makes."""
    tables, which = _tables(widths, kl)
    try:
        decoder = Decoder(tables, data, owner)
        symbols = decoder.get(which).astype(np.int64)
        decoder.finish()
    except PayloadError as error:
        raise ChannelError(owner, error.reason) from error
    return np.where(symbols > 0, 2 * symbols - 1, -2 * symbols)


def _tables(
    widths: Sequence[int], kl: tuple[int, int]
) -> tuple[FrequencyTables, NDArray[np.int64]]:
    known = sorted(set(widths))
    tables = FrequencyTables(frequencies(width, *kl) for width in known)
    return tables, np.searchsorted(known, widths)


@lru_cache(maxsize=8)
def frequencies(width: int, numerator: int, denominator: int) -> NDArray[np.int64]:
    """Frequencies of k = 1, ..., 2^width, with sum 2^24 together with those of 2^width + 1 and of the escape: 1 each.

    numerator / denominator  the KL in bits.
    """
    count = 1 << width
    # s in units of 2^-16; e^-1 log2 e + 1 = 1.5307.
    s = (1 << 16) + (denominator * 10_000 << 16) // (numerator * 10_000 + denominator * 15_307)
    weights = _exp2(np.uint64(s) * _log2(np.arange(1, count + 1, dtype=np.uint64)) >> np.uint64(16))
    spare = np.uint64((1 << PRECISION) - count - 2)
    row = np.ones(count + 2, np.int64)
    row[:count] += (weights * spare // weights.sum()).astype(np.int64)
    row[0] += (1 << PRECISION) - row.sum()
    return row


def _log2(k: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """floor(2^24 log2 k), or one less, for 1 <= k < 2^31: the binary digits of the logarithm by squaring."""
    whole = (np.frexp(k.astype(np.float64))[1] - 1).astype(np.uint64)
    x = k << (np.uint64(31) - whole)  # 1 <= x / 2^31 < 2
    answer = whole
    for _ in range(_FRACTION):
        x = x * x >> np.uint64(31)
        digit = x >> np.uint64(32)
        x >>= digit
        answer = answer << np.uint64(1) | digit
    return answer


def _exp2(exponents: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """2^32 2^-(exponents / 2^24), each factor rounded down."""
    weights = np.full(exponents.shape, _ONE, np.uint64)
    root = _ONE // 2  # 2^32 2^-(2^-i), i = 0
    for i in range(1, _FRACTION + 1):
        root = math.isqrt(root * _ONE)
        digit = exponents >> np.uint64(_FRACTION - i) & np.uint64(1)
        weights = np.where(digit == 1, weights * np.uint64(root) >> np.uint64(32), weights)
    return weights >> (exponents >> np.uint64(_FRACTION))
