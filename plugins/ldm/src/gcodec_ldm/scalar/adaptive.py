"""Entropy coding of latents that nobody trained a model for: everything is learned from what was coded before, by counting.

Normative: spec/embeddings/ldm_quant.md, section 5.

As LOCO-I does for samples (Weinberger, Seroussi and Sapiro 2000, "The LOCO-I lossless image compression algorithm", sections
III-A to III-C) a symbol is predicted from its neighbours, its scale is that of prediction errors in the same context, and
context is how large the neighbours' errors were. Integers only; NumPy.

**Order.** Positions with the same x + 2 y are coded together, all channels at once, these diagonals in ascending order,
rows ascending within. So W, N, NE and NW are known everywhere. Beyond the border N stands for W and NE, W for N and NW, and
0 for both at the first position.

**Prediction.** Values are in 1/16 bin widths. The prediction p of a channel is that of 0, W, N, (W + N) >> 1 and
(3 W + 3 N + NE + NW) >> 3 whose absolute errors on the diagonals before sum to the least in that channel, the first of
equals. The symbol s means the value 16 s - k; what is coded is s - n with n = (p + k + 8) >> 4. k is the dither's coarse
part, and 0 where there is none.

**Scale.** With r the absolute errors of the predictions that were used, m = 2 r_W + 2 r_N + r_NE + r_NW, and v half the sum
of m and its mean over channels, rounded down. The context is v below 4, else two to an octave, 39 at most. For each channel
and context a sum A of |s - n| in 1/4096 and a count N, which begin as if there had been 4 symbols of the size that v says,
choose the table: a two-sided geometric law with a mean |s - n| of 2^(i/3 - 5), i = 0, ..., 30, the nearest to A // N.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, Decoder, Encoder, FrequencyTables, rounded
from gcodec.entropy.integers import MEAN_BITS, Ints
from gcodec.errors import PayloadError
from gcodec_ldm.scalar.scale import width_of

if TYPE_CHECKING:
    from gcodec.signals import FloatArray
    from gcodec_ldm.scalar.dither import Dither

__all__ = ["AdaptiveCodec"]

_Wide = NDArray[np.int64]

#: round(2**16 theta), theta the ratio of a law whose mean is m = 2^(i/3 - 5): theta = (sqrt(1 + m^2) - 1) / m.
_RATIOS = (
    *(1024, 1290, 1624, 2046, 2576, 3243, 4080, 5129, 6439, 8068, 10077, 12529, 15471, 18922),
    *(22847, 27146, 31654, 36171, 40503, 44500, 48068, 51169, 53810, 56022, 57854, 59356),
    *(60578, 61568, 62366, 63006, 63520),
)
#: round(4096 2^((i + 1/2)/3 - 5)): from here on the mean is nearer to that of the next table.
_BETWEEN = np.array(
    [
        *(144, 181, 228, 287, 362, 456, 575, 724, 912, 1149, 1448, 1825, 2299, 2896, 3649, 4598),
        *(5793, 7298, 9195, 11585, 14596, 18390, 23170, 29193, 36781, 46341, 58386, 73562, 92682),
        116772,
    ]
)
_ONE = 4096  # in _BETWEEN and in the sums A
_CONTEXTS, _BEFORE = 40, 4  # contexts of a channel, symbols that each begins with
_V = 6 << MEAN_BITS  # v where all errors are one bin width
_LONGEST = 500  # symbols of one sign that a table tells apart
_LARGEST = 1 << 22  # symbol that a stream may hold


class Visit(NamedTuple):
    """What is to be coded at once: `positions` [n], and `nearest` n and `table` of each symbol there, [n, C]."""

    positions: _Wide
    nearest: _Wide
    table: _Wide


class AdaptiveCodec:
    """What `gcodec_ldm.scalar.codec.Codec` is for one space, for latents of any, with as many `channels`; `name` for errors.

    There are no hyper-latents.
    """

    def __init__(self, channels: int, name: str) -> None:
        self.channels, self.name = channels, name

    def encode(self, latent: FloatArray, code: int, dither: Dither | None = None) -> bytes:
        """The stream of a latent [C, h, w] at the width of `code`."""
        _, h, w = latent.shape
        v = latent / np.float32(width_of(code))
        exact = v if dither is None else v + dither.fine
        wanted, encoder = exact.transpose(1, 2, 0).reshape(h * w, -1), Encoder(_tables())

        def choose(visit: Visit) -> _Wide:
            y = wanted[visit.positions]
            if dither is not None:
                y = y + dither.coarse[visit.positions] / np.float32(1 << MEAN_BITS)
            symbols = rounded(y).astype(np.int64)
            encoder.put(symbols - visit.nearest, visit.table)
            return symbols

        self._code(h, w, choose, dither)
        return encoder.finish()

    def read(
        self, stream: bytes, code: int, h: int, w: int, dither: Dither | None = None
    ) -> tuple[Ints, Ints]:
        """Nothing, and latents [h, w, C], int32 in 1/16 bin widths. Raises PayloadError for what no encoder makes."""
        decoder = Decoder(_tables(), stream, self.name)

        def read(visit: Visit) -> _Wide:
            symbols: _Wide = decoder.get(visit.table) + visit.nearest
            if np.abs(symbols).max() > _LARGEST:
                raise PayloadError(self.name, f"a symbol beyond +-{_LARGEST}")
            return symbols

        y = self._code(h, w, read, dither)
        decoder.finish()
        return np.zeros(0, np.int32), y

    def _code(self, h: int, w: int, visit: Callable[[Visit], _Wide], dither: Dither | None) -> Ints:
        """The module's algorithm, `visit` saying the symbols [n, C] of each diagonal."""
        count, channels = h * w, np.arange(self.channels)
        near = _neighbours(h, w)
        # The last row stands for what is beyond the border.
        y, r = (np.zeros((count + 1, self.channels), np.int64) for _ in range(2))
        cost = np.zeros((5, self.channels), np.int64)
        sums, counts = _beginning(self.channels)
        for at in _diagonals(h, w):
            W, N, NE, NW = (y[near[i, at]] for i in range(4))
            every = np.stack([np.zeros_like(W), W, N, (W + N) >> 1, (3 * (W + N) + NE + NW) >> 3])
            p = every[cost.argmin(0), :, channels].T
            r_W, r_N, r_NE, r_NW = (r[near[i, at]] for i in range(4))
            m = 2 * r_W + 2 * r_N + r_NE + r_NW
            v = (self.channels * m + m.sum(1, keepdims=True)) // (2 * self.channels)
            context = channels, np.minimum(_bucket(v), _CONTEXTS - 1)
            table = np.searchsorted(_BETWEEN, sums[context] // counts[context], "right")
            u = 0 if dither is None else dither.coarse[at]
            nearest = (p + u + (1 << MEAN_BITS - 1)) >> MEAN_BITS
            symbols = visit(Visit(at, nearest, table))
            y[at] = (symbols << MEAN_BITS) - u
            r[at] = np.abs(y[at] - p)
            cost += np.abs(every - y[at]).sum(1)
            np.add.at(sums, context, _ONE * np.abs(symbols - nearest))
            np.add.at(counts, context, 1)
        return y[:count].reshape(h, w, -1).astype(np.int32)


def _neighbours(h: int, w: int) -> _Wide:
    """Positions of W, N, NE and NW of each, [4, h w]; -1 for what there is not."""
    at = np.arange(h * w)
    y, x = np.divmod(at, w)
    north, west = np.where(y > 0, at - w, -1), np.where(x > 0, at - 1, -1)
    west, north = np.where(x > 0, west, north), np.where(y > 0, north, west)
    north_east = np.where((y > 0) & (x < w - 1), at - w + 1, north)
    north_west = np.where((y > 0) & (x > 0), at - w - 1, west)
    return np.stack([west, north, north_east, north_west])


def _diagonals(h: int, w: int) -> list[_Wide]:
    y, x = np.divmod(np.arange(h * w), w)
    d = x + 2 * y
    ends = np.unique(np.cumsum(np.bincount(d)))  # in one column every other diagonal is empty
    return np.split(np.argsort(d, kind="stable"), ends[:-1])


def _bucket(v: _Wide) -> _Wide:
    """v below 4; from there on two to an octave."""
    k = np.frexp(np.maximum(v, 4).astype(np.float64))[1].astype(np.int64) - 1  # floor(log2 v)
    return np.where(v < 4, v, 2 * k + (v >> (k - 1) & 1))


def _beginning(channels: int) -> tuple[_Wide, _Wide]:
    """A and N of each context before anything is coded."""
    k = np.arange(_CONTEXTS)
    least = np.where(k < 4, k, (2 + (k & 1)) << np.maximum(k // 2 - 1, 0))
    sums = np.tile(_BEFORE * (least * _ONE // _V), (channels, 1))
    return sums, np.full_like(sums, _BEFORE)


@cache
def _tables() -> FrequencyTables:
    return FrequencyTables(_geometric(ratio) for ratio in _RATIOS)


def _geometric(ratio: int) -> list[int]:
    """Frequencies of 0, 1, -1, ..., escape; a multiplication and a shift lead from each weight to the next."""
    weights = [1 << 40]
    while len(weights) < _LONGEST and weights[-1] >> PRECISION - 4:
        weights.append(weights[-1] * ratio >> 16)
    beyond = 2 * weights[-1] * ratio // ((1 << 16) - ratio)
    rows = [weights[0], *(weight for weight in weights[1:] for _ in range(2)), beyond]
    spare, total = (1 << PRECISION) - len(rows), sum(rows)
    frequencies = [1 + weight * spare // total for weight in rows]
    frequencies[0] += (1 << PRECISION) - sum(frequencies)
    return frequencies
