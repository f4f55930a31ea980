"""Statistics of the streams. Seeds are fixed, so no test is ever flaky; the bounds are such that a sound generator would
exceed one under few other seeds: a z-score of 5 once in 1.7 million, chi-square at z = 4.75 once in a million."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gcodec.randomness import Domain, Randomness

SEEDS = [0, 1, 2**64 - 1]
Z = 5.0


def chi_square(counts):
    """Pearson's statistic against equal frequencies, as a z-score (Wilson and Hilferty 1931)."""
    counts = np.asarray(counts)
    expected = counts.sum() / counts.size
    df = counts.size - 1
    statistic = float(((counts - expected) ** 2).sum() / expected)
    return ((statistic / df) ** (1 / 3) - (1 - 2 / (9 * df))) / math.sqrt(2 / (9 * df))


@pytest.mark.parametrize("seed", SEEDS)
def test_moments_of_normals(seed):
    n = 1_000_000
    z = Randomness(seed).normal(Domain.INITIAL_NOISE, 0, 0, n).astype(np.float64)
    # The k-th power has the mean (k - 1)!! for even k and the second moment (2 k - 1)!!.
    for k, mean, second in [(1, 0, 1), (2, 1, 3), (3, 0, 15), (4, 3, 105), (6, 15, 10395)]:
        score = ((z**k).mean() - mean) / math.sqrt((second - mean**2) / n)
        assert abs(score) < Z, f"moment {k}"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_law_of_normals(seed):
    n = 200_000
    z = np.sort(Randomness(seed).normal(Domain.INITIAL_NOISE, 1, 0, n).astype(np.float64))
    cdf = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    steps = np.arange(n + 1) / n
    distance = max((steps[1:] - cdf).max(), (cdf - steps[:-1]).max())
    # Kolmogorov: P(sqrt(n) D > 2.7) = 2 exp(-2 2.7^2) = 9e-7. The table's own distance is 7.6e-6, sqrt(n) of it 0.003.
    assert math.sqrt(n) * distance < 2.7


@pytest.mark.parametrize(("threshold", "tail"), [(3, 2.6998e-3), (4, 6.3342e-5), (4.8, 1.5867e-6)])
def test_tails_of_normals(threshold, tail):
    n = 4_000_000
    found = np.count_nonzero(abs(Randomness(2).normal(Domain.CODEBOOK, 0, 0, n)) > threshold)
    expected = n * tail
    # Poisson: 2 (sqrt(found + 3/8) - sqrt(expected + 3/8)) is nearly a standard normal (Anscombe 1948).
    assert abs(2 * (math.sqrt(found + 3 / 8) - math.sqrt(expected + 3 / 8))) < Z


@pytest.mark.parametrize("seed", SEEDS)
def test_uniforms_signs_and_bits_are_fair(seed):
    r = Randomness(seed)
    n = 1_000_000
    u = r.uniform(Domain.DITHER, 0, 0, n).astype(np.float64)
    assert chi_square(np.bincount((u * 1024).astype(int), minlength=1024)) < 4.75
    assert abs((u.mean() - 0.5) * math.sqrt(12 * n)) < Z
    assert abs(r.signs(Domain.SIGNS, 0, 0, n).sum(dtype=np.float64) / math.sqrt(n)) < Z
    words = r.bits(Domain.ENCODER, 0, 0, n // 4)
    for place in range(32):
        ones = np.count_nonzero(words >> np.uint32(place) & np.uint32(1))
        assert abs(2 * ones - n // 4) / math.sqrt(n // 4) < 5.6  # 32 bits: once in 1.5 million


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_all_small_permutations_are_equally_frequent(n):
    found = Randomness(9).permutation(Domain.PERMUTATION, 0, range(20_000), n)
    counts = np.unique(found, axis=0, return_counts=True)[1]
    assert len(counts) == math.factorial(n)
    assert chi_square(counts) < 4.75


def test_every_place_of_a_permutation_is_fair():
    found = Randomness(9).permutation(Domain.PERMUTATION, 1, range(4000), 32)
    assert np.array_equal(np.sort(found, axis=1), np.broadcast_to(np.arange(32), (4000, 32)))
    counts = np.stack([np.bincount(column, minlength=32) for column in found.T])
    # 32 columns of 31 degrees of freedom each; their sum has (n - 1)^2 once rows and columns are both fixed.
    statistic = float(((counts - 125) ** 2).sum() / 125) * 31 / 32
    df = 31**2
    assert abs(statistic - df) / math.sqrt(2 * df) < Z


def neighbours():
    """64 rows whose names differ in few bits: by seed, domain, a, b, and place in the row."""
    n = 20_000
    place = (Domain.CODEBOOK, 1, 1)
    rows = [Randomness(1 << k).normal(*place, n) for k in range(0, 64, 5)]
    rows += [Randomness(0).normal(domain, 1, 1, n) for domain in Domain if domain != place[0]]
    rows += [Randomness(0).normal(place[0], 1 << k, 1, n) for k in range(1, 32, 2)]
    rows += list(Randomness(0).normal(place[0], 1, [1 << k for k in range(0, 32, 2)], n))
    rows += [Randomness(0).normal(*place, n, start=1 << k) for k in range(0, 34, 3)]
    return np.stack(rows).astype(np.float64)


def test_rows_with_neighbouring_names_are_uncorrelated():
    z = neighbours()
    n = z.shape[1]
    for x in (z, z**2 - 1):
        x = x / np.sqrt((x**2).mean(axis=1, keepdims=True))
        r = (x @ x.T / n)[np.triu_indices(len(x), 1)] * math.sqrt(n)
        assert len(r) > 1900
        assert abs(r).max() < 6.2  # 2,000 pairs: about once in a million
        assert abs((r**2).mean() - 1) / math.sqrt(2 / len(r)) < Z


def test_elements_of_a_row_are_uncorrelated():
    n = 500_000
    z = Randomness(3).normal(Domain.INITIAL_NOISE, 0, 0, n).astype(np.float64)
    for lag in [1, 2, 3, 4, 5, 8, 16, 64, 256, 768, 4096]:
        assert abs((z[lag:] * z[:-lag]).sum()) / math.sqrt(n - lag) < Z + 0.5
