"""The entropy model in exact integer arithmetic: what decides bits, the same on every machine.

After Balle et al., "Integer networks for data compression with latent-variable models" (ICLR
2019). Weights, biases and activations are integers carried in float64; as long as every partial
sum stays below 2**53, which `Layer` proves from its weights before it is used, matrix products
are exact in any order of summation, so in any library and with any number of threads. NumPy only:
reading a file's symbols needs no torch.

Numbers: an activation is an integer in units of 2**-10, at most 2**21 in magnitude; a mean or a
latent an integer in units of 1/16 quantization step; a scale the index i of a table made for the
logistic scale 2**(i/6 - 5) steps. Layers round half up. A quality is a level 0..255; what depends
on it is interpolated between knots in integers.

Array order is [rows, columns, channels].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int32]
Carried: TypeAlias = NDArray[np.float64]  # integer values in float64

LEVELS = 256  # of quality
UNIT_BITS = 10
MEAN_BITS = 4
LIMIT = 1 << 21  # on the magnitude of an activation
EXACT = 1 << 50  # bound proved for sums; float64 is exact to 2**53, `split` multiplies by 6
MEAN_LIMIT = 1 << 14
PER_OCTAVE = 6
LOWEST = -5  # log2 scale of table 0
SCALES = 67
STRIP = 8192  # positions computed at a time; bounds memory, changes no result

_TO_UNIT = 1 << (UNIT_BITS - MEAN_BITS)
_SLOPE = 8  # leaky ReLU: negative values are divided by this, rounded down


@dataclass(frozen=True)
class Visit:
    """One batch of symbols: `group` (-1: hyper-latents), flat `positions`, and what they are coded under.

    mean   int32 [positions, channels] in 1/16 steps.
    index  uint8 [positions, channels], tables; those of hyper-latents follow those of latents.
    """

    group: int
    positions: NDArray[np.int64]
    mean: Ints
    index: NDArray[np.uint8]


#: Given a batch, returns its symbols, int32 [positions, channels]: an encoder's or a decoder's half.
Visitor: TypeAlias = Callable[[Visit], Ints]


class Layer:
    """An affine map of integers.

    weight  int16 [inputs, outputs] in units of 2**-shift.
    bias    int32 [knots, outputs] in units of 2**-(10 + shift); one knot: independent of quality.

    Raises ValueError if a partial sum could reach 2**50.
    """

    def __init__(self, weight: NDArray[Any], bias: NDArray[Any], shift: int) -> None:
        self.weight = weight.astype(np.float64)
        self.bias = np.atleast_2d(bias).astype(np.int64)
        self.shift = int(shift)
        largest = np.abs(self.weight).sum(0) * LIMIT + np.abs(self.bias).max(0)
        if not 0 <= self.shift <= 24 or not largest.max() < EXACT:
            raise ValueError("an integer layer could leave the range of exact sums")

    def __call__(self, x: Carried, level: int) -> Carried:
        """[n, inputs] activations -> [n, outputs] sums in units of 2**-(10 + shift)."""
        return x @ self.weight + self._bias(level)

    def _bias(self, level: int) -> Carried:
        return interpolate(self.bias, level).astype(np.float64)

    def activate(self, sums: Carried) -> Carried:
        """Leaky ReLU and rounding back to activations."""
        leaky = np.maximum(sums, np.floor(sums / _SLOPE))
        return _limited(np.floor(leaky / (1 << self.shift) + 0.5))

    def hidden(self, x: Carried, level: int) -> Carried:
        """Sums and activation."""
        return self.activate(self(x, level))


def interpolate(knots: NDArray[np.int64], level: int) -> NDArray[np.int64]:
    """Row of `knots` [K, N] at `level` of 0..255, linear between knots, rounded down."""
    if len(knots) == 1:
        return knots[0]
    low, part = divmod(level * (len(knots) - 1), LEVELS - 1)
    high = min(low + 1, len(knots) - 1)
    return (knots[low] * (LEVELS - 1 - part) + knots[high] * part) // (LEVELS - 1)


def _limited(x: Carried) -> Carried:
    return np.clip(x, -LIMIT, LIMIT)


def _patches(x: Carried, kernel: int, positions: NDArray[np.int64]) -> Carried:
    """kernel x kernel neighbourhoods (zeros outside) of [h, w, C]: [positions, kernel**2 * C]."""
    w, channels = x.shape[1:]
    if kernel == 1:
        return x.reshape(-1, channels)[positions]
    pad = kernel // 2
    flat = np.pad(x, ((pad, pad), (pad, pad), (0, 0))).reshape(-1, channels)
    start = positions // w * (w + 2 * pad) + positions % w
    taps = [flat[start + dy * (w + 2 * pad) + dx] for dy in range(kernel) for dx in range(kernel)]
    return np.concatenate(taps, 1)


def _strips(positions: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.split(positions, range(STRIP, len(positions), STRIP))


@dataclass(frozen=True)
class Head:
    """Context to means and table indices of one coding pass."""

    first: Layer
    kernels: tuple[int, ...]
    hidden: Layer
    out: Layer

    def __call__(
        self, level: int, positions: NDArray[np.int64], inputs: Sequence[Carried]
    ) -> tuple[Ints, NDArray[np.uint8]]:
        """Mean (1/16 steps) and table index, [positions, channels] each."""
        means, indices = [], []
        for some in _strips(positions):
            pieces = [_patches(x, k, some) for x, k in zip(inputs, self.kernels, strict=True)]
            x = self.first.hidden(np.concatenate(pieces, 1), level)
            mean, index = split(self.out(self.hidden.hidden(x, level), level), self.out.shift)
            means.append(mean)
            indices.append(index)
        return np.concatenate(means), np.concatenate(indices)


def split(sums: Carried, shift: int) -> tuple[Ints, NDArray[np.uint8]]:
    """Sums [n, 2 C] in units of 2**-(10 + shift) -> means and table indices [n, C]."""
    mean, log_scale = np.split(sums, 2, axis=1)
    mean = np.floor(mean / (1 << (UNIT_BITS + shift - MEAN_BITS)) + 0.5)
    one = 1 << (UNIT_BITS + shift)
    index = np.floor((log_scale * PER_OCTAVE - LOWEST * PER_OCTAVE * one) / one + 0.5)
    return (
        np.clip(mean, -MEAN_LIMIT, MEAN_LIMIT).astype(np.int32),
        np.clip(index, 0, SCALES - 1).astype(np.uint8),
    )


class IntegerModel:
    """Hyper decoder and coding passes, from the integer tensors of a model file.

    groups  channels of each latent group. tensors: as `gcodec_ntc.export` writes them.
    Raises KeyError for a missing tensor, ValueError for one that could not compute exactly.
    """

    def __init__(self, groups: Sequence[int], tensors: Mapping[str, NDArray[Any]]) -> None:
        def layer(name: str) -> Layer:
            return Layer(
                tensors[f"integer.{name}.weight"],
                tensors[f"integer.{name}.bias"],
                int(tensors[f"integer.{name}.shift"][0]),
            )

        self.groups = tuple(groups)
        self._magnitude = tensors["integer.magnitude"].astype(np.int32)
        self._prior = tensors["integer.prior"].astype(np.int64)
        self._decode1, self._decode2 = layer("decode1"), layer("decode2")
        self._reduce = [layer("reduce1"), layer("reduce2")]
        kernels = ((1,), (1, 3), (1, 3), (1, 3, 3), (1, 3, 3), (1, 1, 3, 3))
        self._heads = [
            Head(layer(f"head{i}.first"), sizes, layer(f"head{i}.hidden"), layer(f"head{i}.out"))
            for i, sizes in enumerate(kernels)
        ]

    def code(self, level: int, h: int, w: int, visit: Visitor) -> tuple[Ints, Ints]:
        """Visit all symbols in coding order; encoder and decoder differ in `visit` alone.

        Returns hyper-latents [ceil(h/2), ceil(w/2), hyper] and latents [h, w, C], in 1/16 steps.
        """
        z = self._hyper_latents(level, -(-h // 2), -(-w // 2), visit)
        hyper = self._hyper_features(level, z, h, w)
        everywhere = np.arange(h * w)
        odd = (everywhere // w + everywhere % w) % 2 == 1
        y: list[Ints] = [np.zeros((h * w, size), np.int32) for size in self.groups]

        def code_pass(
            head: int, group: int, positions: NDArray[np.int64], *inputs: Carried
        ) -> Carried:
            mean, index = self._heads[head](level, positions, (hyper, *inputs))
            symbols = visit(Visit(group, positions, mean, index))
            y[group][positions] = (symbols << MEAN_BITS) + mean
            return self._features(y[group].reshape(h, w, -1))

        first, second = everywhere[~odd], everywhere[odd]
        own = code_pass(0, 0, first)
        low = code_pass(1, 0, second, own)
        own = code_pass(2, 1, first, low)
        middle = self._reduced(0, code_pass(3, 1, second, low, own), level)
        high = self._reduced(1, code_pass(4, 2, everywhere, low, middle), level)
        code_pass(5, 3, everywhere, low, middle, high)
        return z, np.concatenate(y, 1).reshape(h, w, -1)

    def _hyper_latents(self, level: int, h: int, w: int, visit: Visitor) -> Ints:
        row = interpolate(self._prior, level)[None]
        mean, index = (np.repeat(part.astype(np.int32), h * w, 0) for part in np.split(row, 2, 1))
        index = (index + SCALES).astype(np.uint8)
        symbols = visit(Visit(-1, np.arange(h * w), mean, index))
        return ((symbols << MEAN_BITS) + mean).reshape(h, w, -1)

    def _hyper_features(self, level: int, z: Ints, h: int, w: int) -> Carried:
        x = _limited(z.astype(np.float64) * _TO_UNIT)
        made = []
        for some in _strips(np.arange(z.shape[0] * z.shape[1])):
            u = self._decode1.hidden(_patches(x, 3, some), level)
            made.append(self._decode2.hidden(u, level))
        # Output 4 c + 2 i + j is channel c at row i, column j of a 2x2 block.
        blocks = np.concatenate(made).reshape(*z.shape[:2], -1, 2, 2)
        wide = blocks.transpose(0, 3, 1, 4, 2).reshape(2 * z.shape[0], 2 * z.shape[1], -1)
        return wide[:h, :w]

    def _features(self, y: Ints) -> Carried:
        """[h, w, C] latents -> [h, w, 2 C] activations: clipped value, log magnitude."""
        clipped = np.clip(y, -4 << MEAN_BITS, 4 << MEAN_BITS)
        magnitude = self._magnitude[np.minimum(np.abs(y), len(self._magnitude) - 1)]
        return np.concatenate([clipped, magnitude], 2).astype(np.float64) * _TO_UNIT

    def _reduced(self, which: int, x: Carried, level: int) -> Carried:
        layer = self._reduce[which]
        flat = x.reshape(-1, x.shape[2])
        made = [layer.hidden(flat[some], level) for some in _strips(np.arange(len(flat)))]
        return np.concatenate(made).reshape(*x.shape[:2], -1)
