"""What training counts as bits."""

from __future__ import annotations

import math

import pytest
import torch

from gcodec.entropy.mean_scale import checkerboard, logistic_bits, noisy_bits


@pytest.mark.parametrize("log_scale", [-3.0, -8.0])
def test_a_symbol_that_is_certain_costs_nothing_however_narrow_its_density(
    log_scale: float,
) -> None:
    """Noise of half a step against a density of 2^-8 would cost hundreds of bits; rounded, the symbol is 0 for sure."""
    torch.manual_seed(1)
    v = torch.zeros(20_000)
    bits = noisy_bits(v, v, torch.full_like(v, log_scale)).mean().item()
    assert logistic_bits(v[:1], torch.tensor([log_scale])).item() < 0.06
    # At 2^-2.5 steps, half a unit off on average one in a few: what that density itself gives.
    floor = noisy_bits(v, v, torch.full_like(v, -2.5)).mean().item()
    assert bits == pytest.approx(floor, rel=0.05)
    assert floor < 0.5


def test_bits_are_those_of_the_logistic_mass_of_a_step() -> None:
    v, log_scale = 1.3, 0.7
    cdf = [1 / (1 + math.exp(-(v + side) / 2**log_scale)) for side in (0.5, -0.5)]
    expected = -math.log2(cdf[0] - cdf[1])
    found = logistic_bits(torch.tensor([v]), torch.tensor([log_scale])).item()
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_checkerboard_begins_with_the_first_position() -> None:
    assert checkerboard(2, 3).tolist() == [[True, False, True], [False, True, False]]
