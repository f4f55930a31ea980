"""Names and extents of rows, checked once for both back ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from gcodec.randomness.domains import check_domain
from gcodec.randomness.philox import MASK, Key, split_seed

WORDS_PER_BLOCK = 4
_MAX_BLOCKS = 1 << 32

Index = SupportsIndex  # a Python or NumPy integer
Rows = SupportsIndex | Sequence[int] | NDArray[np.integer[Any]]  # one row, or several
Shape = SupportsIndex | Sequence[SupportsIndex]


class Request(NamedTuple):
    """Elements [start, start + count) of the rows (domain, a, b) for each b, of a stream of one kind."""

    key: Key
    domain: int
    a: int
    rows: NDArray[np.int64]
    start: int
    count: int
    per_block: int  # elements that one Philox block gives
    shape: tuple[
        int, ...
    ]  # of the answer: `count` elements, after an axis of rows if b was a sequence

    @property
    def first_block(self) -> int:
        return self.start // self.per_block

    @property
    def skip(self) -> int:
        """Elements of the first block that were not asked for."""
        return self.start % self.per_block

    @property
    def blocks(self) -> int:
        return -(-(self.skip + self.count) // self.per_block)


def request(
    seed: int, domain: int, a: Index, b: Rows, shape: Shape, start: Index, per_block: int
) -> Request:
    """Check what was asked for. Raises ValueError for what is out of range, TypeError for what is no integer."""
    rows, leading = _rows(b)
    extents = (_extent(shape),) if isinstance(shape, SupportsIndex) else tuple(map(_extent, shape))
    asked = Request(
        key=split_seed(seed),
        domain=check_domain(domain),
        a=_word("a", a.__index__()),
        rows=rows,
        start=start.__index__(),
        count=math.prod(extents),
        per_block=per_block,
        shape=(*leading, *extents),
    )
    if asked.start < 0 or asked.start + asked.count > per_block * _MAX_BLOCKS:
        raise ValueError(
            f"elements {asked.start} to {asked.start + asked.count} lie outside the row,"
            f" which has {per_block * _MAX_BLOCKS}"
        )
    return asked


def _rows(b: Rows) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """The rows as an array, and the axis that they add to the answer: one if several were asked for."""
    if isinstance(b, np.ndarray | Sequence):
        rows = np.asarray(b)
        if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
            raise TypeError(
                f"b is an integer or a sequence of them, not {rows.dtype} of shape {rows.shape}"
            )
        if rows.size:
            _word("b", int(rows.min()))
            _word("b", int(rows.max()))
        return rows.astype(np.int64), rows.shape
    return np.array([_word("b", b.__index__())], dtype=np.int64), ()


def _word(name: str, word: int) -> int:
    if not 0 <= word <= MASK:
        raise ValueError(f"{name} has 32 bits: 0 <= {name} < 2^32, not {word}")
    return word


def _extent(value: Index) -> int:
    extent = value.__index__()
    if extent < 0:
        raise ValueError(f"a shape has no negative extents, such as {extent}")
    return extent
