"""Exact entropy coding of integer symbols under integer frequency tables. Normative: spec/ENTROPY.md.

Nothing here computes with rounding: a table is a row of integer frequencies that sum to 2**24, the coder is the
asymmetric numeral system of Duda 2013 (arXiv:1311.2540) in constriction's form. Which table a symbol is coded under is the
caller's to say, per symbol, and must itself be derived from integers (`gcodec.entropy.integers` does it with networks).

`Encoder` and `Decoder` code signed symbols in batches, table by table, because constriction codes a run under one table five
times faster than symbols under changing tables. Where every symbol needs a table of its own, `RowEncoder` and `RowDecoder`
do without shared ones: symbols 0, 1, 2, ..., each under a row of frequencies >= 1, in the order in which they are put.

Arrays may lie in memory as they like; constriction's own functions read them as if they lay in C order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gcodec.entropy._sorted import Runs, parts, room, runs
from gcodec.errors import InvalidArgument, PayloadError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    IntArray: TypeAlias = NDArray[np.int32]

__all__ = [
    "PRECISION",
    "Decoder",
    "Encoder",
    "FrequencyTables",
    "RowDecoder",
    "RowEncoder",
    "fit_frequencies",
    "rounded",
]

#: Frequencies of a table sum to 2**PRECISION.
PRECISION = 24
#: Beyond it is no symbol.
_LARGEST = 1 << 22
_NO_SYMBOL = "a symbol beyond +-2**22 cannot be coded; damaged weights make such, or float16"

_TOTAL = 1 << PRECISION
_LENGTHS = 32  # alphabet of an escape's n
_LONGEST = 23  # largest n: the low bits still fit the coder's precision


def fit_frequencies(weights: ArrayLike) -> NDArray[np.uint32]:
    """Scale non-negative `weights` [rows] to integer frequencies >= 1 with sum 2**24.

    For making tables, never for reading them: this is the one function here that computes with floating point. The
    rounding remainder goes to the largest entry. Raises InvalidArgument for weights that are negative, not finite or all 0.
    """
    values = np.asarray(weights, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise InvalidArgument("weights must be a row of finite non-negative numbers, not all zero")
    spare = _TOTAL - values.size
    frequencies = 1 + np.floor(values / values.sum() * spare).astype(np.int64)
    frequencies[int(np.argmax(frequencies))] += _TOTAL - int(frequencies.sum())
    fitted: NDArray[np.uint32] = frequencies.astype(np.uint32)
    return fitted


class FrequencyTables:
    """A set of frequency tables, indexed from 0.

    frequencies  one row of integers per table: an even number (2 r + 2) of positive entries with sum 2**24, for the
                 symbols 0, 1, -1, ..., r, -r and the escape. Zeros at the end of a row are padding.

    Raises InvalidArgument for tables that are not of that form.
    """

    def __init__(self, frequencies: Iterable[ArrayLike]) -> None:
        rows = [np.trim_zeros(np.asarray(row, np.int64), "b") for row in frequencies]
        for index, row in enumerate(rows):
            if row.size < 2 or row.size % 2 or (row < 1).any() or int(row.sum()) != _TOTAL:
                raise InvalidArgument(
                    f"table {index}: an even number of positive frequencies with sum {_TOTAL} is needed"
                )
        self._rows = rows
        self._models: dict[int, Any] = {}
        #: Position of the escape in each table.
        self.escape: IntArray = np.array([row.size - 1 for row in rows], np.int32)
        self.longest = int(self.escape.max(initial=0))

    def __len__(self) -> int:
        return len(self._rows)

    def bits(self, index: int) -> NDArray[np.float64]:
        """Cost in bits of each position of table `index`; the last is the escape without what follows it."""
        frequencies = self._rows[index].astype(np.float64)
        return np.asarray(PRECISION - np.log2(frequencies), np.float64)

    def _model(self, index: int) -> Any:
        if index not in self._models:
            from constriction import stream

            self._models[index] = stream.model.Categorical(
                _weights(self._rows[index]), perfect=False
            )
        return self._models[index]

    def _runs(self, indices: NDArray[Any]) -> Runs:
        found = runs(indices, len(self))
        if found.counts.size > len(self):
            raise InvalidArgument(f"table {found.counts.size - 1} of {len(self)}")
        return found


def rounded(values: NDArray[Any]) -> NDArray[np.int32]:
    """The nearest integers, of the same shape. Raises InvalidArgument for what is no symbol: NaN, or beyond +-2**22."""
    if not (np.abs(values) <= _LARGEST).all():
        raise InvalidArgument(_NO_SYMBOL)
    nearest: NDArray[np.int32] = np.rint(values).astype(np.int32)
    return nearest


class Encoder:
    """Collects batches of symbols and codes them, last batch first."""

    def __init__(self, tables: FrequencyTables) -> None:
        self._tables = tables
        self._batches: list[tuple[NDArray[Any], Any]] = []

    def put(self, symbols: ArrayLike, indices: ArrayLike) -> None:
        """Append one batch: int `symbols` and the table index of each, of one shape.

        Raises InvalidArgument for a symbol beyond +-2**22 or an index without table.
        """
        values = np.asarray(symbols).ravel()
        if values.dtype != np.int32:
            values = values.astype(np.int64)
        index = np.asarray(indices).ravel()
        if values.shape != index.shape:
            raise InvalidArgument(f"{values.size} symbols with {index.size} table indices")
        # Not by np.abs: what NumPy makes of a NaN is the lowest int64, which is its own absolute value.
        low, high = int(values.min(initial=0)), int(values.max(initial=0))
        if low < -_LARGEST or high > _LARGEST:
            raise InvalidArgument(_NO_SYMBOL)
        found, escape = self._tables._runs(index), self._tables.escape
        rows, beyond = room(values.size, min(2 * max(-low, high), self._tables.longest)), []
        for part in parts(index, found):
            position = _position(values[part.order].astype(np.int32, copy=False))
            last = np.repeat(escape, part.counts)
            some = np.minimum(position, last)
            rows = part.put(some, rows)
            escaped = np.flatnonzero(some == last)
            if escaped.size:
                escaped = escaped[np.argsort(part.order[escaped])]  # as they were put
                beyond.append(position[escaped].astype(np.int64) - last[escaped] + 1)
        self._batches += [(rows[run], self._tables._model(table)) for table, run in found.runs]
        if beyond:
            self._put_escapes(np.concatenate(beyond))

    def _put_escapes(self, v: NDArray[np.int64]) -> None:
        from constriction import stream

        n = np.frexp(v.astype(np.float64))[1] - 1  # floor(log2 v), exact below 2**53
        self._batches.append((n.astype(np.int32), stream.model.Uniform(_LENGTHS)))
        for length in np.unique(n[n > 0]):
            low = v[n == length] - (1 << int(length))
            self._batches.append((low.astype(np.int32), stream.model.Uniform(1 << int(length))))

    def finish(self) -> bytes:
        """Return the stream of everything put so far, which is let go of."""
        from constriction import stream

        coder = stream.stack.AnsCoder()
        while self._batches:
            rows, model = self._batches.pop()
            coder.encode_reverse(rows if rows.dtype == np.int32 else rows.astype(np.int32), model)
        return _finished(coder)


class Decoder:
    """Reads back the batches of an `Encoder`, first batch first.

    Work and memory are bounded by the numbers of symbols asked for and the length of `data`.

    owner  name of the embedding, for error messages.

    Raises PayloadError if `data` is not a stream in its one allowed form.
    """

    def __init__(self, tables: FrequencyTables, data: bytes, owner: str) -> None:
        self._tables = tables
        self._owner = owner
        self._coder = _opened(data, owner)

    def get(self, indices: ArrayLike) -> IntArray:
        """Decode one batch, given the table index of each symbol: int32 symbols in the shape of `indices`.

        Raises PayloadError for an escape that no encoder writes.
        """
        index = np.asarray(indices).ravel()
        found, escape = self._tables._runs(index), self._tables.escape
        rows = room(index.size, self._tables.longest)
        for table, run in found.runs:
            rows[run] = self._coder.decode(self._tables._model(table), run.stop - run.start)
        symbols, beyond = np.empty(index.size, np.int32), []
        for part in parts(index, found):
            some = part.of(rows)
            symbols[part.order] = _symbol(some)
            escaped = part.order[some == np.repeat(escape, part.counts)]
            if escaped.size:
                beyond.append(np.sort(escaped))  # as they were put
        if beyond:
            escaped = np.concatenate(beyond)
            more = self._get_escapes(escaped.size) - 1
            symbols[escaped] = _symbol(escape[index[escaped]] + more)
        return symbols.reshape(np.shape(indices))

    def zeros_follow(self, tables: NDArray[Any]) -> bool:
        """Whether all symbols that follow are 0, however many, if these are all tables that they are under.

        A stream of few bytes may stand for a large picture, or claim to: whoever sees this need not ask for the rest.
        """
        words, state = self._coder.pos()
        # Nothing is left to be read, and symbol 0 takes nothing from a state below its frequency.
        return words == 0 and all(state < self._tables._rows[int(t)][0] for t in np.unique(tables))

    def _get_escapes(self, count: int) -> NDArray[np.int64]:
        from constriction import stream

        n = np.asarray(self._coder.decode(stream.model.Uniform(_LENGTHS), count))
        if n.max() > _LONGEST:
            raise PayloadError(self._owner, f"an escaped symbol of {n.max()} bits")
        v = np.left_shift(1, n, dtype=np.int64)
        for length in np.unique(n[n > 0]):
            which = n == length
            uniform = stream.model.Uniform(1 << int(length))
            v[which] += self._coder.decode(uniform, int(which.sum()))
        return v

    def finish(self) -> None:
        """Check that the stream ended exactly here. Raises PayloadError if it did not."""
        _check_end(self._coder, self._owner)


class RowEncoder:
    """Collects symbols, each with its own row of frequencies, and codes them, last first."""

    def __init__(self) -> None:
        self._batches: list[tuple[IntArray, NDArray[np.uint32]]] = []

    def put(self, symbols: ArrayLike, frequencies: ArrayLike) -> None:
        """Append int symbols [N] in 0..K-1 under integer frequencies [N, K], rows >= 1 of sum 2**24.

        Raises InvalidArgument for others.
        """
        coded, rows = _whole(symbols, np.int32), _whole(frequencies, np.uint32)
        if coded.ndim != 1 or rows.ndim != 2 or len(coded) != len(rows):
            raise InvalidArgument(
                f"symbols [N] and frequencies [N, K] are due, not {list(coded.shape)} and {list(rows.shape)}"
            )
        if coded.size and not (coded.min() >= 0 and coded.max() < rows.shape[1]):
            raise InvalidArgument(f"symbols lie in 0..{rows.shape[1] - 1}, the places of a row")
        if rows.size and not (rows.min() and (rows.sum(1, dtype=np.uint64) == _TOTAL).all()):
            raise InvalidArgument(f"each row has frequencies of 1 or more with sum {_TOTAL}")
        self._batches.append((coded, rows))

    def finish(self) -> bytes:
        """Return the stream of everything put so far."""
        from constriction import stream

        coder, family = stream.stack.AnsCoder(), _rows()
        for symbols, frequencies in reversed(self._batches):
            coder.encode_reverse(symbols, family, _weights(frequencies))
        return _finished(coder)


class RowDecoder:
    """Reads back what a `RowEncoder` wrote; `owner` names the embedding in errors.

    Raises PayloadError if `data` is not a stream in its one allowed form.
    """

    def __init__(self, data: bytes, owner: str) -> None:
        self._owner = owner
        self._coder = _opened(data, owner)
        self._family = _rows()

    def get(self, frequencies: ArrayLike) -> NDArray[np.int64]:
        """Decode symbols [N] under integer frequencies [N, K]."""
        symbols = self._coder.decode(self._family, _weights(frequencies))
        return np.asarray(symbols).astype(np.int64)

    def finish(self) -> None:
        """Check that the stream ended exactly here. Raises PayloadError if it did not."""
        _check_end(self._coder, self._owner)


def _position(symbols: IntArray) -> IntArray:
    """0, 1, -1, 2, ... -> 0, 1, 2, 3, ..."""
    minus = -symbols
    made: IntArray = (minus << 1) ^ (minus >> 31)
    return made


def _symbol(positions: NDArray[Any]) -> NDArray[Any]:
    """0, 1, 2, 3, ... -> 0, 1, -1, 2, ..."""
    made: NDArray[Any] = -((positions >> 1) ^ -(positions & 1))
    return made


def _rows() -> Any:
    from constriction import stream

    return stream.model.Categorical(perfect=False)


def _weights(frequencies: ArrayLike) -> NDArray[np.float64]:
    """Return what makes constriction's models of exactly these frequencies, in C order.

    It gives position i the frequency 1 + floor(p_i * (2**24 - rows) / sum(p)), accumulated in double precision. With
    p_i = frequency - 1 the factor is 1 and every sum an exact integer.
    """
    return np.subtract(frequencies, 1, order="C", dtype=np.float64)


def _copied(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Return a copy in C order: the caller may go on to use his own."""
    return np.array(values, dtype, order="C")


def _whole(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Return a copy as `_copied` makes it. Raises InvalidArgument unless these are whole numbers that it can hold."""
    given = np.asarray(values)
    limits = np.iinfo(dtype)
    if given.size and (
        given.dtype.kind not in "iuf"
        or not (limits.min <= given.min() and given.max() <= limits.max)  # nor NaN
        or (given.dtype.kind == "f" and (given != np.floor(given)).any())
    ):
        raise InvalidArgument(f"whole numbers from {limits.min} to {limits.max} are due")
    return _copied(given, dtype)


def _finished(coder: Any) -> bytes:
    words: bytes = coder.get_compressed().astype("<u4").tobytes()
    return words.rstrip(b"\0")


def _opened(data: bytes, owner: str) -> Any:
    from constriction import stream

    if data.endswith(b"\0"):
        raise PayloadError(owner, "the entropy-coded stream ends in a zero byte")
    words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)
    return stream.stack.AnsCoder(words) if words.size else stream.stack.AnsCoder()


def _check_end(coder: Any, owner: str) -> None:
    if not coder.is_empty():
        raise PayloadError(owner, "the entropy-coded stream does not end where the symbols do")
