"""Hyper-synthesis h_s in integers: from hyper-latents to the Gaussian of each latent, the same on every machine.

The zoo's h_s is a transposed convolution twice (5x5, stride 2), then a convolution (3x3). A transposed convolution is
here an ordinary one, 3x3, to the four phases of its output. Layers, rounding and activations are those of
`gcodec.integers`, apart from the slope of the leaky ReLU. Array order is [rows, columns, channels]. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.integers import UNIT_BITS, Carried, Ints, Layer, limited, patches
from gcodec_ntc.zoo.architectures import Architecture

__all__ = ["LAYERS", "LIMIT", "VALUE_BITS", "HyperSynthesis"]

#: Names of the three layers among a model's tensors.
LAYERS = ("integer.h_s0", "integer.h_s1", "integer.h_s2")

#: Latents, means, scales and bin widths are integers in units of 2**-12.
VALUE_BITS = 12

#: Largest magnitude of a latent in these units.
LIMIT = 1 << 30

_SLOPE = 100  # leaky ReLU: negative values are divided by this, rounded down
_KERNEL = 3
_STRIP = 1024  # positions computed at a time; bounds memory, changes no result


class HyperSynthesis:
    """h_s of a model with N hyper-latents and M latents a position, from the integer tensors of its file.

    Raises KeyError for a missing tensor, ValueError for one that does not fit or could not compute exactly.
    """

    def __init__(
        self, which: Architecture, n: int, m: int, tensors: Mapping[str, NDArray[Any]]
    ) -> None:
        self.means = which.means
        self.layers = [Layer.of(tensors, name) for name in LAYERS]
        widths = (m, m * 3 // 2, 2 * m) if which.means else (n, n, m)
        for layer, name, inputs, outputs, phases in zip(
            self.layers, LAYERS, (n, *widths), widths, (4, 4, 1), strict=False
        ):
            wanted = (_KERNEL**2 * inputs, phases * outputs)
            if layer.weight.shape != wanted or layer.bias.shape != (1, wanted[1]):
                raise ValueError(f"{name} has shape {layer.weight.shape} instead of {wanted}")

    def __call__(self, z: Carried) -> tuple[Ints, Ints]:
        """Activations [h, w, N] -> means and scales, int32 [4 h, 4 w, M] in units of 2**-12; neither is limited below."""
        first, second, last = self.layers
        x = _doubled(_applied(first, z, lambda sums: self._activate(sums, first)))
        x = _doubled(_applied(second, x, lambda sums: self._activate(sums, second)))
        made = _applied(last, x, lambda sums: _values(sums, last))
        if not self.means:
            return np.zeros_like(made), made
        scale, mean = np.split(made, 2, axis=2)
        return mean, scale

    def _activate(self, sums: Carried, layer: Layer) -> Carried:
        """ReLU, leaky where there are means, and rounding back to activations."""
        kept = np.maximum(sums, np.floor(sums / _SLOPE) if self.means else 0)
        return limited(np.floor(kept / (1 << layer.shift) + 0.5))


def _values(sums: Carried, layer: Layer) -> Ints:
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
