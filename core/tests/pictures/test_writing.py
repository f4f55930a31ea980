"""Pictures into files: whole or not at all, and what was read is what was written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from picture_files import (
    RGB,
    eight,
    photo,
)
from PIL import Image

from gcodec.errors import OutputError
from gcodec.pictures import load_image, save_image

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".jxl"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_formats_are_exact(
    tmp_path: Path, suffix: str, alpha: bool, channels: int
) -> None:
    if suffix == ".jxl":
        pytest.importorskip("pillow_jxl")
    picture = photo(alpha=RGB[..., 1] if alpha else None, channels=channels)
    if channels == 1:
        picture = photo(pixels=np.repeat(picture.pixels[:1], 3, 0), alpha=picture.alpha, channels=1)
    save_image(picture, tmp_path / f"a{suffix}")
    again = load_image(tmp_path / f"a{suffix}")
    assert np.array_equal(eight(again), eight(picture))
    assert again.channels == channels or suffix == ".webp"  # WebP has no gray
    assert (again.alpha is None) == (not alpha)
    assert not alpha or np.array_equal(again.alpha, RGB[..., 1])


def test_samples_are_rounded_to_the_nearest_level(tmp_path: Path) -> None:
    """Not cut off, which would darken a picture by half a level."""
    shares = np.array([0.4, 0.6, 99.4, 99.6, 254.6], np.float32)
    save_image(photo(pixels=np.tile(shares / 255, (3, 2, 1))), tmp_path / "a.png")
    assert np.asarray(Image.open(tmp_path / "a.png"))[1, :, 2].tolist() == [0, 1, 99, 100, 255]


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_lossy_formats_are_close(tmp_path: Path, suffix: str) -> None:
    y, x = np.mgrid[0:40, 0:60] / 60
    picture = photo(pixels=np.stack([x, y, 1 - x]).astype(np.float32))
    save_image(picture, tmp_path / f"a{suffix}")
    difference = load_image(tmp_path / f"a{suffix}").pixels - picture.pixels
    assert np.sqrt(np.mean(difference**2)) < 2 / 255


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_gray_survives(tmp_path: Path, suffix: str) -> None:
    samples = RNG.integers(0, 65536, (9, 11), dtype=np.uint16)
    pixels = np.repeat(samples[None].astype(np.float32) / np.float32(65535), 3, 0)
    save_image(photo(pixels=pixels, channels=1, depth=16), tmp_path / f"a{suffix}")
    assert np.array_equal(np.asarray(Image.open(tmp_path / f"a{suffix}")), samples)


def test_avif_keeps_alpha_exactly(tmp_path: Path) -> None:
    save_image(photo(alpha=RGB[..., 1]), tmp_path / "a.avif")
    alpha = load_image(tmp_path / "a.avif").alpha
    assert alpha is not None and np.array_equal(alpha, RGB[..., 1])


def test_jpeg_refuses_alpha(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="transparency"):
        save_image(photo(alpha=RGB[..., 1]), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_streams() -> None:
    stream = io.BytesIO()
    save_image(photo(), stream)
    assert np.array_equal(eight(load_image(stream.getvalue())), RGB)


@pytest.mark.parametrize("side", [64, 300])
def test_colour_noise_becomes_a_jpeg(capfd: pytest.CaptureFixture[str], side: int) -> None:
    """More bytes than Pillow's own buffer holds; libjpeg would say "Suspension not allowed here" and fail."""
    noise = RNG.random((3, side, side), dtype=np.float32)
    stream = io.BytesIO()
    save_image(photo(pixels=noise), stream, format="jpg")
    assert np.abs(load_image(stream.getvalue()).pixels - noise).mean() < 0.02
    assert capfd.readouterr().err == ""
