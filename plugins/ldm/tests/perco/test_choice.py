"""The sender's choice: fewer bits where they cost little."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, fit_frequencies
from gcodec.networks import Codebook
from gcodec_ldm.perco.choice import Choice, Growth
from gcodec_ldm.perco.prior import Visit, digits_of

LEVELS = (8, 4)


class Grid(Codebook):
    """Two channels, rounded to 8 and 4 levels one apart; a token also leaks into its neighbours, as networks do."""

    name, space, entries, stride = "grid", "none", 32, 2

    def quantize(self, latent: NDArray[np.float32]) -> NDArray[np.int32]:
        means = self._means(latent)
        high = np.array(LEVELS)[:, None, None] - 1
        digits = np.clip(np.rint(means), 0, high).astype(np.int32)
        return np.asarray(digits[0] + 8 * digits[1], np.int32)

    def dequantize(
        self, indices: NDArray[np.int32], shape: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        digits = digits_of(indices, LEVELS).transpose(2, 0, 1).astype(np.float32)
        whole = digits.repeat(2, 1).repeat(2, 2)
        leak = 0.1 * (np.roll(whole, 1, 2) - whole)
        leak[:, :, 0] = 0
        estimate = (whole + leak)[:, : shape[0], : shape[1]]
        return estimate.astype(np.float32), np.full(2, 0.3, np.float32)

    def _means(self, latent: NDArray[np.float32]) -> NDArray[np.float32]:
        channels, h, w = latent.shape
        padded = np.pad(latent, ((0, 0), (0, h % 2), (0, w % 2)), mode="edge")
        return padded.reshape(channels, -(-h // 2), 2, -(-w // 2), 2).mean((2, 4))


@pytest.fixture(scope="module")
def latent() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    scale = np.array([7.0, 3.0])[:, None, None]
    return (scale * rng.random((2, 9, 13))).astype(np.float32)


@pytest.fixture(scope="module")
def growth(latent: NDArray[np.float32]) -> Growth:
    return Growth(Grid(), latent, LEVELS)


def test_growth_is_what_the_codebook_says_of_one_changed_digit(
    latent: NDArray[np.float32], growth: Growth
) -> None:
    book, tokens = Grid(), Grid().quantize(latent)

    def error(indices: NDArray[np.int32]) -> float:
        return float(np.square(book.dequantize(indices, (9, 13))[0] - latent).sum())

    checked = 0
    for y, x in [(0, 0), (2, 3), (4, 6), (3, 1)]:
        for i, level in enumerate(LEVELS):
            digit = growth.digits[y * 7 + x, i]
            for step in (-1, 1):
                if 0 <= digit + step < level and 0 < digit < level - 1:
                    changed = tokens.copy()
                    changed[y, x] += step * (1, 8)[i]
                    grown = error(changed) - error(tokens)
                    at = y * 7 + x, i
                    parabola = growth.curvature[at] + step * growth.slope[at]
                    assert parabola == pytest.approx(grown, abs=1e-3)
                    checked += 1
    assert checked > 6


def chosen(growth: Growth, trade: float, frequencies: NDArray[np.int64]) -> NDArray[np.int32]:
    positions = np.arange(len(growth.digits))
    rows = np.repeat(frequencies[None], len(positions), 0)
    return Choice(growth, trade)(Visit(positions, 0, rows))


def test_without_a_price_the_nearest_is_chosen(growth: Growth) -> None:
    skewed = fit_frequencies(4.0 ** -np.arange(8)).astype(np.int64)
    assert np.array_equal(chosen(growth, 0.0, skewed), growth.digits[:, 0])


def test_the_higher_the_price_the_fewer_the_bits_and_the_larger_the_error(growth: Growth) -> None:
    skewed = fit_frequencies(4.0 ** -np.arange(8)).astype(np.int64)
    bits, error = [], []
    for trade in (0.0, 0.5, 2.0, 8.0, 1e4):
        digits = chosen(growth, trade, skewed)
        bits.append(float((PRECISION - np.log2(skewed[digits])).sum()))
        off = digits - growth.digits[:, 0]
        error.append(float((growth.curvature[:, 0] * off**2 + growth.slope[:, 0] * off).sum()))
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] < bits[2] < bits[0]
    assert error == sorted(error)
    assert (chosen(growth, 1e4, skewed) == 0).all()


def test_where_all_are_as_likely_only_the_error_counts(growth: Growth) -> None:
    level = fit_frequencies(np.ones(8)).astype(np.int64)
    digits = chosen(growth, 3.0, level)
    off = digits - growth.digits[:, 0]
    grown = growth.curvature[:, 0] * off**2 + growth.slope[:, 0] * off
    assert grown.max() <= 0
    assert np.abs(off).max() <= 1
