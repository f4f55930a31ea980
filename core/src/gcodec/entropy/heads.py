"""Heads of the integer model: from what is known around a position to means and tables, exactly and fast.

Most of the time that symbols take to read is that of a head's first layer, a convolution of several inputs. Its sums are
those of `gcodec.entropy.integers.Layer` over all neighbourhoods in a row; here they are added up input by input, and what is
known of an input is used:

* Features are multiples of 64 and not large. Where the magnitudes of some inputs times those of their weights add up to less
  than 64 * 2**24, every product and every partial sum is a multiple of 64 with 24 bits. So float32 has it exactly, in any
  order of summation, and in half the time. `Product` cuts inputs into blocks of which its weights prove that.
* In the second pass over a checkerboard, values at the position and at the corners of 3x3 are not known yet: they are 0, and
  left out.

All else is float64, as the layer proves it exact. The result is the same integers, whichever it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import (
    MEAN_BITS,
    UNIT_BITS,
    Carried,
    Features,
    Ints,
    Layer,
    around,
    bordered,
    split,
    strips,
)

__all__ = ["Head", "Product", "Seen"]

Index: TypeAlias = NDArray[np.int64]

#: Of 3x3 neighbours in raster order, those beside the position: on the other colour of a checkerboard.
_BESIDE = (1, 3, 5, 7)
#: Blocks that have fewer inputs than this on average take as long in float32.
_WORTH = 24


class Product:
    """Sums of whole numbers times weights, see above.

    weight  [inputs, outputs], whole numbers of at most 2**15.
    most    largest magnitude of each input of `features`; None: activations.
    """

    def __init__(self, weight: Carried, most: NDArray[np.float64] | None = None) -> None:
        self._blocks: list[tuple[slice, NDArray[Any]]] = [(slice(None), weight)]
        if most is None:
            return
        bound = float(1 << 24 + UNIT_BITS - MEAN_BITS)
        starts, total = [0], np.zeros(weight.shape[1])
        for row, terms in enumerate(np.abs(weight) * most[:, None]):
            total = total + terms
            if not total.max(initial=0) < bound:
                if not terms.max(initial=0) < bound:
                    return
                starts.append(row)
                total = terms
        if len(weight) >= _WORTH * len(starts):
            ends = zip(starts, [*starts[1:], len(weight)], strict=True)
            parts = [slice(*each) for each in ends]
            self._blocks = [(part, weight[part].astype(np.float32)) for part in parts]

    def add(self, sums: Carried, x: NDArray[Any]) -> None:
        """Add those of x [n, inputs] to sums [n, outputs]."""
        for part, weight in self._blocks:
            sums += x[:, part] @ weight


class Seen(NamedTuple):
    """One input of a head, [h, w, channels].

    kernel  side of the neighbourhood that is seen, 1 or 3.
    most    largest magnitude by channel of `features`; None: activations.
    beside  of 3x3 only the four neighbours beside a position can be other than 0.
    """

    kernel: int
    channels: int
    most: NDArray[np.float64] | None = None
    beside: bool = False

    @property
    def inputs(self) -> int:
        """Inputs of the layer that it is."""
        return self.kernel**2 * self.channels

    def of(self, x: NDArray[Any], rows: Index, columns: Index) -> NDArray[Any]:
        """Neighbourhoods [positions, inputs] in an array, `bordered` for kernels of 3, without what is 0."""
        if self.beside:
            return np.concatenate([x[rows + i // 3, columns + i % 3] for i in _BESIDE], 1)
        return around(x, self.kernel, rows, columns)

    def product(self, weight: Carried) -> Product:
        """What `of` is multiplied with; weight [inputs, outputs]."""
        taps = list(_BESIDE) if self.beside else list(range(self.kernel**2))
        rows = weight.reshape(self.kernel**2, self.channels, -1)[taps]
        most = None if self.most is None else np.tile(self.most, len(taps))
        return Product(rows.reshape(-1, weight.shape[1]), most)


class Head:
    """Context to means and table indices of one coding pass.

    first  its inputs are the neighbourhoods of what is `seen`, one after the other.

    Raises InvalidArgument for layers that do not fit.
    """

    def __init__(self, first: Layer, seen: Sequence[Seen], hidden: Layer, out: Layer) -> None:
        width = first.weight.shape[1]
        first.expect(sum(each.inputs for each in seen), width)
        hidden.expect(width, width)
        out.expect(width, out.weight.shape[1])
        self._first, self._hidden, self._out = first, hidden, out
        ends = np.cumsum([each.inputs for each in seen])[:-1]
        weights = np.split(first.weight, ends)
        self._seen = [(x, x.product(weight)) for x, weight in zip(seen, weights, strict=True)]

    def __call__(
        self, level: int, positions: Index, inputs: Sequence[Carried | Features]
    ) -> tuple[Ints, NDArray[np.uint8]]:
        """Mean (1/16 steps) and table index, [positions, channels] each."""
        seen = [
            (each, product, bordered(x, each.kernel // 2) if each.kernel > 1 else x)
            for (each, product), x in zip(self._seen, inputs, strict=True)
        ]
        bias = self._first.at(level)
        shape = len(positions), self._out.weight.shape[1] // 2
        means, indices, start = np.empty(shape, np.int32), np.empty(shape, np.uint8), 0
        for some in strips(positions):
            places = np.divmod(some, inputs[0].shape[1])
            sums = np.repeat(bias[None], len(some), 0)
            for each, product, x in seen:
                product.add(sums, each.of(x, *places))
            x = self._hidden.hidden(self._first.activate(sums), level)
            made = slice(start, start + len(some))
            means[made], indices[made] = split(self._out(x, level), self._out.shift)
            start = made.stop
        return means, indices
