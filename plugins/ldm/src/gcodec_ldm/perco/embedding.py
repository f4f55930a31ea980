"""The embedding `perco`: tokens and a caption.

Layer 0 are the tokens, in the form that the model asks for: under the prior of a model of class `PercoPrior` (`codec`), of
fixed length where the model is a pipeline with a hyper-encoder of its own (`fixed`). Layer 1, only where there is a
caption, is `gcodec.entropy.captions.pack` of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gcodec.entropy.captions import unpack
from gcodec.errors import PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.captioning import caption_of
from gcodec.models.networks import place_of
from gcodec.signals import Signal, Text, Tokens
from gcodec_ldm.perco.codec import CLASS, NAME
from gcodec_ldm.perco.fixed import FixedLength
from gcodec_ldm.perco.learned import Learned

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints
    from gcodec.signals import FloatArray

__all__ = ["Perco"]


@dataclass(frozen=True)
class Analysed:
    """A picture before any quality is chosen: what its tokens are made of, and its caption, packed."""

    tokens: Any
    caption: bytes


class Perco(Embedding):
    """Layer 0 are tokens, layer 1 is the caption if there is one; quality says which tokens, where there is a choice.

    Raises ModelMissing without a model or without its codebooks, ModelDamaged for one that has no tokens, and what
    `gcodec.models.captioning.caption_of` raises.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        model, run = setup.weights("perco", "base/perco"), setup.run
        place = None if model.class_name == CLASS else place_of(model, run.models)
        self._coder: Learned | FixedLength = (
            Learned(model, run) if place is None else FixedLength(model, place, run)
        )
        self._caption = caption_of(NAME, setup)

    def analyse(self, pixels: FloatArray) -> Analysed:
        """The caption, and what all qualities have in common."""
        return Analysed(self._coder.analyse(pixels), self._caption(pixels))

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the layers at `quality` in [0, 1]."""
        tokens = self._coder.encode(analysis.tokens, quality)
        return (tokens, *((analysis.caption,) if analysis.caption else ()))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the tokens and the caption, which is empty where none was sent."""
        space, tokens, caption = self._read(layers, size)
        return Tokens(tokens, space), Text(caption)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """Name of the tokens, a zero byte, the tokens as int32 little-endian in C order, the caption in UTF-8."""
        space, tokens, caption = self._read(layers, size)
        return space.encode() + b"\0" + tokens.astype("<i4").tobytes() + caption.encode()

    def _read(self, layers: Sequence[bytes], size: Size) -> tuple[str, Ints, str]:
        if len(layers) not in (1, 2):
            raise PayloadError(NAME, f"{len(layers)} layers instead of one or two")
        caption = unpack(layers[1], NAME) if len(layers) == 2 else ""
        if len(layers) == 2 and not caption:
            raise PayloadError(NAME, "an empty caption has no layer")
        return *self._coder.decode(layers[0], size), caption
