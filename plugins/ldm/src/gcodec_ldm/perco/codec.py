"""Tokens to bytes and back under a learned prior, given a model's tensors.

Layer 0 (spec/embeddings/perco.md is normative): one stream of `gcodec.entropy.RowEncoder`. Its first symbol says which of
the model's codebooks follows, all as likely; then come the digits of the tokens in the order of `gcodec_ldm.perco.prior`.
The grid has ceil(H / side) x ceil(W / side) tokens of side x side samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, RowDecoder, RowEncoder
from gcodec.interfaces import Size
from gcodec_ldm.digits import Visit, Visitor, check_row
from gcodec_ldm.perco.prior import Prior

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints

__all__ = ["CLASS", "NAME", "Book", "Codec"]

NAME = "perco"
#: `_class_name` of priors.
CLASS = "PercoPrior"


@dataclass(frozen=True)
class Book:
    """One codebook of a model's config.json.

    space   name of its tokens.
    model   digest of the codebook.
    side    samples a side of one token.
    levels  of the digits of an index.
    """

    space: str
    model: str
    side: int
    levels: tuple[int, ...]

    def __post_init__(self) -> None:
        check_row(self.side, self.levels, self.model)

    def grid(self, size: Size) -> tuple[int, int]:
        """Rows and columns of the tokens of a picture."""
        return -(-size.height // self.side), -(-size.width // self.side)


class Codec:
    """Encoder and decoder. `config` and `tensors` are a model's config.json and weights.

    Raises KeyError, TypeError or ValueError if they do not belong together.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
        self.books = tuple(
            Book(**{**row, "levels": tuple(row["levels"])}) for row in config["codebooks"]
        )
        if not self.books:
            raise ValueError("no codebooks")
        self._priors = [Prior(book.levels, tensors, book.space) for book in self.books]
        share = (1 << PRECISION) // len(self.books)
        self._which = np.full((1, len(self.books)), share, np.int64)
        self._which[0, 0] += (1 << PRECISION) - share * len(self.books)

    def encode(self, book: int, size: Size, choose: Visitor) -> bytes:
        """A picture in tokens of codebook number `book`."""
        encoder = RowEncoder()
        encoder.put(np.array([book]), self._which)

        def visit(batch: Visit) -> Ints:
            digits = choose(batch)
            encoder.put(digits, batch.frequencies)
            return digits

        self._priors[book].code(*self.books[book].grid(size), visit)
        return encoder.finish()

    def decode(self, layer: bytes, size: Size) -> tuple[Book, Ints]:
        """Codebook and tokens [h, w]. Integer arithmetic only; raises PayloadError."""
        decoder = RowDecoder(layer, NAME)
        which = int(decoder.get(self._which)[0])
        book = self.books[which]
        tokens = self._priors[which].code(
            *book.grid(size), lambda visit: decoder.get(visit.frequencies).astype(np.int32)
        )
        decoder.finish()
        return book, tokens
