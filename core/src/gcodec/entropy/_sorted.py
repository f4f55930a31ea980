"""Symbols sorted by the tables that they are under: of many a part at a time, with little memory beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Part", "Runs", "parts", "room", "runs"]

#: Symbols that are sorted at a time.
_PART = 1 << 18


class Runs(NamedTuple):
    """Where symbols are under each table that occurs, among all sorted, and how many are under each that there is."""

    runs: list[tuple[int, slice]]
    counts: NDArray[np.int64]


class Part(NamedTuple):
    """Some of many symbols.

    order   where they are, sorted.
    counts  of each table that there is.
    places  of each table's run in that order and among all, sorted; None: these are all.
    """

    order: NDArray[np.int64]
    counts: NDArray[np.int64]
    places: list[tuple[slice, slice]] | None

    def put(self, some: NDArray[Any], among: NDArray[Any]) -> NDArray[Any]:
        """All sorted, with `some` of this part's among them."""
        if self.places is None:
            return some
        for here, there in self.places:
            among[there] = some[here]
        return among

    def of(self, among: NDArray[Any]) -> NDArray[np.int32]:
        """This part's of all sorted."""
        if self.places is None:
            return among
        return np.concatenate([among[there] for _, there in self.places], dtype=np.int32)


def runs(indices: NDArray[Any], tables: int) -> Runs:
    """Those of symbols under these of so many tables, or of as many more as occur."""
    counts = np.bincount(indices, minlength=tables)
    ends = np.cumsum(counts)
    found = [
        (int(table), slice(int(ends[table] - counts[table]), int(ends[table])))
        for table in np.flatnonzero(counts)
    ]
    return Runs(found, counts)


def parts(indices: NDArray[Any], whole: Runs) -> Iterator[Part]:
    """All symbols under these tables, whose runs are `whole`, in their order."""
    if indices.size <= _PART:
        yield Part(np.argsort(indices, kind="stable"), whole.counts, None)
        return
    starts = {table: run.start for table, run in whole.runs}
    for start in range(0, indices.size, _PART):
        places, some = [], indices[start : start + _PART]
        own = runs(some, whole.counts.size)
        for table, run in own.runs:
            begin = starts[table]
            starts[table] += run.stop - run.start
            places.append((run, slice(begin, starts[table])))
        yield Part(start + np.argsort(some, kind="stable"), own.counts, places)


def room(count: int, most: int) -> NDArray[Any]:
    """For so many whole numbers from 0 to `most`, of which many take little."""
    return np.empty(count, np.int32 if count <= _PART else np.min_scalar_type(most))
