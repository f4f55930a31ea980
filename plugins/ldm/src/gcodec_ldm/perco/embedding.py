"""The embedding `perco`: `gcodec_ldm.perco.codec` behind gcodec's stage-1 interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.captioning import caption_of
from gcodec.errors import ModelDamaged, ModelMissing
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.networks import open_codebook, open_space
from gcodec.signals import Signal, Text, Tokens
from gcodec_ldm.perco.choice import Choice, Effects
from gcodec_ldm.perco.codec import NAME, Codec

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Perco", "rate"]

#: Number of the codebook in the model, and lambda of `Choice`, squared error of the latent a bit, from its lowest quality
#: to its highest: from where tokens cost a third and the error is a quarter above that of the nearest tokens, to where
#: it is no more than theirs. The finer grid begins where it is better than the coarser one.
_RATES = ((0, 25.0, 1.0), (1, 4.5, 0.6))
_STEPS = 16
#: Qualities that are told apart.
LEVELS = _STEPS * len(_RATES)


@dataclass
class Analysed:
    """A picture before any quality is chosen: its samples, its caption, and by codebook what its digits are worth."""

    pixels: FloatArray
    caption: bytes
    effects: dict[int, Effects] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        """Of the picture."""
        return Size(*self.pixels.shape[1:])


class Perco(Embedding):
    """Layer 0 are tokens, layer 1 is the caption if there is one; quality says which codebook and how exact.

    Raises ModelMissing without a model or without its codebooks, ModelDamaged for one that is not a `perco`
    model, and what `gcodec.captioning.caption_of` raises.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        model = setup.model
        if model is None:
            raise ModelMissing(
                "base/perco", "`perco` cannot work without weights; install gcodec-base"
            )
        try:
            self._codec = Codec(model.config, model.tensors())
        except (KeyError, TypeError, ValueError) as error:
            raise ModelDamaged(model.name, f"not the weights of `perco`: {error}") from error
        # Tokens mean nothing without the very codebooks that they index.
        self._models = [setup.run.models.find(book.model) for book in self._codec.books]
        self._caption = caption_of(NAME, setup)

    def analyse(self, pixels: FloatArray) -> Analysed:
        """Only the caption: what is needed of a codebook is made when a quality asks for it."""
        return Analysed(pixels, self._caption(pixels))

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the layers at `quality` in [0, 1]."""
        book, trade = rate(quality)
        if book not in analysis.effects:
            analysis.effects[book] = self._effects(analysis.pixels, book)
        choose = Choice(analysis.effects[book], trade)
        return self._codec.encode(book, analysis.size, choose, analysis.caption)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the tokens and the caption, which is empty where none was sent."""
        book, tokens, caption = self._codec.decode(layers, size)
        return Tokens(tokens, book.space), Text(caption)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """Name of the tokens, a zero byte, the tokens as int32 little-endian in C order, the caption in UTF-8."""
        book, tokens, caption = self._codec.decode(layers, size)
        return book.space.encode() + b"\0" + tokens.astype("<i4").tobytes() + caption.encode()

    def _effects(self, pixels: FloatArray, index: int) -> Effects:
        run, book = self.setup.run, self._codec.books[index]
        codebook = open_codebook(self._models[index], run)
        space = open_space(run.models.find(codebook.space), run)
        return Effects(codebook, space.encode(np.ascontiguousarray(pixels)), book.levels)


def rate(quality: float) -> tuple[int, float]:
    """Return the number of the codebook and lambda at `quality` in [0, 1]; lambda falls geometrically within each."""
    level = round(min(max(quality, 0.0), 1.0) * (LEVELS - 1))
    book, first, last = _RATES[level // _STEPS]
    return book, first * (last / first) ** (level % _STEPS / (_STEPS - 1))
