"""The face of the protocol: one value, keyed by a seed, that answers with NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gcodec.randomness._philox import split_seed

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from gcodec.randomness._rows import Index, Kind, Rows, Shape
    from gcodec.randomness._torch import TorchRandomness


@dataclass(frozen=True)
class Randomness:
    """The common randomness of spec/RANDOMNESS.md that `seed`, 0 <= seed < 2^64, keys.

    The methods share their arguments:

    domain  what the numbers are for: a `Domain`, or a private number from `FIRST_PRIVATE` on.
    a, b    the row's name within the domain, 32 bits each. b may be a sequence (or 1-D integer array) of n rows;
            the answer then has a leading axis of length n, and row i of it is what b[i] alone would give.
    shape   of one row's part: an integer or a tuple, filled in C order.
    start   the place in the row of the first element: `f(..., n)[s:]` equals `f(..., n - s, start=s)`.

    A row has 2^34 elements (2^39 signs). All methods raise InvalidArgument for what is out of range and TypeError for what
    is no integer; the first normals of a process raise `gcodec.errors.ModelDamaged` if the shipped table is not the
    one that the specification pins. Different kinds of numbers from one row share bits: give each use a row of its own.
    """

    seed: int

    def __post_init__(self) -> None:
        split_seed(self.seed)

    def on(self, device: str | torch.device) -> TorchRandomness:
        """The same streams as tensors on `device`, bit for bit."""
        import torch

        from gcodec.randomness._torch import TorchRandomness

        return TorchRandomness(self.seed, torch.device(device))

    def bits(
        self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0
    ) -> NDArray[np.uint32]:
        """Random words: uint32, uniform on 0, ..., 2^32 - 1."""
        return self._draw("bits", domain, a, b, shape, start)

    def normal(
        self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0
    ) -> NDArray[np.float32]:
        """Standard normals: float32, multiples of 2^-20, |z| <= 5.472, never 0; variance 1 - 5e-9."""
        return self._draw("normal", domain, a, b, shape, start)

    def uniform(
        self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0
    ) -> NDArray[np.float32]:
        """Uniforms: float32, odd multiples of 2^-24 strictly between 0 and 1."""
        return self._draw("uniform", domain, a, b, shape, start)

    def dither(
        self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0
    ) -> NDArray[np.float32]:
        """Dither: float32, the uniforms less one half, symmetric about 0 and never 0."""
        return self._draw("dither", domain, a, b, shape, start)

    def signs(
        self, domain: Index, a: Index, b: Rows, shape: Shape, start: Index = 0
    ) -> NDArray[np.float32]:
        """Signs: float32, +1 or -1, one bit each."""
        return self._draw("signs", domain, a, b, shape, start)

    def permutation(self, domain: Index, a: Index, b: Rows, n: Index) -> NDArray[np.int64]:
        """A permutation of 0, ..., n - 1: int64 [n], from the first 2n words of the row. Takes O(n log n)."""
        from gcodec.randomness import _numpy

        return _numpy.permutation(self.bits(domain, a, b, (n, 2)))

    def _draw(
        self, kind: Kind, domain: Index, a: Index, b: Rows, shape: Shape, start: Index
    ) -> NDArray[Any]:
        from gcodec.randomness import _numpy, _rows

        return _numpy.draw(_rows.request(kind, self.seed, domain, a, b, shape, start))
