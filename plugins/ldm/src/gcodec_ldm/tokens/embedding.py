"""The embedding `tokens`: any beginning of a stream of tokens, and the rest drawn from what is likely to follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.interfaces import Embedding, Setup, Size
from gcodec.signals import Latent, Signal
from gcodec_ldm.tokens.codec import NAME, Codec, Priced, Read
from gcodec_ldm.tokens.meaning import Meaning, codewords_of

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Tokens"]


class Tokens(Embedding):
    """Quality says how many tokens are sent: none at 0, all at 1, their logarithm growing evenly.

    Raises ModelMissing without a model or without its codebooks, ModelDamaged for one that is none of `tokens`.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        model = setup.weights(NAME, "base/tokens")
        with model.taken_as(f"the weights of `{NAME}`"):
            tensors = model.tensors()
            self._codec = Codec(model.config, tensors)
            self._codewords = codewords_of(self._codec.levels, tensors)
            self._error = np.array(model.config["error"], np.float64)
            if self._error.shape != (len(self._codewords) + 1, 2):
                raise ValueError("errors are due before the first and behind each level")
            if not (np.isfinite(self._error) & (self._error >= 0)).all():
                raise ValueError("an error is no number from 0 on")
        self._model = model
        # Tokens mean nothing without the very codebooks that they index.
        for level in self._codec.levels:
            if level.model:
                setup.run.models.find(level.model)

    @cached_property
    def _meaning(self) -> Meaning:
        with self._model.taken_as(f"the weights of `{NAME}`"):
            meaning = Meaning(self._codec.levels, self._codewords, self.setup.run)
            meaning.check()
        return meaning

    def analyse(self, pixels: FloatArray) -> Priced:
        """The tokens of float32 [3, H, W] in [0, 1]."""
        latent = self._meaning.space.encode(np.ascontiguousarray(pixels))
        return Priced(self._codec, self._meaning.tokens(latent), Size(*pixels.shape[1:]))

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the layers at `quality` in [0, 1]."""
        count = round((analysis.total + 1) ** min(max(quality, 0.0), 1.0)) - 1
        return analysis.encode(count, self.setup.options.get("complete", True))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the latent, and a step that is as wide as it is likely to be off."""
        read = self._read(layers, size)
        factor = self._meaning.space.factor
        shape = -(-size.height // factor), -(-size.width // factor)
        ends = np.cumsum([0, *self._codec.counts(size)])
        step = 12**0.5 * float(np.interp(read.sent, ends, self._error[:, int(read.complete)]))
        values = self._meaning.latent(read.maps, shape)
        return (Latent(values, self._meaning.space.name, step, rounded=False),)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """The tokens of all levels, coarse to fine, row by row, int32 little-endian; -1 where there is none."""
        maps = self._read(layers, size).maps
        return np.concatenate([tokens.ravel() for tokens in maps]).astype("<i4").tobytes()

    def _read(self, layers: Sequence[bytes], size: Size) -> Read:
        return self._codec.decode(layers, size, self.setup.run.randomness)
