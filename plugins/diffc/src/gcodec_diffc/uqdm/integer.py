"""`Prior` in exact integer arithmetic: what decides bits, the same on every machine.

spec/embeddings/uqdm.md, section 5, is normative.

After Balle et al., "Integer networks for data compression with latent-variable models" (ICLR 2019). Weights and
activations are integers carried in float64; as long as every partial sum stays below 2**53, which `Layer` proves from its
numbers before it is used, products of matrices are exact in any order of summation, so in any library and with any number
of threads. NumPy only: reading a file's symbols needs no torch.

Numbers: an activation is an integer in units of 2**-10, at most 2**20 in magnitude; a feature one in units of 2**-6,
brought to 2**-10. Rounding is half up. Array order is [rows, columns, channels].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec_diffc.channels._logistic import SCALE_MAX, SCALE_MIN, SCALES_PER_OCTAVE, Ints
from gcodec_diffc.uqdm.schedule import GROUPS, LEVELS, STAGES

Carried: TypeAlias = NDArray[np.float64]  # integer values in float64

__all__ = [
    "FEATURE_BITS",
    "GAIN_BITS",
    "MEAN_BITS",
    "UNIT_BITS",
    "Carried",
    "IntegerPrior",
    "Layer",
]

UNIT_BITS = 10  # of activations
FEATURE_BITS = 6  # of what comes in
GAIN_BITS = 12
MEAN_BITS = 10  # of means, in widths
LIMIT = 1 << 20  # on the magnitude of an activation
EXACT = 1 << 52  # bound proved for sums, gains and biases together
MEAN_LIMIT = 15 << MEAN_BITS
_FEATURE_LIMIT = 15 << FEATURE_BITS
_STRIP = 8192  # positions computed at a time, about; bounds memory, changes no result

#: Given the index of a group, mean offsets and scale indices [h, w, C], returns features [h, w, 2 C] of what was sent.
Visitor: TypeAlias = Callable[[int, Ints, Ints], Carried]


def product(x: Carried, weight: Carried) -> Carried:
    """The product of matrices, whose order of summation is the library's."""
    return np.asarray(x @ weight)


class Layer:
    """A convolution of integers, with a gain and a bias for each row (stage and level).

    weight  int16 [taps * inputs, outputs] in units of 2**-shift; taps is 1 or 9.
    gain    int16 [rows, outputs] in units of 2**-12.
    bias    int32 [rows, outputs] in units of 2**-22.

    Raises ValueError if a sum could reach 2**52.
    """

    def __init__(
        self, weight: NDArray[Any], gain: NDArray[Any], bias: NDArray[Any], shift: int
    ) -> None:
        self.weight = weight.astype(np.float64)
        self.gain = gain.astype(np.float64)
        self.shift = int(shift)
        # In the units of what it is added to, and with the half that rounds.
        self.bias = (bias.astype(np.float64) + 0.5 * (1 << GAIN_BITS)) * 2.0**self.shift
        sums = np.abs(self.weight).sum(0) * LIMIT
        largest = (sums * np.abs(self.gain) + np.abs(self.bias)).max()
        if not 0 <= self.shift <= 24 or not largest < EXACT:
            raise ValueError("an integer layer could leave the range of exact sums")

    def __call__(self, x: Carried, row: int, kernel: int) -> Carried:
        """Activations [h, w, inputs] -> sums [h, w, outputs] in units of 2**-10, rounded, not limited."""
        h, w, _ = x.shape
        gain, bias = self.gain[row], self.bias[row]
        unit = 1.0 / (1 << (self.shift + GAIN_BITS))
        out = np.empty((h, w, self.weight.shape[1]))
        if kernel == 3:
            padded = np.zeros((h + 2, w + 2, x.shape[2]))
            padded[1:-1, 1:-1] = x
        rows = max(1, _STRIP // w)
        for top in range(0, h, rows):
            count = min(rows, h - top)
            if kernel == 3:
                taps = [
                    padded[top + dy : top + dy + count, dx : dx + w]
                    for dy in range(3)
                    for dx in range(3)
                ]
                patches = np.concatenate(taps, 2).reshape(count * w, -1)
            else:
                patches = x[top : top + count].reshape(count * w, -1)
            sums = product(patches, self.weight)
            sums *= gain
            sums += bias
            sums *= unit  # a power of two: exact
            np.floor(sums, out=sums)
            out[top : top + count] = sums.reshape(count, w, -1)
        return out


def relu(x: Carried) -> Carried:
    """Activations of sums."""
    return np.clip(x, 0, LIMIT)


def limited(x: Carried) -> Carried:
    """Sums that are added to, as activations."""
    return np.clip(x, -LIMIT, LIMIT)


def rounded_ratio(numerator: Ints, denominator: int) -> Ints:
    """Integer quotient, rounded half up."""
    quotient: Ints = (2 * numerator + denominator) // (2 * denominator)
    return quotient


def value_features(v: Ints) -> Carried:
    """Values [h, w, C] in widths, units of 2**-6 -> activations [h, w, 2 C]: limited, and log2(1 + 4 |v|).

    The logarithm is linear between powers of two, rounded to the unit.
    """
    one = float(1 << FEATURE_BITS)
    mantissa, exponent = np.frexp(one + 4.0 * np.abs(v))
    log = np.floor(one * (exponent - (FEATURE_BITS + 2) + 2.0 * mantissa) + 0.5)
    features = np.concatenate(
        [np.clip(v, -_FEATURE_LIMIT, _FEATURE_LIMIT), np.minimum(log, _FEATURE_LIMIT)], 2
    )
    return features * float(1 << (UNIT_BITS - FEATURE_BITS))


def difference_features(average: Ints, weights: Ints, width: int) -> Carried:
    """Averages [h, w, 3] in 1/64 levels -> activations [h, w, 12] of their differences along rows, then columns.

    weights: W of each colour; width: C of the stage.
    """
    right, below = np.zeros_like(average), np.zeros_like(average)
    right[:, :-1] = np.diff(average, axis=1)
    below[:-1] = np.diff(average, axis=0)
    both = np.concatenate([right * weights, below * weights], 2)
    return value_features(rounded_ratio(both, width))


class IntegerPrior:
    """See `gcodec_diffc.uqdm.model.Prior`, whose twin it is.

    tensors: "prior.<layer>.<weight|gain|bias|shift>", as `gcodec_diffc.uqdm.export` writes them.
    Raises KeyError for a missing tensor, ValueError for one that could not compute exactly.
    """

    def __init__(self, passed: int, tensors: Mapping[str, NDArray[Any]]) -> None:
        def layer(name: str, inputs: int, outputs: int | None = None) -> Layer:
            weight, gain, bias, shift = (
                tensors[f"prior.{name}.{part}"] for part in ("weight", "gain", "bias", "shift")
            )
            made = Layer(weight, gain, bias, int(shift[0]))
            found, rows = made.weight.shape, made.gain.shape
            if found[0] != inputs or found[1] != (outputs or found[1]):
                raise ValueError(f"layer {name} is {found[0]} by {found[1]}")
            if rows != (STAGES * LEVELS, found[1]) or made.bias.shape != rows:
                raise ValueError(f"layer {name} has {rows} gains")
            return made

        self.passed = passed
        self._first = layer("first", 9 * (30 + passed))
        width = self._first.weight.shape[1]
        self._second, self._third = (
            layer("second", 9 * width, width),
            layer("third", 9 * width, width),
        )
        self._spread = layer("spread", width, width)
        self._groups = [
            (
                layer(f"hidden.{i}", width, width),
                layer(f"out.{i}", width, 2 * len(group)),
                layer(f"known.{i}", 9 * 2 * len(group), width),
            )
            for i, group in enumerate(GROUPS)
        ]
        self._hand = layer("hand", width, 4 * passed)

    def level(
        self, row: int, average: Carried, before: Carried, handed: Carried, visit: Visitor
    ) -> Carried:
        """One level: visits its groups in coding order; returns what the next finer level is handed, [2h, 2w, passed].

        average, before: features; row: LEVELS * stage + level - 1.
        """
        x = relu(self._first(np.concatenate([average, before, handed], 2), row, 3))
        y = relu(self._second(x, row, 3))
        y = relu(self._third(y, row, 3) + x)
        u = limited(self._spread(y, row, 1))
        for index, (hidden, out, known) in enumerate(self._groups):
            sums = out(relu(hidden(relu(u), row, 1)), row, 1)
            mean, scale = np.split(sums, 2, axis=2)
            sent = visit(index, _mean(mean), _scale_index(scale))
            u = limited(u + known(sent, row, 3))
        hand = relu(self._hand(relu(u), row, 1))
        h, w, _ = hand.shape
        blocks = hand.reshape(h, w, self.passed, 2, 2)
        return blocks.transpose(0, 3, 1, 4, 2).reshape(2 * h, 2 * w, self.passed)


def _mean(sums: Carried) -> Ints:
    return np.clip(sums, -MEAN_LIMIT, MEAN_LIMIT).astype(np.int64)


def _scale_index(sums: Carried) -> Ints:
    index = np.floor(sums * SCALES_PER_OCTAVE / (1 << UNIT_BITS) + 0.5)
    low, high = SCALES_PER_OCTAVE * SCALE_MIN, SCALES_PER_OCTAVE * SCALE_MAX
    return np.clip(index, low, high).astype(np.int64) - low
