"""Tiles cover the image and their weights add up to one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gcodec.diffusion.tiles import Tile, cut, noise, through_latents, tiles
from gcodec.interfaces import Size
from gcodec.models.networks import LatentSpace
from gcodec.progress import silent
from gcodec.randomness import Randomness

if TYPE_CHECKING:
    from gcodec.signals import FloatArray


@pytest.mark.parametrize("size", [(16, 16), (256, 256), (272, 800), (1024, 2048), (1008, 496)])
def test_weights_add_up_to_one_everywhere(size: tuple[int, int]) -> None:
    total = np.zeros(size, np.float64)
    for tile in tiles(*size, 256, 64):
        total[tile.window] += tile.weight
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("length", range(16, 1200, 16))
def test_neighbours_overlap_enough_and_stay_on_the_grid(length: int) -> None:
    side, begins = cut(length, 256, 64)
    assert begins[0] == 0
    assert begins[-1] + side == length
    assert side <= 256
    assert all(start % 16 == 0 for start in begins)
    assert all(b - a <= side - 64 for a, b in pairwise(begins))
    # What is computed twice is the overlaps, and what the grid adds.
    assert len(begins) * (side - 64 - 16) < max(length - 64, 1)


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


class Blocks(LatentSpace):
    """A latent is the picture, each position a block of 8 x 8 pixels."""

    name, channels, factor = "blocks", 3, 8

    def encode(self, pixels: FloatArray) -> FloatArray:
        return pixels[:, ::8, ::8]

    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        return latent.repeat(8, 1).repeat(8, 2)[:, : size.height, : size.width]

    def render(self, z: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@pytest.mark.parametrize("size", [Size(256, 400), Size(520, 250), Size(301, 700)])
def test_what_shows_within_32_pixels_of_a_tiles_border_is_not_seen(size: Size) -> None:
    """A network lacks what lies beyond a tile: its answer there has no weight, except at the picture's own border."""
    h, w = (-(-side // 8) for side in size)
    latent = np.random.default_rng(1).random((3, h, w), np.float32)
    pieces = []

    def solve(tile: Tile) -> NDArray[np.float32]:
        pieces.append(tile)
        answer = latent[:, *tile.window].copy()
        rows, columns = tile.window
        if rows.start > 0:
            answer[:, :4] = 1e6
        if rows.stop < h:
            answer[:, -4:] = 1e6
        if columns.start > 0:
            answer[:, :, :4] = 1e6
        if columns.stop < w:
            answer[:, :, -4:] = 1e6
        return answer[None]

    (picture,) = through_latents(Blocks(), size, 256, solve, silent, "test")
    assert len(pieces) > 1
    expected = Blocks().decode(latent, Size(8 * h, 8 * w))[:, : size.height, : size.width]
    np.testing.assert_allclose(picture, expected, atol=1e-5)
