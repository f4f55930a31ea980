"""What is asked for: checked once for both back ends, and cut into pieces that fit a cache."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import InvalidArgument
from gcodec.randomness._domains import check_domain
from gcodec.randomness._philox import MASK, Key, split_seed

Index = SupportsIndex  # a Python or NumPy integer
Rows = SupportsIndex | Sequence[SupportsIndex] | NDArray[np.integer[Any]]  # one row, or several
Shape = SupportsIndex | Sequence[SupportsIndex]
Kind = Literal["bits", "normal", "uniform", "dither", "signs"]

_PER_BLOCK: dict[Kind, int] = {"bits": 4, "normal": 4, "uniform": 4, "dither": 4, "signs": 128}
_MAX_BLOCKS = 1 << 32


@dataclass(frozen=True)
class Request:
    """Elements [start, start + length) of the rows (domain, a, b) for each b in `rows`, of a stream of one kind."""

    kind: Kind
    key: Key
    domain: int
    a: int
    rows: NDArray[np.int64]
    start: int
    length: int
    shape: tuple[int, ...]  # of the answer: after `length` elements a row

    def pieces(self, chunk: int) -> Iterator[Piece]:
        """The request cut into rectangles of rows and blocks, each of at most `chunk` blocks in all."""
        per_block = _PER_BLOCK[self.kind]
        first, skip = divmod(self.start, per_block)
        blocks = -(-(skip + self.length) // per_block)
        width = max(1, min(blocks, chunk))
        height = chunk // width
        for top in range(0, len(self.rows), height):
            bottom = min(top + height, len(self.rows))
            for left in range(0, blocks, width):
                right = min(left + width, blocks)
                begin = max(left * per_block - skip, 0)
                end = min(right * per_block - skip, self.length)
                origin = left * per_block - skip  # of the first block's first element
                yield Piece(
                    rows=slice(top, bottom),
                    blocks=(first + left, first + right),
                    elements=slice(begin, end),
                    used=slice(begin - origin, end - origin),
                )


class Piece(NamedTuple):
    """Some rows and blocks of a request, and where their elements go."""

    rows: slice
    blocks: tuple[int, int]  # first and one past the last, counted from the start of the row
    elements: slice  # which of the elements asked for
    used: slice  # the same ones among all that these blocks give


def request(
    kind: Kind, seed: int, domain: Index, a: Index, b: Rows, shape: Shape, start: Index
) -> Request:
    """Check what is asked for. Raises InvalidArgument for what is out of range, TypeError for what is no integer."""
    rows, leading = _rows(b)
    extents = tuple(map(_extent, shape if isinstance(shape, Sequence) else (shape,)))
    first, length = operator.index(start), math.prod(extents)
    elements = _PER_BLOCK[kind] * _MAX_BLOCKS
    if first < 0 or first + length > elements:
        raise InvalidArgument(
            f"elements {first} to {first + length} lie outside the row, which has {elements}"
        )
    return Request(
        kind=kind,
        key=split_seed(seed),
        domain=check_domain(domain),
        a=_word("a", a),
        rows=rows,
        start=first,
        length=length,
        shape=(*leading, *extents),
    )


def _rows(b: Rows) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """The rows as an array, and the axis that they add to the answer: one if several were asked for."""
    if isinstance(b, np.ndarray) and b.ndim:
        if b.ndim != 1 or b.dtype.kind not in "iu":
            raise TypeError(
                f"b is an integer or a sequence of them, not {b.dtype} of shape {b.shape}"
            )
        if b.size:
            _word("b", b.min())
            _word("b", b.max())
        return b.astype(np.int64), b.shape
    if isinstance(b, Sequence):
        return np.array([_word("b", row) for row in b], dtype=np.int64), (len(b),)
    return np.array([_word("b", b)], dtype=np.int64), ()


def _word(name: str, value: Index) -> int:
    word = operator.index(value)
    if not 0 <= word <= MASK:
        raise InvalidArgument(f"{name} has 32 bits: 0 <= {name} < 2^32, not {word}")
    return word


def _extent(value: Index) -> int:
    extent = operator.index(value)
    if extent < 0:
        raise InvalidArgument(f"a shape has no negative extents, such as {extent}")
    return extent
