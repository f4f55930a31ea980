"""Tiles cover the image and their weights add up to one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from gcodec.diffusion.tiles import noise, starts, tiles
from gcodec.randomness import Randomness


@pytest.mark.parametrize("size", [(16, 16), (256, 256), (272, 800), (1024, 2048), (1008, 496)])
def test_weights_add_up_to_one_everywhere(size: tuple[int, int]) -> None:
    total = np.zeros(size, np.float64)
    for tile in tiles(*size, 256, 64):
        total[tile.window] += tile.weight
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("length", range(16, 1200, 16))
def test_neighbours_overlap_enough_and_stay_on_the_grid(length: int) -> None:
    begins = starts(length, 256, 64)
    assert begins[0] == 0
    assert begins[-1] + min(length, 256) == length
    assert all(start % 16 == 0 for start in begins)
    assert all(b - a <= 192 for a, b in pairwise(begins))


def test_the_border_of_a_tile_inside_the_image_has_no_weight() -> None:
    first, second = tiles(16, 384, 256, 64)
    assert np.all(first.columns[-16:] == 0)
    assert np.all(second.columns[:16] == 0)
    assert first.columns[0] == second.columns[-1] == 1


def test_noise_belongs_to_the_place() -> None:
    """A tile's noise is the whole picture's there, so tiles agree where they overlap; another step draws anew."""
    randomness = Randomness(3)
    (whole,) = tiles(40, 48, 64, 16)
    full = noise(randomness, whole.window, 32)
    for tile in tiles(40, 48, 32, 16):
        part = noise(randomness, tile.window, 32)
        np.testing.assert_array_equal(part, full[(slice(None), *tile.window)])
    assert abs(float(full.mean())) < 5 / np.sqrt(full.size)
    assert float(full.var()) == pytest.approx(1, abs=5 * np.sqrt(2 / full.size))
    other = noise(randomness, whole.window, 32, step=1)
    assert abs(float((full * other).mean())) < 5 / np.sqrt(full.size)
