"""Tokens of the codebook that a pipeline brings with it, each of fixed length, as PerCo sends them.

Layer 0 (spec/embeddings/perco.md, section 5, is normative): the indices, row by row, each in the b bits that the largest
takes, the most significant first; zero bits up to the end of the last byte. The grid has ceil(h / stride) x ceil(w / stride)
tokens for a latent of h x w.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gcodec.errors import ModelDamaged, PayloadError
from gcodec.interfaces import Size
from gcodec.models.networks import Codebook, LatentSpace, open_codebook, open_space
from gcodec.plugin import Place
from gcodec_ldm.perco.codec import NAME

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints
    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray

__all__ = ["FixedLength"]


class FixedLength:
    """The tokens that the denoiser of `place` takes, where `model` lives; there is one rate.

    Raises ModelDamaged where there are none but those that `Learned` codes better.
    """

    def __init__(self, model: Model, place: Place, run: Run) -> None:
        own = next((codes.model for codes in place.codebooks if not codes.alone), None)
        if own is None:
            raise ModelDamaged(
                model.name,
                "it has no hyper-encoder, and so no tokens; encode without --model, and give the model to --recon perco",
            )
        self._codebook, self._run = own, run

    @cached_property
    def _book(self) -> Codebook:
        return open_codebook(self._run.models.find(self._codebook), self._run)

    @cached_property
    def _space(self) -> LatentSpace:
        return open_space(self._run.models.find(self._book.space), self._run)

    def analyse(self, pixels: FloatArray) -> Ints:
        """The tokens of pixels float32 [3, H, W] in [0, 1]."""
        return self._book.quantize(self._space.encode(np.ascontiguousarray(pixels)))

    def encode(self, tokens: Ints, quality: float) -> bytes:
        """Layer 0, whatever the quality."""
        planes = tokens.reshape(-1, 1) >> np.arange(self._bits)[::-1] & 1
        return np.packbits(planes.astype(np.uint8)).tobytes()

    def decode(self, layer: bytes, size: Size) -> tuple[str, Ints]:
        """The name of the tokens, and they themselves, int32 [h, w]. Raises PayloadError."""
        side = self._book.stride * self._space.factor
        h, w = (-(-length // side) for length in size)
        if len(layer) != -(-h * w * self._bits // 8):
            raise PayloadError(
                NAME, f"{len(layer)} bytes for {h} x {w} tokens of {self._bits} bits"
            )
        bits = np.unpackbits(np.frombuffer(layer, np.uint8)).astype(np.int32)
        if bits[h * w * self._bits :].any():
            raise PayloadError(NAME, "there are bits behind the last token")
        weights = 1 << np.arange(self._bits, dtype=np.int32)[::-1]
        tokens: Ints = bits[: h * w * self._bits].reshape(h, w, self._bits) @ weights
        if tokens.max() >= self._book.entries:
            raise PayloadError(NAME, f"token {tokens.max()} of a codebook of {self._book.entries}")
        return self._book.name, tokens

    @property
    def _bits(self) -> int:
        return (self._book.entries - 1).bit_length()
