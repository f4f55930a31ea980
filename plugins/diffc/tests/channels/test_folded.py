"""The search of `folded`: the best path there is, whatever the metrics; and what that conveys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from gcodec.channels import Common, Gaussian
from gcodec.randomness import Randomness
from gcodec_diffc.channels import Antipodal, Folded, _sweep
from gcodec_diffc.channels._sweep import Fold, best, loudest
from gcodec_diffc.channels._trellis import states


def metrics(n: int, v: int, seed: int, loud: bool) -> np.ndarray:
    """Metrics of all rows of n groups: [n, rows], as loud as they may be or some."""
    rng, largest = np.random.default_rng(seed), loudest(v)
    shape = n, 1 << Fold(v).width
    if loud:
        return rng.choice(np.array([-largest, largest], np.int16), shape)
    return np.rint(rng.standard_normal(shape) * largest / 8).astype(np.int16)


def total(rows: np.ndarray, v: int, bits: np.ndarray) -> int:
    """The sum of a path's metrics."""
    registers, groups = states(bits, v), np.arange(len(bits))
    signs = 2 * (registers >> (v - 1) ^ registers & 1) - 1
    return int((signs * rows[groups, Fold(v).rows(registers, groups)].astype(int)).sum())


def found(rows: np.ndarray, v: int) -> np.ndarray:
    def some(groups: Sequence[int]) -> np.ndarray:
        return rows[list(groups)]

    return best(some, len(rows), v)


@pytest.mark.parametrize(("n", "v"), [(17, 8), (17, 10), (17, 16)])
def test_of_all_words_with_one_register_at_their_ends_the_best_is_found(n: int, v: int) -> None:
    """For n = 17 every word can be tried. Of all registers the likeliest are."""
    words, groups = np.arange(1 << n), np.arange(n)
    for seed in range(2):
        rows = metrics(n, v, seed, loud=False)
        sums, register = np.zeros(1 << n, np.int64), words
        for i in groups:
            register = np.zeros_like(words)
            for k in range(v):
                register |= (words >> (i - k) % n & 1) << (v - 1 - k)
            sign = 2 * (register >> (v - 1) ^ register & 1) - 1
            sums += sign * rows[i, Fold(v).rows(register, np.full_like(words, i))]
        walk = _sweep._Walk(lambda groups, rows=rows: rows[list(groups)], n, v)
        for joint in (*walk.joints()[:3], 0, (1 << v) - 1):
            assert walk.closed(joint)[1] == sums[register == joint].max()
        if v == Folded(n).register():
            assert total(rows, v, found(rows, v)) > 0.9 * sums.max()


@pytest.mark.parametrize("loud", [False, True])
@pytest.mark.parametrize(("n", "v"), [(1500, 9), (400, 14), (40, 11)])
def test_the_sum_that_a_path_is_found_by_is_its_own(n: int, v: int, loud: bool) -> None:
    """An overflow would show, since n times the loudest metric is far beyond 16 bits."""
    rows = metrics(n, v, 1, loud)
    walk = _sweep._Walk(lambda groups: rows[list(groups)], n, v)
    for joint in (walk.joints()[0], 0, (1 << v) - 1):
        bits, sum_ = walk.closed(joint)
        assert total(rows, v, bits) == sum_
        assert states(bits, v)[-1] == joint


def test_a_long_path_settled_in_parts_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """In twenty parts here, where a default memory has one in 4,000 groups."""
    rows = metrics(1500, 9, 1, loud=False)
    whole = total(rows, 9, found(rows, 9))
    monkeypatch.setattr(_sweep, "_WAYS", 0)
    assert 0.99 * whole < total(rows, 9, found(rows, 9)) <= whole


def test_two_paths_seldom_have_rows_in_common() -> None:
    """Whatever they differ in; in most groups of the few bits of a difference one of 4096 in 18 groups is none at all."""
    fold, rng, groups = Fold(18), np.random.default_rng(0), np.arange(60)
    shared = []
    for width in (1, 2, 3, 5, 9):
        for _ in range(40):
            one = rng.integers(0, 2, 60, np.uint8)
            other = one.copy()
            other[20 : 20 + width] ^= np.array([1, *rng.integers(0, 2, width - 1)], np.uint8)
            rows = [fold.rows(states(path, 18), groups) for path in (one, other)]
            inside = slice(
                20 + width, 37
            )  # where a bit that differs is neither the newest nor the oldest
            shared.append(int((rows[0] == rows[1])[inside].sum()))
    assert np.mean(shared) < 0.05 and max(shared) <= 1


def conveyed(channel: Folded | Antipodal, dimensions: int, runs: int) -> np.ndarray:
    reference, shares = Gaussian(np.zeros(dimensions, np.float32)), []
    for run in range(runs):
        m = np.random.default_rng([run, 7]).standard_normal(dimensions).astype(np.float32)
        m *= np.float32(math.sqrt(2 * math.log(2) * channel.bits) / np.linalg.norm(m))
        common = Common(Randomness(run), 1)
        z = channel.replay(channel.simulate(Gaussian(m), reference, common), reference, common)
        shares.append((z.astype(np.float64) @ m / np.linalg.norm(m)) ** 2)
    return np.array(shares) / (2 * math.log(2) * channel.bits)


def test_more_memory_conveys_more_and_the_default_0_96_at_least() -> None:
    few, some, many = (conveyed(Folded(700, memory), 5000, 4) for memory in (10, 14, 19))
    assert few.mean() < some.mean() < many.mean()
    assert many.mean() > 0.96
