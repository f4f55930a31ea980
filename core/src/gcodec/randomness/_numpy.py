"""The protocol in NumPy. Works through chunks that stay in the processor's cache, so memory is bounded by the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.randomness._rows import WORDS_PER_BLOCK, Index, Request, Rows, Shape, request
from gcodec.randomness._table import FRACTION_BITS, TAIL_ENTRIES, shipped
from gcodec.randomness.philox import MULTIPLIER_0, MULTIPLIER_1, Key, round_keys

_CHUNK = 1 << 14  # blocks at a time; the three work arrays then take 768 KiB

_U32, _U64 = NDArray[np.uint32], NDArray[np.uint64]


def bits(seed: int, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0) -> _U32:
    return _elements(
        request(seed, domain, a, b, shape, start, WORDS_PER_BLOCK), np.uint32, lambda words: words
    )


def normal(
    seed: int, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0
) -> NDArray[np.float32]:
    return _elements(
        request(seed, domain, a, b, shape, start, WORDS_PER_BLOCK), np.float32, _to_normal
    )


def uniform(
    seed: int, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0
) -> NDArray[np.float32]:
    return _elements(
        request(seed, domain, a, b, shape, start, WORDS_PER_BLOCK), np.float32, _to_uniform
    )


def dither(
    seed: int, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0
) -> NDArray[np.float32]:
    return _elements(
        request(seed, domain, a, b, shape, start, WORDS_PER_BLOCK), np.float32, _to_dither
    )


def signs(
    seed: int, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0
) -> NDArray[np.float32]:
    asked = request(seed, domain, a, b, shape, start, 32 * WORDS_PER_BLOCK)
    return _elements(asked, np.float32, _to_signs)


def permutation(seed: int, domain: int, a: Index, b: Index, n: Index) -> NDArray[np.int64]:
    words = bits(seed, domain, a, b, (n, 2)).astype(np.int64)
    keys = (words[:, 0] << 21) | (words[:, 1] >> 11)
    return np.argsort(keys, kind="stable").astype(np.int64, copy=False)


def _to_normal(words: _U32) -> NDArray[np.float32]:
    tail = (words >> np.uint32(8)) & np.uint32(0x7FFFFF)
    # min() picks the fine cells below 2^15 and the coarse ones from there on; see the specification.
    index = np.minimum(tail, (tail >> np.uint32(8)) + np.uint32(TAIL_ENTRIES - 128))
    values = _table().take(index)
    values ^= words & np.uint32(0x80000000)
    return values.view(np.float32)


@cache
def _table() -> _U32:
    """The table as the bit patterns of float32, so that a sign is one exclusive or."""
    integers = np.frombuffer(shipped(), dtype="<i4")
    return (integers / (1 << FRACTION_BITS)).astype(np.float32).view(np.uint32)


def _to_uniform(words: _U32) -> NDArray[np.float32]:
    odd = (words >> np.uint32(8)) | np.uint32(1)
    return np.multiply(odd, np.float32(2**-24), dtype=np.float32, casting="unsafe")


def _to_dither(words: _U32) -> NDArray[np.float32]:
    uniforms = _to_uniform(words)
    uniforms -= np.float32(0.5)  # exact: both are multiples of 2^-24 below 1
    return uniforms


def _to_signs(words: _U32) -> NDArray[np.float32]:
    octets = words.astype("<u4", copy=False).view(np.uint8)
    ones = np.unpackbits(octets, axis=-1, bitorder="little")
    return np.float32(1) - np.float32(2) * ones


def _elements(asked: Request, dtype: Any, convert: Callable[[_U32], NDArray[Any]]) -> NDArray[Any]:
    """What was asked for; `convert` turns words [rows, n] into elements [rows, n * per_block / 4]."""
    answer = np.empty((len(asked.rows), asked.count), dtype=dtype)
    width = max(1, min(asked.blocks, _CHUNK))
    height = max(1, min(len(asked.rows), _CHUNK // width))
    work = tuple(np.empty((2, height, width), dtype=np.uint64) for _ in range(3))
    for top in range(0, len(asked.rows), height):
        rows = asked.rows[top : top + height]
        for left in range(0, asked.blocks, width):
            right = min(left + width, asked.blocks)
            words = _row_blocks(asked, rows, asked.first_block + left, right - left, work)
            values = convert(words.reshape(len(rows), -1))
            begin = left * asked.per_block - asked.skip
            end = min(right * asked.per_block - asked.skip, asked.count)
            inside = values[:, max(0, -begin) : end - begin]
            answer[top : top + len(rows), max(0, begin) : end] = inside
    return answer.reshape(asked.shape)


def _row_blocks(
    asked: Request, rows: NDArray[np.int64], first: int, count: int, work: tuple[_U64, ...]
) -> _U32:
    """Blocks first, ..., first + count - 1 of each row: uint32 [rows, count, 4]."""
    even, odd, spare = (array[:, : len(rows), :count] for array in work)
    even[0] = np.arange(first, first + count, dtype=np.uint64)
    even[1] = asked.a
    odd[0] = rows[:, None]
    odd[1] = asked.domain
    return _rounds(even, odd, spare, asked.key)


def philox(counters: _U32, key: Key) -> _U32:
    """Philox4x32-10 of counters [n, 4]: words [n, 4]."""
    lanes = counters.astype(np.uint64).T[:, None, :]
    even, odd = lanes[0::2].copy(), lanes[1::2].copy()
    return _rounds(even, odd, np.empty_like(even), key)[0]


def _rounds(even: _U64, odd: _U64, spare: _U64, key: Key) -> _U32:
    """Ten rounds over counter words (0, 2) in `even` and (1, 3) in `odd`, each [2, rows, n]; all three are overwritten.

    `odd` may carry rubbish in its upper 32 bits, which saves a pass per round: they never reach a result.
    """
    multipliers = np.array([MULTIPLIER_0, MULTIPLIER_1], dtype=np.uint64).reshape(2, 1, 1)
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    for round_key in round_keys(key):
        np.multiply(even, multipliers, out=spare)
        product = spare[::-1]
        odd ^= np.array(round_key, dtype=np.uint64).reshape(2, 1, 1)
        np.right_shift(product, half, out=even)
        even ^= odd
        even &= mask
        odd, spare = product, odd
    words = np.empty((*even.shape[1:], WORDS_PER_BLOCK), dtype=np.uint32)
    for lane in range(2):
        words[..., 2 * lane] = even[lane]
        words[..., 2 * lane + 1] = odd[lane]  # the cast drops the upper half
    return words
