"""Hyper-synthesis and context model in integers: what is told of each latent, the same on every machine.

The zoo's h_s enlarges twice, by transposed convolutions (5x5, stride 2) or by convolutions (3x3) to the four phases of twice
the size; the former are here the latter as well. A context model (Minnen et al. 2018, section 3.1) is a convolution of the
latents before (5x5, masked) and three 1x1 layers over its outputs and those of h_s. Layers, rounding and activations are
those of `gcodec.entropy.integers`, apart from the slope of the leaky ReLU. Array order is [rows, columns, channels]. NumPy
only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import UNIT_BITS, Carried, Ints, Layer, limited, patches
from gcodec_ntc.zoo.architectures import Architecture

__all__ = ["LIMIT", "TAPS", "VALUE_BITS", "Context", "HyperSynthesis", "layer_names"]

#: Latents, means, deviations and bin widths are integers in units of 2**-12.
VALUE_BITS = 12

#: Largest magnitude of a latent in these units.
LIMIT = 1 << 30

#: Positions that a context model sees, of 5x5 in raster order: the two rows above, and two to the left.
TAPS = 12

_SLOPE = 100  # leaky ReLU: negative values are divided by this, rounded down
_KERNEL = 3
_STRIP = 1024  # positions computed at a time; bounds memory, changes no result


_CONTEXT = ("integer.context", *(f"integer.parameters{i}" for i in range(3)))


def layer_names(which: Architecture) -> tuple[str, ...]:
    """Names of the integer layers among a model's tensors: those of h_s, then those of the context model."""
    synthesis = tuple(f"integer.h_s{i}" for i in range(len(_doubling(which))))
    return synthesis + (_CONTEXT if which.context else ())


def _doubling(which: Architecture) -> tuple[bool, ...]:
    """Which layers of h_s make twice the size; none without hyper-latents."""
    if not which.hyper:
        return ()
    return (False, True, False, True, False) if which.residual else (True, True, False)


class HyperSynthesis:
    """h_s of a model with N hyper-latents and M latents a position, from the integer tensors of its file.

    Raises KeyError for a missing tensor, ValueError for one that does not fit or could not compute exactly.
    """

    def __init__(
        self, which: Architecture, n: int, m: int, tensors: Mapping[str, NDArray[Any]]
    ) -> None:
        self.which = which
        self._doubles = _doubling(which)
        self.layers = [Layer.of(tensors, f"integer.h_s{i}") for i in range(len(self._doubles))]
        self.outputs = 2 * m if which.means else m
        widths = [n]
        for layer, double in zip(self.layers, self._doubles, strict=True):
            widths.append(layer.weight.shape[1] // (4 if double else 1))
        _check(self.layers, [_KERNEL**2 * width for width in widths[:-1]])
        if widths[-1] != self.outputs:
            raise ValueError(f"h_s makes {widths[-1]} channels instead of {self.outputs}")

    def __call__(self, z: Carried) -> NDArray[Any]:
        """Activations [h, w, N] -> sums of the last layer, rounded, [4 h, 4 w, outputs].

        To activations where a context model follows, otherwise to int32 in units of 2**-12.
        """
        x = z
        last = self.layers[-1]
        for layer, double in zip(self.layers[:-1], self._doubles[:-1], strict=True):
            x = _applied(layer, x, partial(_active, layer=layer, leaky=self.which.means))
            x = _doubled(x) if double else x
        return _applied(last, x, partial(_kept if self.which.context else _values, layer=last))


class Context:
    """What latents and the outputs of h_s tell of the next latents, M a position. Raises what `HyperSynthesis` does."""

    def __init__(self, m: int, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._first, *self._rest = (Layer.of(tensors, name) for name in _CONTEXT)
        widths = [
            2 * m + self._first.weight.shape[1],
            *(x.weight.shape[1] for x in self._rest),
        ]
        _check([self._first, *self._rest], [TAPS * m, *widths[:-1]])
        if widths[-1] != 2 * m:
            raise ValueError(f"the context model makes {widths[-1]} channels instead of {2 * m}")

    def __call__(self, before: Carried, told: Carried) -> Ints:
        """Activations of the latents before [P, 12 M] and of h_s [P, 2 M] -> int32 [P, 2 M] in units of 2**-12."""
        x = np.concatenate([told, _rounded(self._first(before, 0), self._first)], 1)
        for layer in self._rest[:-1]:
            x = _active(layer(x, 0), layer, leaky=True)
        return _values(self._rest[-1](x, 0), self._rest[-1])


def _check(layers: Sequence[Layer], inputs: Sequence[int]) -> None:
    for layer, wanted in zip(layers, inputs, strict=True):
        given, outputs = layer.weight.shape
        if given != wanted or layer.bias.shape != (1, outputs):
            raise ValueError(f"an integer layer has {given} inputs instead of {wanted}")


def _rounded(sums: Carried, layer: Layer) -> Carried:
    """Sums as activations."""
    return limited(np.floor(sums / (1 << layer.shift) + 0.5))


def _active(sums: Carried, layer: Layer, leaky: bool) -> Carried:
    """(Leaky) ReLU, then activations."""
    return _rounded(np.maximum(sums, np.floor(sums / _SLOPE) if leaky else 0), layer)


def _kept(sums: Carried, layer: Layer) -> NDArray[np.float32]:
    """Sums as activations, which single precision holds."""
    return _rounded(sums, layer).astype(np.float32)


def _values(sums: Carried, layer: Layer) -> Ints:
    """Sums in units of 2**-12."""
    unit = 2.0 ** (VALUE_BITS - UNIT_BITS - layer.shift)
    return np.clip(np.floor(sums * unit + 0.5), -LIMIT, LIMIT).astype(np.int32)


def _applied(layer: Layer, x: Carried, finish: Callable[[Carried], NDArray[Any]]) -> NDArray[Any]:
    """A layer on the 3x3 neighbourhoods of [h, w, C], and what is to be done with its sums."""
    everywhere = np.arange(x.shape[0] * x.shape[1])
    strips = np.split(everywhere, range(_STRIP, len(everywhere), _STRIP))
    made = [finish(layer(patches(x, _KERNEL, some), 0)) for some in strips]
    return np.concatenate(made).reshape(*x.shape[:2], -1)


def _doubled(x: NDArray[Any]) -> NDArray[Any]:
    """Phases to places: channel 4 c + 2 i + j is channel c at row i and column j of a 2x2 block."""
    h, w, c = x.shape
    blocks = x.reshape(h, w, c // 4, 2, 2).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(blocks).reshape(2 * h, 2 * w, c // 4)
