"""Seeing the symbols that pass CompressAI's entropy coder, and keeping its decoder within its input.

The coder is C++ behind a few methods. It knows nothing of where its input ends: of a string that is cut or bent it would
read what lies behind in memory. While `recorded` lasts, what this thread hands to it has zeros behind, as many as it can
come to read, and all symbols that go in or come out are noted.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import PayloadError
from gcodec_compressai.plugin import NAME

__all__ = ["Symbols", "recorded"]

_LOCK = threading.Lock()

#: Bytes that a symbol takes at most behind the end: 16 bits for itself and eight to say that nothing was escaped.
_BEHIND = 4
#: In the string itself four bits may ask for fifteen times four more.
_ESCAPED = 16
_REST = 256

#: The coder is not made for symbols far beyond its tables; a network that overflows makes them.
_LARGEST = 1 << 24


@dataclass
class Symbols:
    """What passed: batches that were encoded, and that were decoded, each in the order of the calls."""

    sent: list[NDArray[np.int32]] = field(default_factory=list)
    read: list[NDArray[np.int32]] = field(default_factory=list)

    def all(self, which: str) -> NDArray[np.int32]:
        """The symbols of all batches "sent" or "read"."""
        return np.concatenate([np.zeros(0, np.int32), *getattr(self, which)])


@contextmanager
def recorded(most: int) -> Iterator[Symbols]:
    """Note the symbols that this thread codes. Of one stream no more than `most` are decoded: PayloadError."""
    ans = import_module("compressai.ans")
    found, here = Symbols(), threading.get_ident()
    counts: dict[int, int] = {}

    def encoding(given: Callable[..., Any]) -> Callable[..., Any]:
        def encode(coder: Any, symbols: Any, *more: Any, **named: Any) -> Any:
            if threading.get_ident() == here:
                batch = _batch(symbols)
                if batch.size and max(-int(batch.min()), int(batch.max())) > _LARGEST:
                    raise ValueError("a symbol is too large, or a latent not a finite number")
                found.sent.append(batch)
            return given(coder, symbols, *more, **named)

        return encode

    def opening(given: Callable[..., Any]) -> Callable[..., Any]:
        def set_stream(coder: Any, data: bytes) -> Any:
            if threading.get_ident() != here:
                return given(coder, data)
            counts[id(coder)] = 0
            return given(coder, data + bytes(_ESCAPED * len(data) + _BEHIND * most + _REST))

        return set_stream

    def streaming(given: Callable[..., Any]) -> Callable[..., Any]:
        def decode(coder: Any, indexes: Any, *more: Any, **named: Any) -> Any:
            if threading.get_ident() != here:
                return given(coder, indexes, *more, **named)
            counts[id(coder)] = counts.get(id(coder), most) + len(indexes)
            if counts[id(coder)] > most:
                raise PayloadError(NAME, f"more than {most} symbols in one stream")
            symbols = given(coder, indexes, *more, **named)
            found.read.append(_batch(symbols))
            return symbols

        return decode

    def decoding(given: Callable[..., Any]) -> Callable[..., Any]:
        def decode(coder: Any, data: bytes, indexes: Any, *more: Any, **named: Any) -> Any:
            if threading.get_ident() != here:
                return given(coder, data, indexes, *more, **named)
            padded = data + bytes(_ESCAPED * len(data) + _BEHIND * len(indexes) + _REST)
            symbols = given(coder, padded, indexes, *more, **named)
            found.read.append(_batch(symbols))
            return symbols

        return decode

    wrapped = (
        (ans.RansEncoder, "encode_with_indexes", encoding),
        (ans.BufferedRansEncoder, "encode_with_indexes", encoding),
        (ans.RansDecoder, "decode_with_indexes", decoding),
        (ans.RansDecoder, "set_stream", opening),
        (ans.RansDecoder, "decode_stream", streaming),
    )
    with _LOCK:
        given = [getattr(cls, name) for cls, name, _ in wrapped]
        try:
            for (cls, name, wrap), method in zip(wrapped, given, strict=True):
                setattr(cls, name, wrap(method))
            yield found
        finally:
            for (cls, name, _), method in zip(wrapped, given, strict=True):
                setattr(cls, name, method)


def _batch(symbols: Any) -> NDArray[np.int32]:
    """A list of symbols; array is three times as fast with lists as NumPy is."""
    return np.frombuffer(array("i", symbols), np.int32)
