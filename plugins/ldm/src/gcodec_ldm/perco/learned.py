"""Tokens under a learned prior, as those of `base` are sent: `gcodec_ldm.perco.codec` with the sender's choice of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models.networks import open_codebook, open_space
from gcodec_ldm.perco.choice import Choice, Effects
from gcodec_ldm.perco.codec import Codec

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints
    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray

__all__ = ["LEVELS", "Learned", "rate"]

#: Number of the codebook in the model, and lambda of `Choice`, squared error of the latent a bit, from its lowest quality
#: to its highest: from where tokens cost a third and the error is a quarter above that of the nearest tokens, to where
#: it is no more than theirs. The finer grid begins where it is better than the coarser one.
_RATES = ((0, 25.0, 1.0), (1, 4.5, 0.6))
_STEPS = 16
#: Qualities that are told apart.
LEVELS = _STEPS * len(_RATES)


@dataclass
class Analysed:
    """A picture before any quality is chosen: its samples, and by codebook what its digits are worth."""

    pixels: FloatArray
    effects: dict[int, Effects] = field(default_factory=dict)


class Learned:
    """The tokens of a model of class `PercoPrior`.

    Raises ModelDamaged for a folder that is none, ModelMissing without the codebooks that it names.
    """

    def __init__(self, model: Model, run: Run) -> None:
        self._run = run
        with model.taken_as("the weights of `perco`"):
            self._codec = Codec(model.config, model.tensors())
        # Tokens mean nothing without the very codebooks that they index.
        self._models = [run.models.find(book.model) for book in self._codec.books]

    def analyse(self, pixels: FloatArray) -> Analysed:
        """Nothing yet: what is needed of a codebook is made when a quality asks for it."""
        return Analysed(pixels)

    def encode(self, analysis: Analysed, quality: float) -> bytes:
        """Layer 0 at `quality` in [0, 1]."""
        book, trade = rate(quality)
        if book not in analysis.effects:
            analysis.effects[book] = self._effects(analysis.pixels, book)
        size = Size(*analysis.pixels.shape[1:])
        return self._codec.encode(book, size, Choice(analysis.effects[book], trade))

    def decode(self, layer: bytes, size: Size) -> tuple[str, Ints]:
        """The name of the tokens, and they themselves, int32 [h, w]. Raises PayloadError."""
        book, tokens = self._codec.decode(layer, size)
        return book.space, tokens

    def _effects(self, pixels: FloatArray, index: int) -> Effects:
        run, book = self._run, self._codec.books[index]
        codebook = open_codebook(self._models[index], run)
        space = open_space(run.models.find(codebook.space), run)
        effects = Effects(codebook, space.encode(np.ascontiguousarray(pixels)), book.levels)
        if not effects.effect.any():
            raise ModelDamaged(
                self._models[index].name,
                "its tokens say nothing of the latent without a network, so there are none to choose from",
            )
        return effects


def rate(quality: float) -> tuple[int, float]:
    """Return the number of the codebook and lambda at `quality` in [0, 1]; lambda falls geometrically within each."""
    level = round(min(max(quality, 0.0), 1.0) * (LEVELS - 1))
    book, first, last = _RATES[level // _STEPS]
    return book, first * (last / first) ** (level % _STEPS / (_STEPS - 1))
