"""What tokens say of the latent: floats, which decide no bits.

The first levels index codebooks (`gcodec.models.networks.Codebook`), each of which says all of the latent by itself. Those
behind are residual vector quantization: digit j of a token is a codeword [C] of the latent position, and all codewords of
all digits are added to what the finest codebook says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.models.networks import Codebook, LatentSpace, open_codebook, open_space
from gcodec.run import Run
from gcodec_ldm.digits import digits_of
from gcodec_ldm.tokens.codec import Level
from gcodec_ldm.tokens.prior import NONE

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints
    from gcodec.signals import FloatArray

__all__ = ["Meaning", "codewords_of", "nearest"]

#: Codewords [entries, C] of each digit of a level of residuals.
Codewords = Sequence[NDArray[np.float32]]


class Meaning:
    """Latents to tokens of all levels, and those to an estimate of the latent.

    codewords  for each of `levels`, () where it indexes a codebook.

    Raises ModelMissing without one of the codebooks or their latent space.
    """

    def __init__(self, levels: Sequence[Level], codewords: Sequence[Codewords], run: Run) -> None:
        self._levels, self._codewords = levels, codewords
        self.books: list[Codebook] = [
            open_codebook(run.models.find(level.model), run) for level in levels if level.model
        ]
        self.space: LatentSpace = open_space(run.models.find(self.books[0].space), run)

    def check(self) -> None:
        """Raise ValueError where codebooks, codewords or latent space do not go with the levels."""
        for i, (level, words) in enumerate(zip(self._levels, self._codewords, strict=True)):
            book = self.books[i] if i < len(self.books) else None
            stride, entries = (book.stride, book.entries) if book else (1, prod(level.digits))
            if level.side != stride * self.space.factor:
                raise ValueError(f"tokens of level {i} are of {stride * self.space.factor} samples")
            if entries != prod(level.digits):
                raise ValueError(f"level {i} has a codebook of {entries} tokens")
            if any(array.shape[1] != self.space.channels for array in words):
                raise ValueError(f"codewords of level {i} are not of {self.space.channels} values")

    def tokens(self, latent: FloatArray) -> list[Ints]:
        """Tokens [h, w] of all levels, each nearest to what those before it leave of a latent [C, h, w]."""
        maps = [book.quantize(latent).astype(np.int32) for book in self.books]
        h, w = latent.shape[1:]
        left = latent - self.books[-1].dequantize(maps[-1], (h, w))[0]
        for level, codewords in self._residuals():
            tokens = np.zeros((h, w), np.int32)
            unit = 1
            for words, size in zip(codewords, level.digits, strict=True):
                digit = nearest(np.moveaxis(left, 0, -1), words)
                left = left - np.moveaxis(words[digit], -1, 0)
                tokens += unit * digit
                unit *= size
            maps.append(tokens)
        return maps

    def latent(self, maps: Sequence[Ints], shape: tuple[int, int]) -> FloatArray:
        """The estimate [C, h, w] of tokens [h, w] of all levels, of which some may be `NONE`.

        Where the first level lacks one, the last one before it stands for it, that is the nearest up and to the left on the
        coarser grid; where a level behind it does, what the level before says.
        """
        estimate: FloatArray = np.zeros((self.space.channels, *shape), np.float32)
        for i, (book, tokens) in enumerate(zip(self.books, maps, strict=False)):
            known = tokens != NONE
            if i == 0:
                if not known.any():
                    return estimate
                tokens, known = _spread(tokens), np.ones_like(known)
            elif not known.any():
                break
            filled = np.where(known, tokens, book.quantize(estimate))
            here = known.repeat(book.stride, 0).repeat(book.stride, 1)[: shape[0], : shape[1]]
            estimate = np.where(here, book.dequantize(filled.astype(np.int32), shape)[0], estimate)
        for (level, codewords), tokens in zip(
            self._residuals(), maps[len(self.books) :], strict=True
        ):
            known = (tokens != NONE)[..., None]
            digits = digits_of(np.maximum(tokens, 0), level.digits)
            for i, words in enumerate(codewords):
                estimate = estimate + np.moveaxis(words[digits[..., i]] * known, -1, 0)
        return estimate

    def _residuals(self) -> list[tuple[Level, Codewords]]:
        pairs = zip(self._levels, self._codewords, strict=True)
        return [pair for pair in pairs if not pair[0].model]


def _spread(tokens: Ints) -> Ints:
    """Tokens [h, w] with the token of the coarser grid up and to the left in the place of each that is `NONE`."""
    tokens = tokens.copy()
    y, x = np.divmod(np.arange(tokens.size), tokens.shape[1])
    step = 1
    while (lacking := np.flatnonzero(tokens.ravel() == NONE)).size:
        step *= 2
        tokens.flat[lacking] = tokens[y[lacking] // step * step, x[lacking] // step * step]
    return tokens


def nearest(vectors: NDArray[Any], codewords: NDArray[Any]) -> Ints:
    """Indices [...] of the `codewords` [K, C] nearest to vectors [..., C]."""
    distance = np.square(codewords).sum(1) - 2 * vectors @ codewords.T
    found: Ints = distance.argmin(-1).astype(np.int32)
    return found


def codewords_of(levels: Sequence[Level], tensors: Mapping[str, NDArray[Any]]) -> list[Codewords]:
    """The codewords that a model file holds, "codewords.LEVEL.DIGIT". Raises KeyError and ValueError."""
    indexed = [bool(level.model) for level in levels]
    if not indexed[0] or indexed != sorted(indexed, reverse=True):
        raise ValueError("tokens of codebooks are due first, and those of residuals behind them")
    made: list[Codewords] = []
    for i, level in enumerate(levels):
        words = (
            [] if level.model else [tensors[f"codewords.{i}.{j}"] for j in range(len(level.digits))]
        )
        for array, size in zip(words, level.digits, strict=False):
            if array.dtype != np.float32 or array.ndim != 2 or len(array) != size:
                raise ValueError(f"codewords of level {i} are no float32 [{size}, channels]")
            if not np.isfinite(array).all():
                raise ValueError(f"codewords of level {i} are not finite")
        made.append(words)
    return made
