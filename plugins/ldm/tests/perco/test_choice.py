"""The sender's choice: fewer bits where they cost little."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, fit_frequencies
from gcodec.models.networks import Codebook
from gcodec_ldm.digits import Visit, digits_of
from gcodec_ldm.perco.choice import Choice, Effects

LEVELS = (8, 4)
SHAPE = (29, 41)  # of the latent; 15 x 21 tokens


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
        leak = 0.3 * (np.roll(whole, 1, 2) - whole)
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
    return (scale * rng.random((2, *SHAPE))).astype(np.float32)


@pytest.fixture(scope="module")
def effects(latent: NDArray[np.float32]) -> Effects:
    return Effects(Grid(), latent, LEVELS)


def error(latent: NDArray[np.float32], tokens: NDArray[np.int32]) -> float:
    return float(np.square(Grid().dequantize(tokens, SHAPE)[0] - latent).sum())


def test_effects_are_what_the_codebook_says_of_one_more(
    latent: NDArray[np.float32], effects: Effects
) -> None:
    """Squared errors of changed tokens, from the codebook and from J and r: the decoder here is linear."""
    tokens = Grid().quantize(latent)
    around = np.square(effects.residual).sum()
    assert around == pytest.approx(error(latent, tokens), rel=1e-4)
    for y, x in [(0, 0), (2, 3), (14, 20), (9, 1)]:
        for i in range(2):
            at = np.array([y * 21 + x])
            step = 1 if effects.digits[at[0], i] == 0 else -1
            changed = tokens.copy()
            changed[y, x] += step * (1, 8)[i]
            residual = effects.residual.copy()
            window = effects.window(at)
            residual[window] += step * effects.effect[at, i].reshape(residual[window].shape)
            grown = np.square(residual).sum() - around
            assert grown == pytest.approx(error(latent, changed) - error(latent, tokens), abs=0.02)


def sent(effects: Effects, trade: float, frequencies: list[NDArray[np.int64]]) -> tuple[Any, float]:
    """Tokens chosen one by one in C order, and their bits."""
    choice, bits = Choice(effects, trade), 0.0
    tokens = np.zeros(effects.shape, np.int32)
    for position in range(tokens.size):
        for i, row in enumerate(frequencies):
            (digit,) = choice(Visit(np.array([position]), i, row[None], row[None]))
            tokens.flat[position] += digit * (1, 8)[i]
            bits += float(PRECISION - np.log2(row[digit]))
    return tokens, bits


SKEWED = [fit_frequencies(3.0 ** -np.arange(n)).astype(np.int64) for n in LEVELS]


def test_without_a_price_nothing_is_worse_than_the_nearest(
    latent: NDArray[np.float32], effects: Effects
) -> None:
    tokens, _ = sent(effects, 0.0, SKEWED)
    assert error(latent, tokens) <= error(latent, Grid().quantize(latent)) + 1e-3


def test_the_higher_the_price_the_fewer_the_bits_and_the_larger_the_error(
    latent: NDArray[np.float32], effects: Effects
) -> None:
    found = [sent(effects, trade, SKEWED) for trade in (0.0, 1.0, 5.0, 1e6)]
    bits = [b for _, b in found]
    errors = [error(latent, tokens) for tokens, _ in found]
    assert bits == sorted(bits, reverse=True)
    assert errors == sorted(errors)
    assert bits[-1] < bits[2] < bits[0]
    assert not found[-1][0].any()


def test_choices_know_of_those_before(latent: NDArray[np.float32], effects: Effects) -> None:
    """What is minimised is smaller than where every token is chosen as if all others were the nearest."""
    together, bits = sent(effects, 1.0, SKEWED)
    apart, apart_bits = np.zeros_like(together), 0.0
    for position in range(apart.size):
        choice = Choice(effects, 1.0)
        for i, row in enumerate(SKEWED):
            (digit,) = choice(Visit(np.array([position]), i, row[None], row[None]))
            apart.flat[position] += digit * (1, 8)[i]
            apart_bits += float(PRECISION - np.log2(row[digit]))
    assert error(latent, together) + bits < error(latent, apart) + apart_bits
