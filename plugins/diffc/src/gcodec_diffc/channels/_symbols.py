"""Symbols under a frequency table each, to bytes and back: the coder of `gcodec.entropy`, last symbol first.

A stream is the coder's 32-bit words, little-endian, least significant first, without trailing zero bytes; the coder starts
from state 0, and decoding must end there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import PayloadError
from gcodec_diffc.channels._logistic import Ints

__all__ = ["Reader", "Writer"]

Rows = NDArray[np.int32]


def _family() -> Any:
    from constriction import stream

    # Position i gets 1 + floor(p_i * (2**24 - columns) / sum(p)), in double precision: with p_i = frequency - 1 the factor
    # is 1 and every sum an exact integer.
    return stream.model.Categorical(perfect=False)


class Writer:
    """Collects symbols and codes them."""

    def __init__(self) -> None:
        self._batches: list[tuple[Rows, NDArray[np.uint32]]] = []

    def put(self, symbols: Ints, frequencies: Ints) -> None:
        """Append symbols [N] under frequencies [N, K] >= 1 of sum 2**24."""
        self._batches.append((symbols.astype(np.int32), frequencies.astype(np.uint32)))

    def finish(self) -> bytes:
        """Return the stream of everything put so far."""
        from constriction import stream

        coder, family = stream.stack.AnsCoder(), _family()
        for symbols, frequencies in reversed(self._batches):
            coder.encode_reverse(symbols, family, frequencies.astype(np.float64) - 1)
        words: bytes = coder.get_compressed().astype("<u4").tobytes()
        return words.rstrip(b"\0")


class Reader:
    """Reads back what a `Writer` wrote. Raises PayloadError if `data` is not a stream in its one allowed form."""

    def __init__(self, data: bytes, owner: str) -> None:
        from constriction import stream

        if data.endswith(b"\0"):
            raise PayloadError(owner, "the entropy-coded stream ends in a zero byte")
        words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)
        self._coder = stream.stack.AnsCoder(words) if words.size else stream.stack.AnsCoder()
        self._family = _family()
        self._owner = owner

    def get(self, frequencies: Ints) -> Ints:
        """Decode symbols [N] under frequencies [N, K]."""
        symbols = self._coder.decode(self._family, frequencies.astype(np.float64) - 1)
        return np.asarray(symbols).astype(np.int64)

    def finish(self) -> None:
        """Check that the stream ended exactly here. Raises PayloadError if it did not."""
        if not self._coder.is_empty():
            raise PayloadError(
                self._owner, "the entropy-coded stream does not end where the symbols do"
            )
