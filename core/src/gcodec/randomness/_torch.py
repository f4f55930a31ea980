"""The protocol in torch: the same bits as `_numpy`.

On CUDA the numbers are made where they are wanted. For all other devices NumPy makes them: on processors it is several
times faster than torch, whose threads wait for each other after each short operation, and elsewhere (MPS) nobody has
checked 64-bit integers. Words are held in int64, since torch has no complete unsigned types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from gcodec.randomness import _numpy
from gcodec.randomness._philox import MASK, MULTIPLIER_0, MULTIPLIER_1, Key, round_keys, split_seed
from gcodec.randomness._rows import Index, Kind, Piece, Request, Rows, Shape, request
from gcodec.randomness._table import ENTRIES, FRACTION_BITS, TAIL_ENTRIES, shipped

_CHUNK = 1 << 22  # blocks at a time: half a gigabyte of work space


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

    def bits(self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.bits`."""
        return draw(request("bits", self.seed, domain, a, b, shape, start), self.device)

    def normal(self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.normal`."""
        return draw(request("normal", self.seed, domain, a, b, shape, start), self.device)

    def uniform(self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.uniform`."""
        return draw(request("uniform", self.seed, domain, a, b, shape, start), self.device)

    def dither(self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.dither`."""
        return draw(request("dither", self.seed, domain, a, b, shape, start), self.device)

    def signs(self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0) -> Tensor:
        """See `Randomness.signs`."""
        return draw(request("signs", self.seed, domain, a, b, shape, start), self.device)

    def permutation(self, domain: Index, a: Index, b: Rows, n: Index) -> Tensor:
        """See `Randomness.permutation`."""
        return permutation(self.bits(domain, a, b, (n, 2)))


def draw(asked: Request, device: torch.device) -> Tensor:
    """The elements asked for; dtype int64 for bits, float32 for the rest."""
    if device.type == "cuda":
        return compute(asked, device)
    made = _numpy.draw(asked)
    return torch.from_numpy(made.astype(np.int64) if asked.kind == "bits" else made).to(device)


def compute(asked: Request, device: torch.device) -> Tensor:
    """`draw` by operations of torch on `device`, which must have 64-bit integers."""
    dtype, convert = _KINDS[asked.kind]
    answer = torch.empty((len(asked.rows), asked.length), dtype=dtype, device=device)
    for piece in asked.pieces(_CHUNK):
        words = _words(asked, piece, device)
        values = torch.stack([convert(word) for word in words], dim=2).flatten(1)
        answer[piece.rows, piece.elements] = values[:, piece.used]
    return answer.reshape(asked.shape)


def permutation(words: Tensor) -> Tensor:
    """The order that words [..., n, 2] put on 0, ..., n - 1: int64 [..., n]."""
    high, low = words.unbind(-1)
    return torch.sort((high << 21) | (low >> 11), dim=-1, stable=True).indices


def philox(counters: Tensor, key: Key) -> Tensor:
    """Philox4x32-10 of counters [..., 4] of int64: words [..., 4] of int64."""
    c0, c1, c2, c3 = counters.clone().unbind(-1)
    return torch.stack(_rounds(c0, c1, c2, c3, key), dim=-1)


def _words(asked: Request, piece: Piece, device: torch.device) -> tuple[Tensor, ...]:
    """The four words of each block of a piece: int64 [rows, blocks] each."""
    first, last = piece.blocks
    rows = torch.from_numpy(asked.rows[piece.rows]).to(device)
    size = (len(rows), last - first)
    c0 = torch.arange(first, last, device=device).repeat(len(rows), 1)
    c1 = rows[:, None].repeat(1, last - first)
    c2 = torch.full(size, asked.a, device=device)
    c3 = torch.full(size, asked.domain, device=device)
    return _rounds(c0, c1, c2, c3, asked.key)


def _rounds(c0: Tensor, c1: Tensor, c2: Tensor, c3: Tensor, key: Key) -> tuple[Tensor, ...]:
    """Ten rounds over the counter's words, of one shape; all four are overwritten.

    With m = M - 2^32 every product stays within int64, |m c| < 2^62, and (m c >> 32) + c is the upper half of M c.
    """
    m0, m1 = MULTIPLIER_0 - (1 << 32), MULTIPLIER_1 - (1 << 32)
    for k0, k1 in round_keys(key):
        product_0, product_1 = c0 * m0, c2 * m1
        c0 += product_0 >> 32
        c0 ^= c3
        c0 ^= k1
        c2 += product_1 >> 32
        c2 ^= c1
        c2 ^= k0
        product_0 &= MASK
        product_1 &= MASK
        c0, c1, c2, c3 = c2, product_1, c0, product_0
    return c0, c1, c2, c3


# Each turns a word of every block, int64 [rows, blocks], into elements [rows, blocks], or [rows, blocks, 32] for signs.


def _to_bits(word: Tensor) -> Tensor:
    return word


def _to_normal(word: Tensor) -> Tensor:
    tail = (word >> 8) & 0x7FFFFF
    # min() picks the fine cells below 2^15 and the coarse ones from there on; see the specification.
    index = torch.minimum(tail, (tail >> 8) + (TAIL_ENTRIES - 128))
    index += (word >> 31) * ENTRIES
    return _signed_table(word.device).take(index)


@cache
def _signed_table(device: torch.device) -> Tensor:
    """The table, then the table negated: the sign bit picks the half."""
    integers = np.frombuffer(shipped(), dtype="<i4")
    table = torch.from_numpy((integers / (1 << FRACTION_BITS)).astype(np.float32))
    return torch.cat((table, -table)).to(device)


def _to_uniform(word: Tensor) -> Tensor:
    return ((word >> 8) | 1).to(torch.float32) * 2**-24


def _to_dither(word: Tensor) -> Tensor:
    return _to_uniform(word) - 0.5  # exact: both are multiples of 2^-24 below 1


def _to_signs(word: Tensor) -> Tensor:
    places = torch.arange(32, device=word.device)
    return (1 - 2 * ((word[..., None] >> places) & 1)).to(torch.float32)


_KINDS: dict[Kind, tuple[torch.dtype, Callable[[Tensor], Tensor]]] = {
    "bits": (torch.int64, _to_bits),
    "normal": (torch.float32, _to_normal),
    "uniform": (torch.float32, _to_uniform),
    "dither": (torch.float32, _to_dither),
    "signs": (torch.float32, _to_signs),
}
