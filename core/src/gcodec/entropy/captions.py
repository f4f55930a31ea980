"""Captions as bytes: text under an adaptive model of its letters that knows English captions, by an exact range coder.

`pack` and `unpack` are part of the format of every embedding that sends a caption; spec/CAPTIONS.md is normative. A
caption of 60 letters takes about 15 bytes, other languages less than their UTF-8.

The model is prediction by partial matching in the interpolated form of Kneser and Ney (Chen and Goodman 1999, eq. 27,
with discount 3/4): the counts of what followed the last six bytes of UTF-8, of the last five, and so on. It starts from
the captions in `captions.txt` ("primed") or from nothing ("blank"), whichever makes fewer bytes, and learns from the text
as it goes. `core/tools/captions_text.py` made `captions.txt`. The coder's interval has ends of unbounded precision, so
that a text costs its information rounded up to bytes. Everything is in integers.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gcodec.errors import InvalidArgument, PayloadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts: TypeAlias = dict[bytes, dict[int, int]]

__all__ = ["LONGEST", "pack", "unpack"]

#: Bytes of UTF-8 that a caption may have.
LONGEST = 4096

_ORDER = 6
_SCALE = 1 << 24
#: A byte that UTF-8 never has: what goes before the text and what ends it.
_END = 0xFF
#: How often, of 256 times, a text is expected to be in either model.
_MODELS = (255, 1)


def pack(text: str) -> bytes:
    """Return the bytes of `text`; none for "".

    Raises InvalidArgument for more than `LONGEST` bytes of UTF-8 and for what UTF-8 cannot hold (lone surrogates).
    """
    symbols = text.encode() + bytes([_END])
    if len(symbols) - 1 > LONGEST:
        raise InvalidArgument(
            f"a caption has at most {LONGEST} bytes of UTF-8, not {len(symbols) - 1}"
        )
    if not text:
        return b""
    return min((_pack(symbols, which) for which in range(len(_MODELS))), key=len)


def unpack(data: bytes, owner: str) -> str:
    """Return the text that `pack` made `data` of. Raises PayloadError, in the name of `owner`, for any other bytes."""
    if not data:
        return ""
    if len(data) > 3 * LONGEST + 3:  # no symbol takes much more than 24 bits
        raise PayloadError(owner, f"a caption of {len(data)} bytes is longer than any")
    interval = _Reader(data)
    model = _Model(primed=interval.take(np.array(_MODELS)) == 0)
    symbols = bytearray()
    while (symbol := interval.take(model.frequencies())) != _END:
        if len(symbols) == LONGEST:
            raise PayloadError(owner, "the caption does not end")
        symbols.append(symbol)
        model.learn(symbol)
    try:
        text = symbols.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(owner, f"the caption is not UTF-8: {error.reason}") from None
    if pack(text) != data:
        raise PayloadError(owner, "the caption is not in its shortest form")
    return text


class _Model:
    """How often each byte follows what has gone before."""

    def __init__(self, *, primed: bool) -> None:
        self._known = _primed() if primed else {}
        self._own: Counts = {}
        self._past = bytes([_END])

    def frequencies(self) -> NDArray[np.int64]:
        """One positive number for each of 256 bytes, in proportion to its probability."""
        p = np.full(256, _SCALE // 256, np.int64)
        for length in range(min(_ORDER, len(self._past)) + 1):
            context = self._past[len(self._past) - length :]
            counts = self._own.get(context) or self._known.get(context)
            if not counts:
                break
            p *= 3 * len(counts) + 2
            p[list(counts)] += (4 * np.fromiter(counts.values(), np.int64) - 3) * _SCALE
            p //= 4 * sum(counts.values()) + 2
        return p + 1

    def learn(self, symbol: int) -> None:
        """Take note of the next byte, without changing what all texts start from."""
        for length in range(min(_ORDER, len(self._past)), -1, -1):
            context = self._past[len(self._past) - length :]
            if context not in self._own:
                self._own[context] = dict(self._known.get(context, ()))
            if _count(self._own[context], symbol):
                break
        self._past = self._past[-_ORDER:] + bytes([symbol])


def _count(counts: dict[int, int], symbol: int) -> bool:
    """Add one; true if it was not the first: then shorter contexts do not count it (Kneser and Ney 1995)."""
    counts[symbol] = counts.get(symbol, 0) + 1
    return counts[symbol] > 1


@cache
def _primed() -> Counts:
    counts: Counts = {}
    for line in files("gcodec.entropy").joinpath("captions.txt").read_bytes().splitlines():
        past = bytes([_END]) + line + bytes([_END])
        for at in range(1, len(past)):
            for length in range(min(_ORDER, at), -1, -1):
                if _count(counts.setdefault(past[at - length : at], {}), past[at]):
                    break
    return counts


def _pack(symbols: bytes, which: int) -> bytes:
    """Narrow an interval by every symbol and name its shortest member."""
    low, width, whole = 0, 1, 1  # [low, low + width) / whole

    def put(symbol: int, frequencies: NDArray[np.int64]) -> None:
        nonlocal low, width, whole
        total = int(frequencies.sum())
        low = low * total + int(frequencies[:symbol].sum()) * width
        width *= int(frequencies[symbol])
        whole *= total

    put(which, np.array(_MODELS))
    model = _Model(primed=which == 0)
    for symbol in symbols:
        put(symbol, model.frequencies())
        model.learn(symbol)
    length = (whole // width).bit_length() // 8 + 1  # 256^length > whole / width: a member for sure
    first = -((-low << 8 * length) // whole)
    last = -((-(low + width) << 8 * length) // whole) - 1
    while -(-first // 256) <= last // 256:
        first, last, length = -(-first // 256), last // 256, length - 1
    return first.to_bytes(length, "big")


class _Reader:
    """The other way: 0.b1 b2 b3 ... in base 256 as a place in the interval."""

    def __init__(self, data: bytes) -> None:
        self._place, self._whole = int.from_bytes(data, "big"), 256 ** len(data)

    def take(self, frequencies: NDArray[np.int64]) -> int:
        ends = frequencies.cumsum()
        self._place *= int(ends[-1])
        symbol = int(np.searchsorted(ends, self._place // self._whole, side="right"))
        self._place -= int(ends[symbol] - frequencies[symbol]) * self._whole
        self._whole *= int(frequencies[symbol])
        return symbol
