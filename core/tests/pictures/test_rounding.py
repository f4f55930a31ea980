"""What a written picture holds: the nearest level of every sample, and colour as sharp as brightness."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from gcodec.builtin.edges import edge_strength
from gcodec.pictures import Picture, load_image, psnr, save_image


def written(picture: Picture, suffix: str) -> bytes:
    buffer = io.BytesIO()
    save_image(picture, buffer, format=suffix)
    return buffer.getvalue()


def flat(levels: np.ndarray, most: int, **more: object) -> Picture:
    """A gray picture of one row, its samples `levels` / `most`."""
    row = (levels / most).clip(0, 1).astype(np.float32)
    return Picture(np.repeat(row[None, None], 3, 0), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("offset", [-0.4, 0.0, 0.4])
def test_samples_are_rounded_to_the_nearest_of_8_bits(offset: float) -> None:
    levels = np.arange(256)
    samples = np.asarray(Image.open(io.BytesIO(written(flat(levels + offset, 255), "png"))))
    assert np.array_equal(samples[0, :, 0], levels)


@pytest.mark.parametrize("offset", [-0.3, 0.3])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_deep_gray_is_rounded_to_the_nearest_of_16_bits(suffix: str, offset: float) -> None:
    levels = np.array([0, 1, 77, 3000, 20_001, 32_767])
    picture = flat(levels + offset, 65535, channels=1, depth=16)
    samples = np.asarray(Image.open(io.BytesIO(written(picture, suffix))))
    assert np.array_equal(samples[0], levels)


def test_16_bits_of_alpha_become_the_nearest_of_8() -> None:
    alpha = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    picture = Picture(np.zeros((3, 256, 256), np.float32), alpha)
    samples = np.asarray(Image.open(io.BytesIO(written(picture, "png"))))[..., -1]
    assert np.array_equal(samples, np.rint(alpha / 257).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "avif"])
def test_colour_is_as_sharp_as_brightness(suffix: str) -> None:
    """Columns that alternate between two colours of one luma: halving chroma would make them gray."""
    pixels = np.empty((3, 32, 32), np.float32)
    pixels[:, :, 0::2] = np.array([0.8, 0.3, 0.5])[:, None, None]
    pixels[:, :, 1::2] = np.array([0.2, 0.605, 0.5])[:, None, None]
    again = load_image(written(Picture(pixels), suffix))
    assert np.abs(again.pixels - pixels).mean() < 0.03


def test_webp_keeps_colours_that_nobody_sees() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 16, 16)) / np.float32(255)
    alpha = np.zeros((16, 16), np.uint8)
    alpha[:8] = 200
    again = load_image(written(Picture(pixels.astype(np.float32), alpha), "webp"))
    np.testing.assert_allclose(again.pixels, pixels, atol=1e-6)


def test_psnr_counts_what_a_saved_picture_shows() -> None:
    a = np.full((3, 8, 8), 100 / 255, np.float32)
    assert psnr(a, a + np.float32(1 / 255)) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(np.zeros_like(a), np.ones_like(a)) == 0
    # Less than half a level, up or down, is nothing; more is a whole one.
    for part in (0.4, -0.4):
        assert psnr(a, a + np.float32(part / 255)) == math.inf
    assert psnr(a, a - np.float32(0.6 / 255)) == pytest.approx(48.1308, abs=1e-4)


def test_edges_are_1_for_a_step_from_black_to_white_whatever_its_direction() -> None:
    y, x = np.mgrid[-16:16, -16:16] + 0.5
    planes = np.ones((3, 1, 1), np.float32)
    for angle in (0, 90, 180):
        turned = np.cos(np.radians(angle)) * x + np.sin(np.radians(angle)) * y
        edges = edge_strength((turned > 0).astype(np.float32) * planes)
        assert edges.max() == pytest.approx(1, abs=1e-6)
        assert edges[0, 0, 0] == edges[0, -1, -1] == 0  # the border is no edge


def test_edges_of_a_point_are_scharrs_weights() -> None:
    """Scharr 2000: of 3 x 3 weights those whose strength depends least on the direction, 3, 10, 3."""
    pixels = np.zeros((3, 5, 5), np.float32)
    pixels[:, 2, 2] = 1
    side, corner = 10 / 16, 3 / 16 * math.sqrt(2)
    expected = [[corner, side, corner], [side, 0, side], [corner, side, corner]]
    np.testing.assert_allclose(edge_strength(pixels)[0, 1:4, 1:4], expected, atol=1e-6)


def test_edges_are_those_of_luma() -> None:
    """BT.601: green counts most, blue least."""
    found = []
    for plane in range(3):
        pixels = np.zeros((3, 8, 8), np.float32)
        pixels[plane, :, 4:] = 1
        found.append(float(edge_strength(pixels).max()))
    assert found == pytest.approx([0.299, 0.587, 0.114], abs=1e-6)
