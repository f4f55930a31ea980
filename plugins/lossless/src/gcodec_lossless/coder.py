"""Samples under their laws, in a stream of spec/ENTROPY.md (rows): spec/embeddings/lossless.md, section 7.

Sender and receiver do the same steps; the sender gives what is wanted, and it comes back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from gcodec.entropy import PRECISION, RowDecoder, RowEncoder
from gcodec.errors import PayloadError
from gcodec_lossless.law import HALF, INTERVALS, Law
from gcodec_lossless.waves import Ints

__all__ = ["NAME", "Coder", "Reader", "Writer"]

NAME = "lossless"
#: Equal tables have up to 64 entries; longer numbers are coded in digits.
_DIGIT = 6
_LENGTHS, _LONGEST = 5, 16
_TOTAL = 1 << PRECISION
_STRIP = 1 << 16
_EQUAL = [np.arange((1 << bits) + 1) << (PRECISION - bits) for bits in range(_DIGIT + 1)]


class Coder(ABC):
    """One half of an exchange of samples."""

    @abstractmethod
    def entries(self, edges: Ints, wanted: Ints | None) -> Ints:
        """Entries [n] under rows of frequencies, given as their sums [n, entries + 1]."""

    @abstractmethod
    def intervals(self, law: Law, wanted: Ints | None) -> Ints:
        """Intervals [n] of samples under their laws."""

    def samples(self, law: Law, wanted: Ints | None) -> Ints:
        """Samples [n] under their laws."""
        given = None
        if wanted is not None:
            given = np.clip(((wanted - law.centre) >> law.shift) + HALF, 0, INTERVALS - 1)
        interval = self.intervals(law, given)
        values = law.centre + ((interval - HALF) << law.shift)
        wide = law.shift
        if wide.any():
            wide = np.where((interval > 0) & (interval < INTERVALS - 1), wide, 0)
            for bits in np.flatnonzero(np.bincount(wide)[1:]) + 1:
                some = np.flatnonzero(wide == bits)
                values[some] += self._numbers(some, int(bits), values, wanted)
        for some, sign in ((interval == 0, -1), (interval == INTERVALS - 1, 1)):
            if some.any():
                self._beyond(np.flatnonzero(some), sign, law, values, wanted)
        return values

    def _numbers(self, some: Ints, bits: int, low: Ints, wanted: Ints | None) -> Ints:
        """How much more than `low` the values of `some` are, less than 2**bits."""
        rest = None if wanted is None else wanted[some] - low[some]
        found = np.zeros(len(some), np.int64)
        while bits:
            digit = (bits - 1) % _DIGIT + 1
            bits -= digit
            given = None if rest is None else (rest >> bits) & ((1 << digit) - 1)
            found += self._equal(len(some), digit, given) << bits
        return found

    def naturals(self, count: int, wanted: Ints | None, longest: int = 31) -> Ints:
        """Numbers from 0 to 2**(longest + 1) - 2, small ones most likely."""
        lengths = None if wanted is None else np.frexp(wanted + 1.0)[1].astype(np.int64) - 1
        lengths = self._equal(count, _LENGTHS, lengths)
        if count and lengths.max() > longest:
            raise PayloadError(NAME, f"a number of {lengths.max()} bits")
        return self.rest(lengths, wanted)

    def rest(self, lengths: Ints, wanted: Ints | None) -> Ints:
        """Numbers of which floor(log2(number + 1)) is known."""
        found = np.left_shift(1, lengths)
        more = None if wanted is None else wanted + 1
        for bits in np.unique(lengths[lengths > 0]):
            which = np.flatnonzero(lengths == bits)
            found[which] += self._numbers(which, int(bits), found, more)
        return found - 1

    def _equal(self, count: int, bits: int, wanted: Ints | None) -> Ints:
        # In strips: how many are due may be what a forged payload says.
        found = []
        for start in range(0, max(count, 1), _STRIP):
            edges = np.tile(_EQUAL[bits], (min(_STRIP, count - start), 1))
            given = None if wanted is None else wanted[start : start + _STRIP]
            found.append(self.entries(edges, given))
        return np.concatenate(found)

    def _beyond(self, some: Ints, sign: int, law: Law, values: Ints, wanted: Ints | None) -> None:
        """Values in an interval without end: how far they are from where it begins."""
        begin = values[some]
        if sign < 0:
            begin = begin + (1 << law.shift[some]) - 1
        far = None if wanted is None else (wanted[some] - begin) * sign
        values[some] = begin + sign * self.naturals(len(some), far, _LONGEST)


class Writer(Coder):
    """Collects samples and codes them, last first."""

    def __init__(self) -> None:
        self._low: list[Ints] = []
        self._high: list[Ints] = []

    def entries(self, edges: Ints, wanted: Ints | None) -> Ints:
        """Note where the wanted entries lie."""
        assert wanted is not None
        rows = np.arange(len(wanted))
        self._low.append(edges[rows, wanted])
        self._high.append(edges[rows, wanted + 1])
        return wanted

    def intervals(self, law: Law, wanted: Ints | None) -> Ints:
        """Note where the wanted intervals lie: of all sums two are enough."""
        assert wanted is not None
        low, high = law.ends(wanted)
        self._low.append(low)
        self._high.append(high)
        return wanted

    def finish(self) -> bytes:
        """The stream. Of each row three entries are enough: the wanted one, what lies below it and above."""
        writer = RowEncoder()
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        for start in range(0, len(low), _STRIP):
            bottom, top = low[start : start + _STRIP], high[start : start + _STRIP]
            entry = np.where(bottom == 0, 0, np.where(top == _TOTAL, 2, 1))
            # At an end two entries stand on the other side; each has a frequency of 1 or more.
            first = np.where(entry == 0, top, np.where(entry == 2, bottom - 1, bottom))
            second = np.where(entry == 1, top, np.where(entry == 0, _TOTAL - 1, bottom))
            rows = np.stack([first, second - first, _TOTAL - second], 1)
            writer.put(entry, rows)
        return writer.finish()


class Reader(Coder):
    """Reads samples back. Raises PayloadError if `data` is no stream in its one allowed form."""

    def __init__(self, data: bytes) -> None:
        self._reader = RowDecoder(data, NAME)

    def entries(self, edges: Ints, wanted: Ints | None) -> Ints:
        """Read the next entries."""
        return self._reader.get(np.diff(edges, axis=1))

    def intervals(self, law: Law, wanted: Ints | None) -> Ints:
        """Read the next intervals."""
        return self.entries(law.edges, None)

    def finish(self) -> None:
        """Check that the stream ended exactly here. Raises PayloadError if it did not."""
        self._reader.finish()
