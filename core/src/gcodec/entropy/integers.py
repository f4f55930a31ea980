"""Learned entropy models in exact integer arithmetic: what decides bits, the same on every machine.

After Balle et al., "Integer networks for data compression with latent-variable models" (ICLR 2019). Weights, biases and
activations are integers carried in float64; as long as every partial sum stays below 2**53, which `Layer` proves from
its weights before it is used, matrix products are exact in any order of summation, so in any library and with any number
of threads. NumPy only: reading a file's symbols needs no torch.

spec/INTEGER.md is normative. Numbers: an activation is an integer in units of 2**-10, at most 2**21 in magnitude; a mean
or a value an integer in units of 1/16 quantization step; a scale the index i of a table made for the logistic scale
2**(i/6 - 5) steps. A quality is a level 0..255. A symbol is the rounded difference of a value from its mean.

Array order is [rows, columns, channels]. `gcodec.entropy.mean_scale` is the floating-point twin, which is trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from gcodec.entropy import FrequencyTables, fit_frequencies
from gcodec.errors import InvalidArgument

__all__ = [
    "CLIP",
    "EXACT",
    "LEVELS",
    "LIMIT",
    "LOWEST",
    "MEAN_BITS",
    "MEAN_LIMIT",
    "PER_OCTAVE",
    "REACH",
    "SCALES",
    "UNIT_BITS",
    "Carried",
    "Features",
    "Ints",
    "Layer",
    "activations",
    "around",
    "bordered",
    "features",
    "fitted_table",
    "interpolate",
    "limited",
    "logistic_masses",
    "magnitudes",
    "pack_tables",
    "patches",
    "scale_of",
    "smoothed",
    "split",
    "spread",
    "strips",
    "unpack_tables",
]

Ints: TypeAlias = NDArray[np.int32]
Carried: TypeAlias = NDArray[np.float64]  # integer values in float64
Features: TypeAlias = NDArray[np.float32]  # multiples of 64, at most 2**21

LEVELS = 256  # of quality
UNIT_BITS = 10
MEAN_BITS = 4
LIMIT = 1 << 21  # on the magnitude of an activation
EXACT = 1 << 50  # bound proved for sums; float64 is exact to 2**53, `split` multiplies by 6
MEAN_LIMIT = 1 << 14
PER_OCTAVE = 6
LOWEST = -5  # log2 scale of table 0
SCALES = 67
STRIP = 512  # positions computed at a time, few enough for a cache; changes no result
REACH = 300  # largest |symbol| with a row of its own in any table

CLIP = 4 << MEAN_BITS  # of a value that is seen as it is
_SLOPE = 8  # leaky ReLU: negative values are divided by this, rounded down
_MAGNITUDES = 1 << 14
_PRIOR = 300.0  # symbols of logistic prior knowledge per table


class Layer:
    """An affine map of integers.

    weight  int16 [inputs, outputs] in units of 2**-shift.
    bias    int32 [knots, outputs] in units of 2**-(10 + shift); one knot: independent of quality.

    Raises InvalidArgument if a partial sum could reach 2**50.
    """

    def __init__(self, weight: NDArray[Any], bias: NDArray[Any], shift: int) -> None:
        self.weight = weight.astype(np.float64)
        self.bias = np.atleast_2d(bias).astype(np.int64)
        self.shift = int(shift)
        largest = np.abs(self.weight).sum(0) * LIMIT + np.abs(self.bias).max(0)
        if not 0 <= self.shift <= 24 or not largest.max() < EXACT:
            raise InvalidArgument("an integer layer could leave the range of exact sums")

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]], name: str) -> Layer:
        """The layer of the tensors `name`.weight, .bias and .shift. Raises KeyError and InvalidArgument."""
        weight, bias, shift = (tensors[f"{name}.{part}"] for part in ("weight", "bias", "shift"))
        types = [part.dtype for part in (weight, bias, shift)]
        shapes = weight.shape[1:], bias.shape[1:], shift.shape
        if types != [np.int16, np.int32, np.int32] or shapes != (*2 * [weight.shape[-1:]], (1,)):
            raise InvalidArgument(f"{name} is no integer layer: {types}, {shapes}")
        try:
            return cls(weight, bias, int(shift[0]))
        except InvalidArgument as error:
            raise InvalidArgument(f"{name}: {error}") from error

    def expect(self, inputs: int, outputs: int) -> None:
        """Raise InvalidArgument unless the layer has as many inputs and outputs."""
        if self.weight.shape != (inputs, outputs):
            raise InvalidArgument(
                f"an integer layer is {self.weight.shape}, not {(inputs, outputs)}"
            )

    def __call__(self, x: Carried, level: int) -> Carried:
        """[n, inputs] activations -> [n, outputs] sums in units of 2**-(10 + shift)."""
        sums: Carried = x @ self.weight
        sums += self.at(level)
        return sums

    def at(self, level: int) -> Carried:
        """The bias [outputs] at a level."""
        return interpolate(self.bias, level).astype(np.float64)

    def activate(self, sums: Carried) -> Carried:
        """Leaky ReLU and rounding back to activations."""
        made: Carried = sums * (1 / _SLOPE)  # powers of 2: exact
        np.floor(made, out=made)
        np.maximum(sums, made, out=made)
        made *= 2.0**-self.shift
        made += 0.5
        np.floor(made, out=made)
        return np.clip(made, -LIMIT, LIMIT, out=made)

    def hidden(self, x: Carried, level: int) -> Carried:
        """Sums and activation."""
        return self.activate(self(x, level))


def interpolate(knots: NDArray[np.int64], level: int) -> NDArray[np.int64]:
    """Row of `knots` [K, N] at `level` of 0..255, linear between knots, rounded down."""
    if len(knots) == 1:
        return np.asarray(knots[0])
    low, part = divmod(level * (len(knots) - 1), LEVELS - 1)
    high = min(low + 1, len(knots) - 1)
    mixed = knots[low] * (LEVELS - 1 - part) + knots[high] * part
    return np.asarray(mixed // (LEVELS - 1))


def limited(x: Carried) -> Carried:
    """Within the magnitude of an activation."""
    return np.clip(x, -LIMIT, LIMIT)


def activations(values: NDArray[Any]) -> Carried:
    """Values in units of 1/16 as activations; not limited."""
    return values.astype(np.float64) * (1 << (UNIT_BITS - MEAN_BITS))


def features(values: Ints, magnitude: NDArray[Any]) -> Features:
    """Values [h, w, C] in 1/16 steps -> activations [h, w, 2 C]: clipped to 4 steps, log magnitude.

    magnitude  log2(1 + |value|) by |value|, in units of 1/16; the last is that of all beyond.
    """
    channels = values.shape[2]
    made = np.empty((*values.shape[:2], 2 * channels), np.float32)
    made[..., :channels] = np.clip(values, -CLIP, CLIP)
    made[..., channels:] = magnitude[np.minimum(np.abs(values), len(magnitude) - 1)]
    made *= 1 << (UNIT_BITS - MEAN_BITS)
    return made


def patches(x: NDArray[Any], kernel: int, positions: NDArray[np.int64]) -> NDArray[Any]:
    """kernel x kernel neighbourhoods (zeros outside) of [h, w, C]: [positions, kernel**2 * C]."""
    return around(bordered(x, kernel // 2), kernel, *np.divmod(positions, x.shape[1]))


def bordered(x: NDArray[Any], by: int = 1) -> NDArray[Any]:
    """[h, w, C] with zeros around it."""
    h, w, channels = x.shape
    made = np.zeros((h + 2 * by, w + 2 * by, channels), x.dtype)
    made[by : by + h, by : by + w] = x
    return made


def around(
    x: NDArray[Any], kernel: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[Any]:
    """Neighbourhoods whose first elements lie in these rows and columns of x, C-ordered: [positions, kernel**2 * C]."""
    (h, w, channels), (row, column, one) = x.shape, x.strides
    shape = (h - kernel + 1, w - kernel + 1, kernel, kernel * channels)
    found = as_strided(x, shape, (row, column, row, one), writeable=False)[rows, columns]
    return found.reshape(len(rows), kernel**2 * channels)


def strips(positions: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Positions, about as many as are computed at a time."""
    return np.array_split(positions, -(-len(positions) // STRIP) or 1)


def split(sums: Carried, shift: int) -> tuple[Ints, NDArray[np.uint8]]:
    """Sums [n, 2 C] in units of 2**-(10 + shift) -> means and table indices [n, C]."""
    mean, log_scale = np.split(sums, 2, axis=1)
    mean = mean * 2.0 ** (MEAN_BITS - UNIT_BITS - shift)
    index = log_scale * PER_OCTAVE
    index -= LOWEST * PER_OCTAVE << UNIT_BITS + shift
    index *= 2.0 ** (-UNIT_BITS - shift)
    for rounded in (mean, index):
        rounded += 0.5
        np.floor(rounded, out=rounded)
    return (
        np.clip(mean, -MEAN_LIMIT, MEAN_LIMIT, out=mean).astype(np.int32),
        np.clip(index, 0, SCALES - 1, out=index).astype(np.uint8),
    )


def scale_of(index: int) -> float:
    """Logistic scale, in steps, that table `index` is made for."""
    return float(2.0 ** (index / PER_OCTAVE + LOWEST))


def magnitudes() -> NDArray[np.int16]:
    """The table that `features` wants, for making a model file: up to 1024 steps."""
    log = np.log2(1 + np.arange(_MAGNITUDES) / (1 << MEAN_BITS))
    table: NDArray[np.int16] = np.round(log * (1 << MEAN_BITS)).astype(np.int16)
    return table


def logistic_masses(scale: float) -> NDArray[np.float64]:
    """Masses of 0, 1, -1, ..., r, -r and of all beyond under a logistic of that scale, for making tables."""
    reach = min(REACH, math.ceil(14 * scale) + 2)
    edges = (np.arange(reach + 1) - 0.5) / scale
    above = 1 / (1 + np.exp(np.minimum(edges, 700)))  # mass above k - 1/2
    beyond = 2 / (1 + np.exp(min((reach + 0.5) / scale, 700)))
    upper = np.append(above[1:], beyond / 2)
    mass = above - upper
    zero = 1 - 2 * above[1]
    return np.concatenate([[zero], np.repeat(mass[1:], 2), [beyond]])


def spread(count: int, n: int) -> list[int]:
    """`count` of the numbers 0 to n - 1, all over the range however many they are: multiples of the golden ratio."""
    golden = (math.sqrt(5) - 1) / 2
    return [int(i * golden % 1 * n) for i in range(count)]


def fitted_table(counts: NDArray[np.int64], index: int) -> NDArray[np.uint32]:
    """Frequencies of table `index` from symbol counts, see `smoothed`."""
    return smoothed(counts, scale_of(index))


def smoothed(counts: NDArray[np.int64], scale: float) -> NDArray[np.uint32]:
    """Frequencies from symbol counts [REACH + 2] by magnitude, the last of all beyond, and from a logistic of that scale."""
    prior = logistic_masses(scale)
    reach = (len(prior) - 2) // 2
    both = counts[1 : reach + 1] / 2  # symmetric
    beyond = counts[reach + 1 :].sum()
    seen = np.concatenate([[counts[0]], np.repeat(both, 2), [beyond]])
    return fit_frequencies(seen + _PRIOR * (prior + 1e-9))


def pack_tables(tables: Sequence[NDArray[np.uint32]]) -> dict[str, NDArray[Any]]:
    """Tables of different lengths as two tensors of a model file."""
    return {
        "tables.values": np.concatenate(tables).astype(np.int32),
        "tables.length": np.array([len(table) for table in tables], np.int32),
    }


def unpack_tables(tensors: Mapping[str, NDArray[Any]]) -> FrequencyTables:
    """The tables that `pack_tables` packed. Raises KeyError and InvalidArgument."""
    ends = np.cumsum(tensors["tables.length"])
    return FrequencyTables(np.split(tensors["tables.values"], ends[:-1]))
