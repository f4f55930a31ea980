"""From what is seen of a pixel to the law of each of its samples, in whole numbers. spec/embeddings/lossless.md, section 5.

Layers are those of spec/INTEGER.md: a model that loads cannot overflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import UNIT_BITS, Carried, Layer
from gcodec.errors import InvalidArgument
from gcodec_lossless.features import EXTRAS, POINT, SEEN, Channel
from gcodec_lossless.law import PARTS, Law, Tables
from gcodec_lossless.regression import limited
from gcodec_lossless.waves import Ints

__all__ = ["CLASS", "Network"]

#: Of a model's config.json.
CLASS = "LosslessLaw"

#: Means are within so many spreads of the prediction.
_FAR = 64 << POINT


class Network:
    """Trunk, heads and tables of a model. Raises KeyError and InvalidArgument, with the layer's name.

    beside  whether it sees a companion's picture too.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]], beside: bool = False) -> None:
        def layer(name: str, inputs: int, outputs: int | None = None) -> Layer:
            made = Layer.of(tensors, name)
            due = inputs, outputs or made.weight.shape[1]
            if made.weight.shape != due:
                raise InvalidArgument(f"{name} is {made.weight.shape}, not {due}")
            return made

        self._first = layer("trunk.first", SEEN[beside])
        self._second = layer("trunk.second", self._first.weight.shape[1])
        width = self._second.weight.shape[1]
        self._heads = []
        for index, extra in enumerate(EXTRAS[beside]):
            first = layer(f"head{index}.first", width + extra)
            hidden = layer(f"head{index}.hidden", first.weight.shape[1])
            out = layer(f"head{index}.out", hidden.weight.shape[1], 3 * PARTS)
            self._heads.append((first, hidden, out))
        self._tables = Tables(tensors)

    def trunk(self, seen: Ints) -> Carried:
        """Of [SEEN, n] what the heads share, [n, width]."""
        return self._second.hidden(self._first.hidden(_activations(seen), 0), 0)

    def law(self, index: int, shared: Carried, channel: Channel, top: int) -> Law:
        """Of the samples of channel `index`."""
        first, hidden, out = self._heads[index]
        x = np.concatenate([shared, _activations(channel.extras)], 1)
        sums = out(hidden.hidden(first.hidden(x, 0), 0), 0).T
        weights, means, levels = sums[:PARTS], sums[PARTS : 2 * PARTS], sums[2 * PARTS :]
        shift = UNIT_BITS + out.shift
        offset = limited(_rounded(means, shift - POINT), _FAR)
        return self._tables.law(
            _rounded(weights, shift - POINT),
            channel.prediction + ((offset * channel.spread) >> POINT),
            channel.level + _rounded(levels, shift - 4),
            top,
        )


def _activations(values: Ints) -> Carried:
    """Of numbers in 1/64, [inputs, n]: [n, inputs]."""
    return (values << (UNIT_BITS - POINT)).T.astype(np.float64)


def _rounded(sums: Carried, bits: int) -> Ints:
    return np.floor(sums / (1 << bits) + 0.5).astype(np.int64)
