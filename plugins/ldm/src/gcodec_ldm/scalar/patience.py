"""Symbols chosen for one latent by what they cost, where nearest ones would do: `--effort`.

The least |y - s|^2 + lambda R(s) is sought, y and s in bin widths, R in bits. lambda is what a bit is worth where bins are
narrow: there the error is 1 / 12 and a bit quarters it, so that lambda = 2 ln 2 / 12. Each symbol is chosen between the
nearest, those next to it and the one expected, by its own bits. As context of others it makes these cost more or less as
well, which the gradient of the float twin says (`gcodec.entropy.twin.owed`); at the symbols s so far, half of lambda times
that is what y is moved by before it is rounded anew. plugins/ntc does the same with the error of pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Encoder, rounded
from gcodec.entropy.integers import LEVELS, MEAN_BITS, Ints
from gcodec_ldm.scalar.codec import Choice, Codec, Lattice
from gcodec_ldm.scalar.scale import level_of, width_of

if TYPE_CHECKING:
    from gcodec.entropy.model import EntropyModel
    from gcodec.signals import FloatArray

__all__ = ["Patience"]

_WORTH = 2 * np.log(2) / 12
_PART = 0.7  # of the way that y is to be moved, at first; it falls linearly
_NEXT = 2  # symbols beside the nearest that are looked at


class Patience:
    """Of one model, whose `tensors` are what `codec` was made of. No chance is involved. Takes torch."""

    def __init__(self, codec: Codec, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._codec, self._tensors = codec, tensors

    def __call__(self, latent: FloatArray, code: int, passes: int) -> bytes:
        """The stream of a latent [C, h, w] with the least sum of error and bits of those found; plain rounding's is one.

        passes  how often all symbols are chosen.
        """
        v = (latent / np.float32(width_of(code))).transpose(1, 2, 0).reshape(-1, len(latent))
        encoder = Encoder(self._codec.tables)
        found = self._codec.quantize(latent, code, encoder.put)
        best = encoder.finish()
        least = self._sum(v, found[1], best)
        shift = np.zeros_like(v)
        for number in range(passes):
            if number:
                part = np.float32(_PART * (1 - number / passes))
                shift += part * (self._push(*found, code) - shift)
            encoder = Encoder(self._codec.tables)
            found = self._codec.quantize(latent, code, encoder.put, choice=self._moved_by(shift))
            stream = encoder.finish()
            if (total := self._sum(v, found[1], stream)) < least:
                best, least = stream, total
        return best

    def _moved_by(self, shift: NDArray[Any]) -> Choice:
        """Choose after what is to be rounded has moved by `shift`, [h * w, C]."""
        return lambda place, exact, lattice: self._chosen(exact + shift[place], lattice)

    def _chosen(self, exact: NDArray[Any], lattice: Lattice) -> Ints:
        """Symbols of what is to be rounded, by error and their own bits."""
        best = rounded(exact)
        least = np.full(exact.shape, np.inf)
        inward = np.sign(lattice.nearest - best).astype(np.int32)
        far = np.abs(lattice.nearest - best)
        reach = self._cost.shape[1] // 2
        for steps in (*range(_NEXT + 1), far):
            symbols = rounded(exact) + inward * np.minimum(steps, far)
            coded = np.clip(lattice.sign * (symbols - lattice.nearest), -reach, reach)
            total = np.square(exact - symbols) + _WORTH * self._cost[lattice.table, coded + reach]
            best = np.where(total < least, symbols, best)
            least = np.minimum(total, least)
        return np.asarray(best, np.int32)

    @cached_property
    def _cost(self) -> NDArray[np.float32]:
        """Bits of -reach .. reach under each table, [tables, 2 reach + 1]."""
        tables = self._codec.tables
        reach = int(tables.escape.max()) // 2
        cost = np.empty((len(tables), 2 * reach + 1), np.float32)
        for index, row in enumerate(cost):
            bits = tables.bits(index)
            own = len(bits) // 2 - 1
            row[:] = bits[-1] + 2 * np.log2(1 + np.abs(np.arange(-reach, reach + 1)))
            row[reach - own : reach + own + 1] = [*bits[2 * own : 0 : -2], bits[0], *bits[1:-1:2]]
        return cost

    def _sum(self, v: NDArray[Any], y: Ints, stream: bytes) -> float:
        """Error and bits."""
        error = v - y.reshape(v.shape) / np.float32(1 << MEAN_BITS)
        return float(np.square(error, dtype=np.float64).sum() + _WORTH * 8 * len(stream))

    def _push(self, z: Ints, y: Ints, code: int) -> NDArray[Any]:
        """What latents are to be moved by for the sake of others' bits, bin widths [h * w, C]."""
        import torch

        from gcodec.entropy.twin import owed

        planes = (
            torch.from_numpy((part / np.float32(1 << MEAN_BITS)).transpose(2, 0, 1)[None].copy())
            for part in (z, y)
        )
        hyper, latents = (plane.float() for plane in planes)
        q = torch.tensor([level_of(code) / (LEVELS - 1)])
        with torch.no_grad():
            seen = self._twin.hyper_features(hyper, q, *latents.shape[2:])
        gradient = owed(self._twin, q, seen, latents)[0].permute(1, 2, 0).flatten(0, 1)
        moved: NDArray[Any] = (-_WORTH / 2 * gradient).numpy()
        return moved

    @cached_property
    def _twin(self) -> EntropyModel:
        from gcodec.entropy.twin import twin_of
        from gcodec.models.building import unseen

        with unseen():
            return twin_of(self._codec.sizes, self._tensors)
