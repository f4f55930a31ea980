"""The protocol in NumPy. Works in pieces that stay in the processor's cache, so memory is bounded by the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.randomness._philox import MULTIPLIER_0, MULTIPLIER_1, Key, round_keys
from gcodec.randomness._rows import Kind, Piece, Request
from gcodec.randomness._table import FRACTION_BITS, TAIL_ENTRIES, shipped

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import DTypeLike, NDArray

    F32: TypeAlias = NDArray[np.float32]
    U32: TypeAlias = NDArray[np.uint32]
    U64: TypeAlias = NDArray[np.uint64]

_CHUNK = 1 << 14  # blocks at a time; the three work arrays then take 768 KiB


def draw(asked: Request) -> NDArray[Any]:
    """The elements asked for; dtype uint32 for bits, float32 for the rest."""
    dtype, convert = _KINDS[asked.kind]
    answer = np.empty((len(asked.rows), asked.length), dtype=dtype)
    for piece in asked.pieces(_CHUNK):
        words = _words(asked, piece)
        values = convert(words.reshape(len(words), -1))
        answer[piece.rows, piece.elements] = values[:, piece.used]
    return answer.reshape(asked.shape)


def permutation(words: U32) -> NDArray[np.int64]:
    """The order that words [..., n, 2] put on 0, ..., n - 1: int64 [..., n]."""
    high, low = np.moveaxis(words.astype(np.int64), -1, 0)
    return np.argsort((high << 21) | (low >> 11), axis=-1, kind="stable").astype(
        np.int64, copy=False
    )


def philox(counters: U32, key: Key) -> U32:
    """Philox4x32-10 of counters [n, 4]: words [n, 4]."""
    lanes = counters.astype(np.uint64).T[:, None, :]
    words = _rounds(lanes[0::2].copy(), lanes[1::2].copy(), key)
    return words.reshape(counters.shape)


def _words(asked: Request, piece: Piece) -> U32:
    """The words of a piece: uint32 [rows, blocks, 4]."""
    rows = asked.rows[piece.rows]
    first, last = piece.blocks
    even = np.empty((2, len(rows), last - first), dtype=np.uint64)
    odd = np.empty_like(even)
    even[0] = np.arange(first, last, dtype=np.uint64)
    odd[0] = rows[:, None]
    even[1] = asked.a
    odd[1] = asked.domain
    return _rounds(even, odd, asked.key)


def _rounds(even: U64, odd: U64, key: Key) -> U32:
    """Ten rounds over counter words (0, 2) in `even` and (1, 3) in `odd`, each [2, rows, n]; both are overwritten.

    `odd` may carry rubbish in its upper 32 bits, which saves a pass per round: they never reach a result.
    """
    multipliers = np.array([MULTIPLIER_0, MULTIPLIER_1], dtype=np.uint64).reshape(2, 1, 1)
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    spare = np.empty_like(even)
    for round_key in round_keys(key):
        np.multiply(even, multipliers, out=spare)
        product = spare[::-1]
        odd ^= np.array(round_key, dtype=np.uint64).reshape(2, 1, 1)
        np.right_shift(product, half, out=even)
        even ^= odd
        even &= mask
        odd, spare = product, odd
    words = np.empty((*even.shape[1:], 4), dtype=np.uint32)
    for lane in range(2):
        words[..., 2 * lane] = even[lane]
        words[..., 2 * lane + 1] = odd[lane]  # the cast drops the upper half
    return words


# Each turns words [rows, n] into elements [rows, n], or [rows, 32 n] for signs.


def _to_bits(words: U32) -> U32:
    return words


def _to_normal(words: U32) -> F32:
    tail = (words >> np.uint32(8)) & np.uint32(0x7FFFFF)
    # min() picks the fine cells below 2^15 and the coarse ones from there on; see the specification.
    index = np.minimum(tail, (tail >> np.uint32(8)) + np.uint32(TAIL_ENTRIES - 128))
    values = _table().take(index)
    values ^= words & np.uint32(0x80000000)
    return values.view(np.float32)


@cache
def _table() -> U32:
    """The table as the bit patterns of float32, so that a sign is one exclusive or."""
    integers = np.frombuffer(shipped(), dtype="<i4")
    return (integers / (1 << FRACTION_BITS)).astype(np.float32).view(np.uint32)


def _to_uniform(words: U32) -> F32:
    odd = (words >> np.uint32(8)) | np.uint32(1)
    return odd.astype(np.float32) * np.float32(2**-24)


def _to_dither(words: U32) -> F32:
    return _to_uniform(words) - np.float32(0.5)  # exact: both are multiples of 2^-24 below 1


def _to_signs(words: U32) -> F32:
    octets = words.astype("<u4", copy=False).view(np.uint8)
    signs = np.unpackbits(octets, axis=-1, bitorder="little").astype(np.float32)
    signs *= -2
    signs += 1
    return signs


_KINDS: dict[Kind, tuple[DTypeLike, Callable[[U32], NDArray[Any]]]] = {
    "bits": (np.uint32, _to_bits),
    "normal": (np.float32, _to_normal),
    "uniform": (np.float32, _to_uniform),
    "dither": (np.float32, _to_dither),
    "signs": (np.float32, _to_signs),
}
