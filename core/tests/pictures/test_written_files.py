"""What is written means the same to another reader: samples, depth, alpha, profile, orientation, transfer."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import RGB, adobe_like, photo
from PIL import Image

from gcodec.errors import OutputError
from gcodec.pictures import Picture, load_image, save_image

imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")
pyvips = pytest.importorskip("pyvips")
pytest.importorskip("pillow_jxl")

RNG = np.random.default_rng(3)
CAMERA = 0x0131


def exif(**changes: Any) -> bytes:
    block = Image.Exif()
    block[CAMERA] = "a camera"
    return block.tobytes().removeprefix(b"Exif\0\0")


def picture(depth: int, channels: int, **changes: Any) -> tuple[Picture, np.ndarray]:
    """A picture of noise and its samples [H, W, C]."""
    stored = RNG.integers(0, 1 << depth, (11, 15, channels)).astype(f"u{depth // 8}")
    shown = stored[..., : 1 if channels < 3 else 3].transpose(2, 0, 1)
    pixels = shown.astype(np.float32) / np.float32((1 << depth) - 1)
    made = Picture(
        np.ascontiguousarray(np.broadcast_to(pixels, (3, *pixels.shape[1:]))),
        alpha=stored[..., -1].copy() if channels in (2, 4) else None,
        channels=1 if channels < 3 else 3,
        depth=depth,  # type: ignore[arg-type]
        **changes,
    )
    return made, stored


def written(made: Picture, suffix: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    save_image(made, stream, format=suffix, **options)
    return stream.getvalue()


def other_reads(data: bytes, suffix: str) -> np.ndarray:
    if suffix == ".jxl":
        samples = imagecodecs.jpegxl_decode(data)
    elif suffix == ".tiff":
        samples = tifffile.imread(io.BytesIO(data))
    else:
        image = pyvips.Image.new_from_buffer(data, "")
        assert image.interpretation in ("srgb", "rgb16", "b-w", "grey16")
        samples = image.numpy()
    return samples.reshape(*samples.shape[:2], -1)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jxl"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_samples_are_exact_to_the_other_reader(suffix: str, channels: int, depth: int) -> None:
    made, stored = picture(depth, channels, exif=exif())
    data = written(made, suffix, generative=True)
    if depth == 16 and suffix == ".tiff" and channels == 2:
        stored = stored[..., [0, 0, 0, 1][: channels + 2]]  # three equal planes
    seen = other_reads(data, suffix)
    assert seen.dtype == stored.dtype
    np.testing.assert_array_equal(seen, stored)
    if suffix == ".tiff":
        np.testing.assert_array_equal(
            pyvips.Image.new_from_buffer(data, "").numpy().reshape(stored.shape), stored
        )
    again = load_image(data)
    np.testing.assert_allclose(again.pixels, made.pixels, atol=2**-20, rtol=0)
    assert (again.depth, again.alpha is None) == (depth, channels in (1, 3))
    assert b"compositeWithTrainedAlgorithmicMedia" in data


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp", ".avif"])
@pytest.mark.parametrize("depth", [8, 16])
def test_profile_and_exif_reach_the_other_reader(suffix: str, depth: int) -> None:
    made, _ = picture(depth, 3, exif=exif(), icc=adobe_like())
    image = pyvips.Image.new_from_buffer(written(made, suffix), "")
    assert bytes(image.get("icc-profile-data")) == adobe_like()
    if suffix in (".png", ".jpg", ".webp", ".avif"):
        kept = Image.Exif()
        kept.load(bytes(image.get("exif-data")))
        assert kept[CAMERA] == "a camera"
    with Image.open(io.BytesIO(written(made, suffix))) as seen:
        assert seen.getexif()[CAMERA] == "a camera" and seen.getexif().get(274, 1) == 1


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_deep_jxl_says_srgb(channels: int) -> None:
    """Marked as linear, 128 would show as 188."""
    made, _ = picture(16, channels)
    assert load_image(written(made, ".jxl")).icc is None


def nan_rational() -> bytes:
    """EXIF with 0/0 as resolution."""
    return b"II*\0" + struct.pack("<IHHHIII", 8, 1, 282, 5, 1, 26, 0) + struct.pack("<II", 0, 0)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp", ".avif", ".jxl"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.filterwarnings("ignore:.*left out")
def test_unsound_exif_never_costs_the_picture(suffix: str, depth: int) -> None:
    for block in (nan_rational(), b"garbage", bytes(100_000)):
        made, _ = picture(depth, 3, exif=block)
        assert load_image(written(made, suffix, generative=True)).size == made.size


def test_exif_that_is_left_out_is_said_once() -> None:
    made, _ = picture(8, 3, exif=bytes(100_000))
    with pytest.warns(UserWarning, match="EXIF is left out") as caught:
        written(made, ".jpg", generative=True)
    assert len(caught) == 1


def test_what_a_format_cannot_hold_is_refused_with_what_can(tmp_path: Path) -> None:
    wide = Picture(np.zeros((3, 1, 16384), np.float32))
    for made, suffix, text in (
        (wide, ".webp", "16383 pixels.*png"),
        (photo(alpha=RGB[..., 1]), ".jpg", "transparency.*png"),
        (photo(icc=adobe_like()), ".jxl", "profile.*png"),
    ):
        with pytest.raises(OutputError, match=text):
            save_image(made, tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


def test_deep_jxl_without_the_extra_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = picture(16, 3)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(OutputError, match=r"gcodec\[deep\].*png"):
        written(made, ".jxl")
