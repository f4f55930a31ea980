"""`lossless` gives back the very samples, for fewer bytes than the libraries' best; what it cannot read it refuses."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import gcodec
from gcodec.errors import PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec_lossless.coder import Reader, Writer
from gcodec_lossless.embedding import Lossless
from gcodec_lossless.law import Tables, tables
from gcodec_lossless.origin import KINDS, Kind, origin

rng = np.random.default_rng(3)
LOSSLESS = gcodec.Target(quality=1.0)


def coded(picture: gcodec.Picture, quality: float = 1.0) -> bytes:
    return gcodec.encode(picture, "lossless", target=gcodec.Target(quality=quality)).data


@pytest.fixture(scope="module")
def octets(kodim23: Any) -> NDArray[np.uint8]:
    """uint8 [96, 144, 3]: a parrot's face."""
    part = kodim23[:, 140:236, 424:568].transpose(1, 2, 0)
    return np.rint(part * 255).astype(np.uint8)


def deep(octets: NDArray[np.uint8]) -> NDArray[np.uint16]:
    grain = rng.integers(0, 257, octets.shape)
    return np.minimum(octets.astype(np.int64) * 256 + grain, 65535).astype(np.uint16)


def test_nothing_is_lost_where_nobody_asks_for_it(octets: NDArray[np.uint8]) -> None:
    picture = gcodec.Picture.from_array(octets[:24, :24], layout="HWC")
    made = gcodec.encode(picture, "lossless").data
    assert made == coded(picture)
    assert np.array_equal(
        gcodec.decode(made, "preview").picture.to_array("uint8"), octets[:24, :24]
    )


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_kind_comes_back(
    octets: NDArray[np.uint8], dtype: str, channels: int, alpha: bool
) -> None:
    part = octets[30:49, 20:51]
    samples: NDArray[Any] = part if dtype == "uint8" else deep(part)
    samples = samples[..., :channels]
    if alpha:
        samples = np.concatenate([samples, samples[::-1, :, :1]], 2)
    picture = gcodec.Picture.from_array(samples, layout="HWC")
    found = gcodec.decode(coded(picture), "preview").picture
    assert np.array_equal(found.to_array(dtype), samples)


def test_fewer_bytes_than_png_webp_and_jxl(octets: NDArray[np.uint8]) -> None:
    pytest.importorskip("pillow_jxl")
    mine = len(coded(gcodec.Picture.from_array(octets)))
    for name, options in (
        ("PNG", {"optimize": True}),
        ("WEBP", {"lossless": True, "quality": 100, "method": 6}),
        ("JXL", {"lossless": True, "effort": 9}),
    ):
        stream = io.BytesIO()
        Image.fromarray(octets).save(stream, name, **options)
        assert mine < stream.tell(), name


@pytest.mark.parametrize("coarseness", [1, 4, 15])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_below_quality_1_every_sample_errs_by_no_more_than_it_says(
    octets: NDArray[np.uint8], dtype: str, coarseness: int
) -> None:
    part = octets[40:56, 60:84].copy()
    part[0, 0], part[1, 1] = 0, 255
    samples: NDArray[Any] = part if dtype == "uint8" else deep(part)
    picture = gcodec.Picture.from_array(samples)
    whole, data = coded(picture), coded(picture, 1 - coarseness / 15)
    assert len(data) < len(whole)
    found = gcodec.decode(data, "preview").picture.to_array(dtype)
    most = coarseness * (1 if dtype == "uint8" else 257)
    assert np.abs(found.astype(int) - samples).max() <= most


def test_samples_of_no_depth_are_rounded_to_16_bits() -> None:
    pixels = rng.random((3, 5, 8)).astype(np.float32)
    found = gcodec.decode(coded(gcodec.Picture(pixels)), "preview").picture.pixels
    assert np.abs(found - pixels).max() <= 0.51 / 65535


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((9, 40, 3), np.uint8),
        np.full((40, 9, 3), 255, np.uint8),
        (rng.integers(0, 2, (12, 17, 3)) * 255).astype(np.uint8),
        (rng.integers(0, 2, (12, 17, 3)) * 65535).astype(np.uint16),
        rng.integers(0, 65536, (10, 11, 3)).astype(np.uint16),
        np.repeat(np.arange(0, 240, 8, dtype=np.uint8)[:, None, None], 3, 2),
        np.tile(np.array([0, 255], np.uint8), (2, 30, 3)).reshape(2, 60, 3),
        np.repeat(np.arange(16, dtype=np.uint16).reshape(2, 8, 1), 3, 2),
        (rng.integers(0, 256, (9, 8, 3)) * 257 + rng.integers(-1, 2, (9, 8, 3)))
        .clip(0, 65535)
        .astype(np.uint16),
    ],
    ids=[
        *["black", "white", "two", "two deep", "deep noise", "one column", "stripes"],
        *["deep, all but black", "deep, all but of 8 bits"],
    ],
)
def test_what_no_photograph_is(samples: NDArray[Any]) -> None:
    picture = gcodec.Picture.from_array(samples, layout="HWC")
    found = gcodec.decode(coded(picture), "preview").picture
    assert np.array_equal(found.to_array(str(samples.dtype)), samples)


def test_both_ways_round_cost_about_the_same(octets: NDArray[np.uint8]) -> None:
    wide, tall = (
        len(coded(gcodec.Picture.from_array(np.ascontiguousarray(part))))
        for part in (octets[:40, :80], octets[:40, :80].transpose(1, 0, 2))
    )
    assert wide == tall


def from_parts(octets: NDArray[np.uint8], kind: Kind) -> NDArray[np.uint8]:
    """The picture as it is after luma and chromas became whole numbers; samples at both ends are among them."""
    colours = octets.transpose(2, 0, 1).astype(np.int64) * 3 // 2 - 60
    parts = np.rint(kind.real(colours.reshape(3, -1))).clip(0, 255).astype(np.int64)
    found = kind.colours(parts).reshape(colours.shape).astype(np.uint8)
    assert (found == 0).any() and (found == 255).any()
    return found.transpose(1, 2, 0)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_was_luma_and_chromas_is_coded_as_such(octets: NDArray[np.uint8], kind: Kind) -> None:
    shown = from_parts(octets[24:72, 40:130], kind)
    found = origin(shown.transpose(2, 0, 1).astype(np.int64))
    assert found is not None and found.kind is kind
    assert np.array_equal(kind.colours(found.parts).transpose(1, 2, 0), shown)
    shown[7, 9] = 255 - shown[7, 9]  # and one pixel that was not
    picture = gcodec.Picture.from_array(shown)
    stage1 = open_stage1(coded(picture))
    (layer,) = stage1.main.layers
    assert layer[0] == 9 and layer[2] == kind.number
    (made,) = stage1.signals()
    assert np.array_equal(made.pixels, picture.pixels)  # type: ignore[attr-defined]
    shown[::2, ::2] ^= 1  # a quarter of all pixels: no origin is worth that
    other = coded(gcodec.Picture.from_array(shown))
    assert len(other) > 1.05 * len(coded(picture))
    assert np.array_equal(gcodec.decode(other, "preview").picture.to_array("uint8"), shown)


@pytest.mark.parametrize("name", ["JPEG", "WEBP"])
def test_what_a_library_decoded_has_an_origin(octets: NDArray[np.uint8], name: str) -> None:
    """libjpeg and libwebp compute colours as the text says."""
    stream = io.BytesIO()
    Image.fromarray(octets).save(stream, name, quality=85)
    shown = np.asarray(Image.open(stream).convert("RGB")).astype(np.int64).transpose(2, 0, 1)
    found = origin(shown)
    assert found is not None and found.kind.name.upper() == name
    assert np.array_equal(found.kind.colours(found.parts), shown)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_print_takes_fewer_bytes_than_webp(dtype: str, channels: int) -> None:
    page = Image.new("RGB", (320, 120), (255, 254, 250))
    draw = ImageDraw.Draw(page)
    draw.rectangle((20, 100, 290, 106), (200, 220, 240))
    for line in range(5):
        words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog"]
        draw.text((5, 5 + 16 * line), " ".join(words[line:] + words[:line]), (30, 34, 40))
    shown = np.asarray(page)[..., :channels]
    deeper = (shown.astype(dtype) * 256 + 7) if dtype == "uint16" else shown
    picture = gcodec.Picture.from_array(deeper, layout="HWC")
    stage1 = open_stage1(coded(picture))
    (layer,) = stage1.main.layers
    assert layer[0] & 8 and layer[2] == 16
    (found,) = stage1.signals()
    assert np.array_equal(found.pixels, picture.pixels)  # type: ignore[attr-defined]
    if dtype == "uint8":
        stream = io.BytesIO()
        same = Image.fromarray(shown.squeeze()).convert("RGB")
        same.save(stream, "WEBP", lossless=True, quality=100, method=6)
        assert len(layer) < stream.tell()


@pytest.mark.parametrize("way", ["law", "origin", "list"])
def test_damage_is_refused_wherever_it_is(octets: NDArray[np.uint8], way: str) -> None:
    shown = {"law": octets[:8, :12] ^ 1, "origin": octets[:8, :12], "list": octets[:8, :12] // 64}
    stage1 = open_stage1(coded(gcodec.Picture.from_array(shown[way])))
    embedding, (layer,) = stage1.main.embedding, stage1.main.layers
    size = Size(8, 12)
    assert embedding.decode((layer,), size)
    for bad in ((), (layer, layer), (b"\1",), (layer[:-1],), (layer + b"\0",), (layer + b"x",)):
        with pytest.raises(PayloadError):
            embedding.decode(bad, size)
    assert layer[0] == {"law": 1, "origin": 9, "list": 9}[way]
    for place in range(layer[0] // 8 + 2, len(layer), 7):
        changed = bytearray(layer)
        changed[place] ^= 16
        with pytest.raises(PayloadError):
            embedding.decode((bytes(changed),), size)
    with pytest.raises(PayloadError):
        embedding.decode((layer,), Size(8, 13))


def test_a_sample_far_from_what_was_expected_comes_back() -> None:
    laws = Tables(tables())
    for top, level in ((255, 16), (65535, 16), (65535, 300)):
        samples = np.array([0, 1, top // 2, top - 1, top])
        count = len(samples)
        law = laws.law(
            np.zeros((3, count), np.int64),
            np.full((3, count), 64 * (top // 2)),
            np.full((3, count), level),
            top,
        )
        writer = Writer()
        writer.samples(law, samples)
        reader = Reader(writer.finish())
        assert np.array_equal(reader.samples(law, None), samples)
        reader.finish()


def test_a_distance_beyond_16_bits_is_refused() -> None:
    parts = np.zeros((3, 1), np.int64)
    law = Tables(tables()).law(parts, parts, parts + 300, 65535)
    writer = Writer()
    writer.entries(law.edges, np.array([63]))
    writer._equal(1, 5, np.array([17]))
    with pytest.raises(PayloadError, match="17 bits"):
        Reader(writer.finish()).samples(law, None)


def test_many_numbers_take_little_memory_and_come_back() -> None:
    """A forged payload may say that a million follow: 32 bytes each, not the 264 of a row of frequencies."""
    numbers = np.arange(70000)
    writer = Writer()
    writer.naturals(len(numbers), numbers)
    reader = Reader(writer.finish())
    assert np.array_equal(reader.naturals(len(numbers), None), numbers)
    reader.finish()
    tracemalloc.start()
    try:
        Reader(b"\1\2\3").naturals(1 << 20, None)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_it_needs_no_torch(tmp_path: Path, octets: NDArray[np.uint8]) -> None:
    path = tmp_path / "picture.gcx"
    path.write_bytes(coded(gcodec.Picture.from_array(octets[:5, :9])))
    code = (
        "import sys, gcodec;"
        f"print(gcodec.decode({str(path)!r}, 'preview').picture.to_array().tolist(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{octets[:5, :9].tolist()} False"


def test_without_weights_it_says_so() -> None:
    with pytest.raises(gcodec.GcodecError, match="gcodec-base"):
        Lossless(Setup(Run()))
