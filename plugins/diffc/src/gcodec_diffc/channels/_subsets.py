"""Subsets of M out of 0, ..., K - 1 as integers: their ranks in lexicographic order, exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gcodec.errors import InvalidArgument

__all__ = ["rank", "unrank"]


def rank(subset: Sequence[int], entries: int) -> int:
    """Return the place, 0, ..., C(K, M) - 1, of an ascending `subset` of 0, ..., K - 1 among all of its size M.

    Subsets after c_1 < ... < c_M that share its first i - 1 elements have larger ones from c_i + 1 on, so

        rank = C(K, M) - 1 - sum over i of C(K - 1 - c_i, M - i + 1).
    """
    size = len(subset)
    after = sum(math.comb(entries - 1 - c, size - i) for i, c in enumerate(subset))
    return math.comb(entries, size) - 1 - after


def unrank(place: int, entries: int, size: int) -> list[int]:
    """Return the subset whose `rank` is `place`. Raises InvalidArgument unless 0 <= place < C(K, M)."""
    after = math.comb(entries, size) - 1 - place
    if not 0 <= after <= math.comb(entries, size) - 1:
        raise InvalidArgument(f"rank {place} of a subset of {size} out of {entries}")
    subset = []
    for left in range(size, 0, -1):
        n = _last(after, left)
        after -= math.comb(n, left)
        subset.append(entries - 1 - n)
    return subset


def _last(bound: int, k: int) -> int:
    """The largest n with C(n, k) <= bound, near where a rough inverse of C puts it."""
    if bound == 0:
        return k - 1
    # C(n, k) is about (n - (k - 1) / 2)^k / k!; the guess decides nothing but how long the search is.
    n = int(math.exp((math.log(bound) + math.lgamma(k + 1)) / k) + (k - 1) / 2)
    n = max(n, k - 1)
    while math.comb(n, k) > bound:
        n -= 1
    while math.comb(n + 1, k) <= bound:
        n += 1
    return n
