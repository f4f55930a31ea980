"""The embedding `uqdm`: `gcodec_diffc.uqdm.codec` behind gcodec's stage-1 interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.interfaces import Embedding, Setup, Size
from gcodec.signals import Preview, Signal
from gcodec_diffc.uqdm.codec import Analysed, Codec
from gcodec_diffc.uqdm.schedule import LAYERS

if TYPE_CHECKING:
    from gcodec.signals import FloatArray


class Uqdm(Embedding):
    """Layers 1 to 17, the last of which is lossless; quality says how many.

    Runs on the CPU whatever the run's device: its networks are small and the integer part is NumPy.
    Raises ModelMissing without a model and ModelDamaged for one that is not a `uqdm` model.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        model = setup.weights("uqdm", "base/uqdm")
        with model.taken_as("the weights of `uqdm`"):
            self._codec = Codec(model.config, model.tensors(), setup.run.randomness)

    def analyse(self, pixels: FloatArray) -> Analysed:
        """Transform float32 [3, H, W] in [0, 1], rounded to 8 bits; layers once made are kept."""
        return self._codec.analyse(pixels)

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the layers up to `quality` in [0, 1]; 1 is lossless."""
        return self._codec.encode(analysis, _count(quality))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the preview with the squared error that the encoder measured."""
        state, mse = self._codec.read(layers, size.height, size.width)
        return (Preview(self._codec.preview(state, len(layers)), mse),)

    def refine(
        self, layers: Sequence[bytes], counts: Sequence[int], size: Size
    ) -> Iterator[tuple[Signal, ...]]:
        """Yield the previews after `counts` layers, in one pass."""
        read = self._codec.steps(layers[: max(counts)], size.height, size.width)
        for count, (state, mse) in enumerate(read, 1):
            if count in counts:
                yield (Preview(self._codec.preview(state, count), mse),)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """The stated errors, then intervals of all coefficients: int32 little-endian, lows then highs.

        The coarsest averages come first, then details from coarse to fine; [rows, columns, channels].
        """
        state, _ = self._codec.read(layers, size.height, size.width)
        parts = [state.top, *reversed(state.details)]
        intervals = [edge.ravel() for part in parts for edge in (part.lo, part.hi)]
        return (
            bytes(layer[0] for layer in layers) + np.concatenate(intervals).astype("<i4").tobytes()
        )


def _count(quality: float) -> int:
    return 1 + round(min(max(quality, 0.0), 1.0) * (LAYERS - 1))
