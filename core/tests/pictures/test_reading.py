"""Pictures out of files: every usual kind, upright, exact."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from picture_files import (
    ORIENTATION,
    RGB,
    adobe_like,
    eight,
    encoded,
    png16,
    profile,
)
from PIL import Image

from gcodec.errors import ImageError
from gcodec.pictures import load_image
from gcodec_formats import Size

RNG = np.random.default_rng(7)


def test_8_bit_rgb_is_exact() -> None:
    picture = load_image(encoded(Image.fromarray(RGB)))
    assert picture.size == Size(13, 17) and (picture.channels, picture.depth) == (3, 8)
    assert np.array_equal(eight(picture), RGB)
    assert picture.pixels.dtype == np.float32 and picture.pixels.max() <= 1
    assert picture.alpha is None and picture.icc is None


def test_from_path_bytes_and_stream(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(RGB))
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as stream:
        pictures = [
            load_image(s) for s in (str(tmp_path / "a.png"), tmp_path / "a.png", data, stream)
        ]
    assert all(np.array_equal(p.pixels, pictures[0].pixels) for p in pictures)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_modes_mean_what_pillow_says(mode: str) -> None:
    source = Image.fromarray(RGB).convert("RGBA" if "A" in mode else "RGB")
    if "A" in mode:
        source.putalpha(Image.fromarray(np.arange(13 * 17, dtype=np.uint8).reshape(13, 17)))
    image = source.convert(mode)
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    picture = load_image(encoded(image, kind))
    # Pillow's TIFF reader is the judge for subsampled or converted colour.
    expected = np.asarray(Image.open(io.BytesIO(encoded(image, kind))).convert("RGB"))
    assert np.array_equal(eight(picture), expected)
    assert picture.channels == (1 if mode in ("1", "L", "LA") else 3)
    assert (picture.alpha is not None) == ("A" in mode)


def test_palette_with_transparency() -> None:
    image = Image.fromarray(RGB).quantize(8)
    picture = load_image(encoded(image, "PNG", transparency=3))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, np.asarray(image) == 3)


def test_opaque_alpha_is_dropped_and_other_alpha_kept() -> None:
    image = Image.fromarray(RGB).convert("RGBA")
    assert load_image(encoded(image)).alpha is None
    image.putpixel((4, 2), (1, 2, 3, 254))
    alpha = load_image(encoded(image)).alpha
    assert alpha is not None and alpha[2, 4] == 254 and (alpha == 255).sum() == alpha.size - 1


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_exact(channels: int) -> None:
    samples = RNG.integers(0, 65536, (9, 11, channels), dtype=np.uint16)
    picture = load_image(png16(samples))
    shown = 1 if channels < 3 else 3
    assert (picture.depth, picture.channels) == (16, shown)
    colours = samples[..., :shown].transpose(2, 0, 1)
    assert np.array_equal(
        np.rint(picture.pixels * 65535.0).astype(int), np.broadcast_to(colours, (3, 9, 11))
    )
    if channels in (2, 4):
        assert picture.alpha is not None and picture.alpha.dtype == np.uint16
        assert np.array_equal(picture.alpha, samples[..., -1])


def test_16_bit_pgm_and_tiff() -> None:
    samples = RNG.integers(0, 65536, (5, 6), dtype=np.uint16)
    pgm = b"P5 6 5 65535\n" + samples.astype(">u2").tobytes()
    tiff = encoded(Image.fromarray(samples), "TIFF")
    for data in (pgm, tiff):
        picture = load_image(data)
        assert (picture.depth, picture.channels) == (16, 1)
        assert np.array_equal(np.rint(picture.pixels[1] * 65535.0), samples)


def test_floating_point_samples() -> None:
    real = np.linspace(0, 1, 30, dtype=np.float32).reshape(5, 6)
    assert np.array_equal(load_image(encoded(Image.fromarray(real), "TIFF")).pixels[2], real)
    for bad in (real * 2, real - 1, np.full((2, 2), np.nan, np.float32)):
        with pytest.raises(ImageError, match="outside 0"):
            load_image(encoded(Image.fromarray(bad), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation_is_applied_and_removed(orientation: int, deep: bool) -> None:
    turned = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: np.rot90(RGB.transpose(1, 0, 2), 2), 8: np.rot90(RGB),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x0131] = "a camera"
    data = encoded(Image.fromarray(RGB), "PNG", exif=exif)
    if deep:
        block = exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(block)) + b"eXIf" + block
        chunk += struct.pack(">I", zlib.crc32(b"eXIf" + block))
        plain = png16(RGB.astype(np.uint16) * 257)
        data = plain[:33] + chunk + plain[33:]
    picture = load_image(data)
    assert picture.depth == (16 if deep else 8)
    assert np.array_equal(eight(picture), turned)
    assert picture.exif is not None
    kept = Image.Exif()
    kept.load(picture.exif)
    assert ORIENTATION not in kept and kept[0x0131] == "a camera"


def test_xmp_orientation_is_removed_too() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    picture = load_image(encoded(Image.fromarray(RGB), "WEBP", lossless=True, exif=exif, xmp=xmp))
    assert picture.size == Size(17, 13) and picture.xmp is not None
    assert b"Orientation" not in picture.xmp


def test_srgb_profile_is_dropped_and_others_kept() -> None:
    image = Image.fromarray(RGB)
    assert load_image(encoded(image, icc_profile=profile())).icc is None
    assert load_image(encoded(image, icc_profile=adobe_like())).icc == adobe_like()
    # Nor is one that differs by a few levels only: the red primary two hundredths lower.
    data = bytearray(profile())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * data[131], 12)}
    place = int.from_bytes(data[tags[b"rXYZ"] + 4 : tags[b"rXYZ"] + 8], "big") + 8
    for at in range(place, place + 12, 4):
        weaker = int.from_bytes(data[at : at + 4], "big") * 98 // 100
        data[at : at + 4] = weaker.to_bytes(4, "big")
    assert load_image(encoded(image, icc_profile=bytes(data))).icc == bytes(data)
    # A profile for other channels than the picture has cannot describe it.
    assert load_image(encoded(image.convert("L"), icc_profile=adobe_like())).icc is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken_with_a_warning(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="first of 3 frames"):
        picture = load_image(data)
    assert picture.pixels[0].min() > 0.9 and picture.pixels[1:].max() < 0.1
