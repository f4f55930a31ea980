"""The protocol in torch: the same bits as `_numpy`, made on the device where they are wanted.

Words are held in int64, since torch has no complete unsigned types. On other devices than processors and CUDA the rows
are made by NumPy and copied, because nobody has checked 64-bit integer arithmetic there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from gcodec.randomness import _numpy
from gcodec.randomness._rows import WORDS_PER_BLOCK, Index, Request, Rows, Shape, request
from gcodec.randomness._table import ENTRIES, FRACTION_BITS, TAIL_ENTRIES, shipped
from gcodec.randomness.philox import MASK, MULTIPLIER_0, MULTIPLIER_1, Key, round_keys, split_seed

_NATIVE = ("cpu", "cuda")
_CHUNK = {
    "cpu": 1 << 16,
    "cuda": 1 << 22,
}  # blocks at a time: fits a cache, and 0.5 GiB of work space


@dataclass(frozen=True)
class TorchRandomness:
    """`Randomness` with answers as tensors on `device`, of the same shapes and the same bits.

    `bits` gives int64 with values 0, ..., 2^32 - 1; the other methods have the types of their twins.
    Make one with `Randomness.on(device)`.
    """

    seed: int
    device: torch.device

    def __post_init__(self) -> None:
        split_seed(self.seed)

    def bits(self, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.bits`."""
        if self.device.type not in _NATIVE:
            words = _numpy.bits(self.seed, domain, a, b, shape, start)
            return torch.from_numpy(words.astype(np.int64)).to(self.device)
        asked = request(self.seed, domain, a, b, shape, start, WORDS_PER_BLOCK)
        return _elements(asked, self.device, torch.int64, lambda word: word)

    def normal(self, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.normal`."""
        if self.device.type not in _NATIVE:
            return self._copied(_numpy.normal(self.seed, domain, a, b, shape, start))
        asked = request(self.seed, domain, a, b, shape, start, WORDS_PER_BLOCK)
        return _elements(asked, self.device, torch.float32, _to_normal)

    def uniform(self, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.uniform`."""
        if self.device.type not in _NATIVE:
            return self._copied(_numpy.uniform(self.seed, domain, a, b, shape, start))
        asked = request(self.seed, domain, a, b, shape, start, WORDS_PER_BLOCK)
        return _elements(asked, self.device, torch.float32, _to_uniform)

    def dither(self, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.dither`."""
        return self.uniform(domain, a, b, shape, start).sub_(
            0.5
        )  # exact: multiples of 2^-24 below 1

    def signs(self, domain: int, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.signs`."""
        if self.device.type not in _NATIVE:
            return self._copied(_numpy.signs(self.seed, domain, a, b, shape, start))
        asked = request(self.seed, domain, a, b, shape, start, 32 * WORDS_PER_BLOCK)
        return _elements(asked, self.device, torch.float32, _to_signs)

    def permutation(self, domain: int, a: Index, b: Index, n: Index) -> Tensor:
        """See `Randomness.permutation`."""
        if self.device.type not in _NATIVE:
            return self._copied(_numpy.permutation(self.seed, domain, a, b, n))
        words = self.bits(domain, a, b, (n, 2))
        keys = (words[:, 0] << 21) | (words[:, 1] >> 11)
        return torch.sort(keys, stable=True).indices

    def _copied(self, array: np.typing.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def _to_normal(word: Tensor) -> Tensor:
    tail = (word >> 8) & 0x7FFFFF
    # min() picks the fine cells below 2^15 and the coarse ones from there on; see the specification.
    index = torch.minimum(tail, (tail >> 8) + (TAIL_ENTRIES - 128))
    index += (word >> 31) * ENTRIES
    return _signed_table(word.device).take(index)


@cache
def _signed_table(device: torch.device) -> Tensor:
    """The table, then the table negated: the sign bit picks the half."""
    table = torch.frombuffer(
        bytearray(shipped()), dtype=torch.int32
    )  # every platform of torch is little-endian
    values = table.to(torch.float32) / (1 << FRACTION_BITS)
    return torch.cat((values, -values)).to(device)


def _to_uniform(word: Tensor) -> Tensor:
    return ((word >> 8) | 1).to(torch.float32) * 2**-24


def _to_signs(word: Tensor) -> Tensor:
    places = torch.arange(32, device=word.device)
    return (1 - 2 * ((word[..., None] >> places) & 1)).to(torch.float32).flatten(-2)


def _elements(
    asked: Request, device: torch.device, dtype: torch.dtype, convert: Callable[[Tensor], Tensor]
) -> Tensor:
    """What was asked for; `convert` turns words [rows, blocks] into elements [rows, blocks * per_block / 4]."""
    answer = torch.empty((len(asked.rows), asked.count), dtype=dtype, device=device)
    per_word = asked.per_block // WORDS_PER_BLOCK
    chunk = _CHUNK[device.type]
    width = max(1, min(asked.blocks, chunk))
    height = max(1, min(len(asked.rows), chunk // width))
    for top in range(0, len(asked.rows), height):
        rows = torch.from_numpy(asked.rows[top : top + height]).to(device)[:, None]
        for left in range(0, asked.blocks, width):
            right = min(left + width, asked.blocks)
            blocks = torch.arange(left, right, device=device) + asked.first_block
            words = _rounds(blocks[None], rows, asked.a, asked.domain, asked.key)
            lanes = [convert(word).unflatten(-1, (-1, per_word)) for word in words]
            values = torch.stack(lanes, dim=-2).flatten(1)  # [rows, blocks, 4, per_word] in one row
            begin = left * asked.per_block - asked.skip
            end = min(right * asked.per_block - asked.skip, asked.count)
            answer[top : top + len(rows), max(0, begin) : end] = values[
                :, max(0, -begin) : end - begin
            ]
    return answer.reshape(asked.shape)


def philox(counters: Tensor, key: Key) -> Tensor:
    """Philox4x32-10 of counters [..., 4] of int64: words [..., 4] of int64."""
    c0, c1, c2, c3 = counters.unbind(-1)
    return torch.stack(_rounds(c0, c1, c2, c3, key), dim=-1)


def _rounds(
    c0: Tensor, c1: Tensor, c2: Tensor | int, c3: Tensor | int, key: Key
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ten rounds over counter words that broadcast together.

    With m = M - 2^32 every product stays within int64, |m c| < 2^62, and (m c >> 32) + c is the upper half of M c.
    """
    m0, m1 = MULTIPLIER_0 - (1 << 32), MULTIPLIER_1 - (1 << 32)
    d0: Tensor | int = c0
    d1: Tensor | int = c1
    for k0, k1 in round_keys(key):
        product_0, product_1 = d0 * m0, c2 * m1
        d0, d1, c2, c3 = (
            ((product_1 >> 32) + c2) ^ d1 ^ k0,
            product_1 & MASK,
            ((product_0 >> 32) + d0) ^ c3 ^ k1,
            product_0 & MASK,
        )
    words = torch.broadcast_tensors(
        *(word for word in (d0, d1, c2, c3) if isinstance(word, Tensor))
    )
    return words[0], words[1], words[2], words[3]
