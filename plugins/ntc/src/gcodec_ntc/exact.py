"""The preview in whole numbers, the same on every machine: spec/embeddings/ntc.md, section 11.

Everything is a binary64 number that is a multiple of some power of two. Sums of products are below 2**53 in those units, so
that they are exact in whatever order a library adds, and what is computed between them is one correctly rounded operation of
IEEE 754 after the other. A model whose sums could be larger is refused, with the layer's name. Large pictures are made in
bands of rows, which are equal to the whole to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import MEAN_BITS, bordered, interpolate
from gcodec.errors import InvalidArgument
from gcodec_ntc.bands import GROUP, Band, bands, reach_of
from gcodec_ntc.linear.transform import across
from gcodec_ntc.payload import BLOCK

__all__ = ["MATRICES", "Lapped", "Networks", "linear", "power"]

#: Of the linear mode.
MATRICES = ("dct", "post", "colour", "norm")

Numbers: TypeAlias = NDArray[np.float64]
Octets: TypeAlias = NDArray[np.uint8]

#: Positions whose coefficients, and whose samples, are computed at a time.
_POSITIONS = 1 << 14, 1 << 12
#: Rows whose sums are added up at a time: few enough for a cache.
_ROWS = 8

#: Numbers after the binary point: of weights, of activations, of samples and coefficients, and of the linear mode's steps.
_WEIGHT, _ACTIVATION, _SAMPLE, _STEP = 18, 16, 10, 24
#: Largest magnitudes, as powers of two: of activations, of latents in steps, of coefficients, of samples.
_LIMIT, _LATENT, _COEFFICIENT, _BEYOND = 12, 15, 14, 12
_EXACT = 2.0**53
_SLOPE = 1 / 8
_UNIT = 64  # samples of 0 to 255 that are 1 to them
#: 2**(2**-i), i = 1, ..., 16, times 2**30, rounded down.
_ROOTS = (
    *(1518500249, 1276901416, 1170923761, 1121280435, 1097253708, 1085434105),
    *(1079572135, 1076653033, 1075196443, 1074468887, 1074105294, 1073923543),
    *(1073832680, 1073787251, 1073764537, 1073753180),
)


def power(exponent: int) -> float:
    """2**(exponent / 65536), to 16 binary places of its fraction."""
    whole, part = divmod(exponent, 1 << 16)
    made = 1 << 30
    for place, root in enumerate(_ROOTS):
        if part >> (15 - place) & 1:
            made = made * root >> 30
    return float((made >> 14) * 2.0 ** (whole - 16))


class Networks:
    """Tensors `synthesis.*` of a model whose latents have `blocks` residual layers, and samples others.

    Raises KeyError and InvalidArgument.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        def convolution(name: str, limit: int = _LIMIT) -> _Convolution:
            return _Convolution(tensors, f"synthesis.{name}", limit)

        def rows(name: str) -> NDArray[np.int64]:
            found = tensors[f"synthesis.{name}"].astype(np.float64)
            return np.floor(found * 2.0**_ACTIVATION + 0.5).astype(np.int64)

        def blocks(name: str) -> list[_Convolution]:
            count = sum(key.startswith(f"synthesis.{name}.") for key in tensors) // 2
            return [convolution(f"{name}.{index}") for index in range(count)]

        self._squeeze, self._expand = convolution("squeeze", 2), convolution("expand")
        self._gather, self._spread = convolution("gather"), convolution("spread_out")
        self._squeeze_q, self._gather_q = rows("squeeze_q"), rows("gather_q")
        self._latents, self._samples = blocks("latent_blocks"), blocks("sample_blocks")
        self._reach = reach_of(tensors)
        self._ungain, self._order = rows("ungain"), tensors["synthesis.order"]
        self._lapped = Lapped(*(tensors[f"synthesis.{name}"] for name in MATRICES[:3]))

    def __call__(
        self,
        y: NDArray[Any],
        level: int,
        height: int,
        width: int,
        positions: tuple[int, int] = _POSITIONS,
    ) -> Octets:
        """Of latents [h, w, C] in 1/16 steps at a level of 0..255: uint8 [3, height, width]."""
        h, w, _ = y.shape
        # Coefficients have 24 bits and a sign.
        values = np.empty(y.shape, np.float32)
        for band in bands(h, w, positions[0], self._reach[0]):
            made = self.coefficients(y[band.top : band.bottom], level)
            values[band.rows()] = made[band.inner()]
        octets = np.empty((3, height, width), np.uint8)
        for band in bands(h, w, positions[1], self._reach[1]):
            made = self.samples(values[band.top : band.bottom].astype(np.float64), level)
            _put(octets, band, made)
        return octets

    def coefficients(self, y: NDArray[Any], level: int) -> Numbers:
        """Of latents, those of the lapped transform, [h, w, C]."""
        v = _limited(y.astype(np.float64) / (1 << MEAN_BITS), _LATENT)
        u = self._squeeze(_snapped(v / (1 + np.abs(v) / 4), _ACTIVATION))
        u = _through(u, _row(self._squeeze_q, level), self._latents)
        v = _limited(v + _snapped(self._expand(u), _ACTIVATION), _LATENT)
        v *= [power(int(e)) for e in interpolate(self._ungain, level)]
        return _coefficients(v)

    def samples(self, v: Numbers, level: int) -> Numbers:
        """Of coefficients the samples before the last rounding: [3, 16 h, 16 w], from -127.5 to 127.5 or so."""
        h, w, _ = v.shape
        full = np.zeros((h, w, 3 * BLOCK * BLOCK))
        full[..., self._order] = v
        x = self._lapped(full.transpose(2, 0, 1).reshape(3, BLOCK, BLOCK, h, w))
        groups = x.reshape(3, h * BLOCK // GROUP, GROUP, w * BLOCK // GROUP, GROUP)
        seen = groups.transpose(1, 3, 0, 2, 4) / _UNIT
        u = self._gather(seen.reshape(*seen.shape[:2], -1))
        u = _through(u, _row(self._gather_q, level), self._samples)
        more = _snapped(self._spread(u), _ACTIVATION).reshape(seen.shape) * _UNIT
        return np.asarray(x + more.transpose(2, 0, 3, 1, 4).reshape(x.shape))


def linear(
    matrices: Mapping[str, NDArray[Any]],
    y: NDArray[Any],
    step: int,
    height: int,
    width: int,
    positions: int = _POSITIONS[1],
) -> Octets:
    """Of coefficients [3, 16, 16, h * w] in steps, number `step`, of the linear mode: uint8 [3, height, width].

    matrices  by the names in `MATRICES`.
    """
    norm = matrices["norm"].astype(np.float64)
    size = power((5 << 16) - (step << 11)) / (norm[:, None] * norm)
    scale = _snapped(np.minimum(size, 1 << _BEYOND), _STEP)[:, :, None, None]
    h, w = -(-height // BLOCK), -(-width // BLOCK)
    lapped = Lapped(*(matrices[name] for name in MATRICES[:3]))
    grid = y.reshape(3, BLOCK, BLOCK, h, w)
    octets = np.empty((3, height, width), np.uint8)
    for band in bands(h, w, positions, 1):
        values = _coefficients(grid[:, :, :, band.top : band.bottom] * scale)
        _put(octets, band, lapped(values))
    return octets


class Lapped:
    """The inverse lapped transform. dct, post [16, 16] and colour [3, 3] are a model's. Raises InvalidArgument."""

    def __init__(self, dct: NDArray[Any], post: NDArray[Any], colour: NDArray[Any]) -> None:
        self._dct, self._post, self._colour = (
            _snapped(matrix.astype(np.float64), _ACTIVATION) for matrix in (dct, post, colour)
        )
        largest = 2.0 ** (_COEFFICIENT + _SAMPLE + _ACTIVATION)
        for matrix, axis in ((self._dct, 0), (self._post, 1), (self._dct, 0), (self._post, 1)):
            largest *= max(1.0, np.abs(matrix).sum(axis).max())
        if not largest * np.abs(self._colour).sum(0).max() < _EXACT / 2:
            raise InvalidArgument("the lapped transform could leave the range of exact sums")

    def __call__(self, y: Numbers) -> Numbers:
        """Of what `_coefficients` makes, [3, 16, 16, h, w], samples [3, 16 h, 16 w], from -127.5 to 127.5 or so."""
        h, w = y.shape[3:]
        x = y.transpose(0, 3, 1, 4, 2)
        x = _snapped(self._dct.T @ x.reshape(3, h, BLOCK, -1), _SAMPLE)
        x = self._across(x.reshape(3, h * BLOCK, -1))
        x = _snapped(x.reshape(-1, BLOCK) @ self._dct, _SAMPLE)
        x = x.reshape(3, h * BLOCK, w * BLOCK).transpose(0, 2, 1)
        x = self._across(np.ascontiguousarray(x)).transpose(0, 2, 1)
        x = np.tensordot(self._colour.T, x, 1)
        return _limited(_snapped(x, _SAMPLE), _BEYOND)

    def _across(self, x: Numbers) -> Numbers:
        return _snapped(across(x, self._post, False, False), _SAMPLE)


class _Convolution:
    """`name`.weight [out, in, k, k] and .bias [out]; inputs are up to 2**limit in magnitude, multiples of 2**-16."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], name: str, limit: int) -> None:
        weight = _snapped(tensors[f"{name}.weight"].astype(np.float64), _WEIGHT)
        self._bias = _snapped(tensors[f"{name}.bias"].astype(np.float64), _ACTIVATION)
        largest = np.abs(weight).sum((1, 2, 3)) * 2.0**limit + np.abs(self._bias)
        if not largest.max() * 2.0 ** (_WEIGHT + _ACTIVATION) < _EXACT:
            raise InvalidArgument(f"{name} could leave the range of exact sums")
        # As a copy: products of matrices whose rows lie apart are none of the library's, and take ten times as long.
        self._taps = np.ascontiguousarray(weight.transpose(2, 3, 1, 0))

    def __call__(self, x: Numbers) -> Numbers:
        """[h, w, in] to sums [h, w, out]."""
        h, w, _ = x.shape
        x = bordered(x, len(self._taps) // 2)
        total = np.empty((h, w, len(self._bias)))
        for top in range(0, h, _ROWS):
            sums = total[top : top + _ROWS]
            sums[:] = self._bias
            for row, taps in enumerate(self._taps, top):
                for column, tap in enumerate(taps):
                    sums += x[row : row + len(sums), column : column + w] @ tap
        return total


def _through(u: Numbers, own: Numbers, blocks: list[_Convolution]) -> Numbers:
    """Of a first layer's sums, to which a quality's own are added, what its residual layers make."""
    u = _leaky(u + own)
    for block in blocks:
        u = _limited(u + _leaky(block(u)), _LIMIT)
    return u


def _leaky(sums: Numbers) -> Numbers:
    return _limited(_snapped(np.maximum(sums, sums * _SLOPE), _ACTIVATION), _LIMIT)


def _row(rows: NDArray[np.int64], level: int) -> Numbers:
    return np.asarray(interpolate(rows, level) * 2.0**-_ACTIVATION)


def _snapped(x: Numbers, bits: int) -> Numbers:
    """The nearest multiples of 2**-bits; of two the larger."""
    return np.asarray(np.floor(x * 2.0**bits + 0.5) * 2.0**-bits)


def _limited(x: Numbers, bits: int) -> Numbers:
    return np.clip(x, -(2.0**bits), 2.0**bits)


def _coefficients(x: Numbers) -> Numbers:
    return _limited(_snapped(x, _SAMPLE), _COEFFICIENT)


def _put(octets: Octets, band: Band, x: Numbers) -> None:
    """A band's samples, around 0, of the rows that it is made of, as whole numbers from 0 to 255 into [3, height, width]."""
    rows = octets[:, band.rows(BLOCK)]
    rows[:] = np.clip(
        np.floor(x[:, band.inner(BLOCK)][:, : rows.shape[1], : rows.shape[2]] + 128), 0, 255
    )
