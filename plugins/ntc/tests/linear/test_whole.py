"""`ntc` over the whole range of rates, through its public interface."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gcodec
import gcodec_base.plugin
from gcodec.errors import ModelDamaged, ModelMissing, PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec_ntc.embedding import Ntc
from gcodec_ntc.whole import LEVELS

PHOTO = Path(__file__).parents[4] / "tests" / "images" / "kodim23.png"


def photo() -> np.ndarray:
    with Image.open(PHOTO) as whole:
        return np.asarray(whole.crop((420, 120, 580, 264)), np.float32).transpose(2, 0, 1) / 255


def drawing() -> np.ndarray:
    y, x = np.mgrid[0:70, 0:90]
    ink = ((x // 3 + y // 5) % 4 == 0) | (np.abs(x - y) < 2)
    return np.where(ink, np.array([0.1, 0.1, 0.4])[:, None, None], 1.0).astype(np.float32)


def gray() -> np.ndarray:
    return photo()[1:2, :61, :47].repeat(3, 0)


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 48, 40)).astype(np.float32) / 255


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of what a PNG would hold."""
    shown = np.rint(a * np.float32(255)) / np.float32(255)
    return -10 * math.log10(max(float(np.mean((shown - b) ** 2)), 1e-10))


@pytest.mark.parametrize("make", [photo, drawing, gray, noise], ids=lambda make: make.__name__)
def test_bytes_and_psnr_grow_all_the_way_to_the_top(whole, make):
    pixels = make()
    size, analysis = Size(*pixels.shape[1:]), whole.analyse(pixels)
    rates, fidelities = [], []
    for quality in (0.0, 0.2, 0.4, 0.6, 0.7, 0.76, 0.77, 0.8, 0.85, 0.9, 0.95, 1.0):
        layers = whole.encode(analysis, quality)
        (most,) = whole.sizes(analysis, quality)
        assert 0.9 * most - 8 <= len(layers[0]) <= most
        (preview,) = whole.decode(layers, size)
        rates.append(8 * len(layers[0]) / (size.height * size.width))
        fidelities.append(psnr(preview.pixels, pixels))
    assert rates == sorted(rates)
    assert fidelities == sorted(fidelities)
    assert fidelities[-1] > 55
    assert rates[-1] > 6 or make is drawing or make is gray


def sky() -> np.ndarray:
    y, x = np.mgrid[0:64, 0:96]
    waves = (np.sin(x / 30), np.cos(y / 20), np.sin((x + y) / 50))
    return (np.stack(waves) * 0.35 + 0.5).astype(np.float32)


def squares() -> np.ndarray:
    y, x = np.mgrid[0:64, 0:96]
    return ((x // 3 + y // 5) % 2 == 0).astype(np.float32)[None].repeat(3, 0)


@pytest.mark.parametrize("make", [sky, squares])
def test_where_the_linear_mode_takes_fewer_bytes_it_begins_sooner(whole, make):
    """Or a size between its first step and the networks' last level would get a worse picture than a smaller size."""
    pixels = make()
    analysis, border = whole.analyse(pixels), 462
    sizes = [whole.sizes(analysis, level / (LEVELS - 1))[0] for level in range(300, 470, 10)]
    assert all(after > 0.97 * before for before, after in pairwise(sizes))
    (last,), (first,) = (whole.encode(analysis, k / (LEVELS - 1)) for k in (border - 1, border))
    assert last == first


@pytest.mark.parametrize("make", [photo, drawing, gray, noise, sky, squares])
def test_how_many_bytes_there_are_at_least_is_said_without_coding_them(whole, make):
    """It may stop in the middle; what it says is what coding says, asked about more and more bytes or about fewer."""
    codec, pixels = whole._codec.upper, make()
    for step in (18, 90):
        size = codec.size(codec.analyse(pixels), step)
        asked = [1, size // 9, size // 2, size - 1, size, size + 1, 2 * size]
        for sizes in (asked, asked[::-1], [size], [size + 1]):
            analysed = codec.analyse(pixels)
            assert [codec.reaches(analysed, step, n) for n in sizes] == [size >= n for n in sizes]
            assert codec.size(analysed, step) == size


@pytest.mark.parametrize("make", [photo, noise])
def test_what_its_encoder_knows_of_a_stream_is_what_reading_it_says(whole, make):
    codec, pixels = whole._codec.upper, make()
    analysed = codec.analyse(pixels)
    for step in (30, 160):
        stream = codec.stream(analysed, step)
        y = codec.said(analysed, stream)
        there = codec.read(codec.head(step, 0) + stream, *pixels.shape[1:])[-1]
        assert (y == there).all()
        shown, expected = (codec.synthesise(each, step, *pixels.shape[1:]) for each in (y, there))
        assert (shown == expected).all()


def test_a_size_below_the_border_is_used_for_the_better_picture():
    """2500 bytes of networks make 25 dB of it."""
    pixels = squares()
    made = gcodec.encode(
        gcodec.Picture(pixels), "ntc", model="base/ntc_range", target=gcodec.Target(bytes=2500)
    )
    assert 2400 < len(made.data) <= 2500
    assert psnr(gcodec.decode(made.data, "preview").picture.pixels, pixels) > 40


def test_below_it_is_the_networks_payload_to_the_byte(whole, model, picture):
    ntc = Ntc(Setup(whole.setup.run, {}, model))
    ours, theirs = whole.analyse(picture), ntc.analyse(picture)
    for level in (0, 100, 230):
        (payload,) = whole.encode(ours, 2 * level / (LEVELS - 1))
        assert (payload,) == ntc.encode(theirs, level / 255)
        (shown,), (other,) = (e.decode((payload,), Size(256, 320)) for e in (whole, ntc))
        np.testing.assert_array_equal(shown.pixels, other.pixels)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (1, 300), (31, 48)])
def test_any_size_at_the_top(whole, picture, size):
    pixels = np.ascontiguousarray(picture[:, -size[0] :, : size[1]])
    layers = whole.encode(whole.analyse(pixels), 1.0)
    (preview,) = whole.decode(layers, Size(*pixels.shape[1:]))
    assert psnr(preview.pixels, pixels) > 50


@pytest.mark.parametrize("bpp", [0.4, 2.0, 3.0, 5.0])
def test_targets_are_met_over_the_whole_range(bpp):
    made = gcodec.encode(
        gcodec.Picture(photo()), "ntc", model="base/ntc_range", target=gcodec.Target(bpp=bpp)
    )
    assert 0.87 * bpp < 8 * len(made.data) / (160 * 144) <= bpp


def test_the_upper_range_opens_no_network_and_needs_no_torch(whole, whole_model, tmp_path):
    code = """
import sys
import numpy as np
import gcodec
decoded = gcodec.decode(sys.argv[1], "preview")
assert not {"torch", "onnxruntime"} & set(sys.modules)
np.save(sys.argv[2], decoded.picture.pixels)
"""
    made = gcodec.encode(
        gcodec.Picture(photo()), "ntc", model="base/ntc_range", target=gcodec.Target(quality=0.9)
    )
    (tmp_path / "a.gcx").write_bytes(made.data)
    words = [sys.executable, "-c", code, str(tmp_path / "a.gcx"), str(tmp_path / "a.npy")]
    subprocess.run(words, check=True)
    assert psnr(np.load(tmp_path / "a.npy"), photo()) > 45


@pytest.mark.parametrize("layers", [(), (b"",), (b"\xff",), (b"\xff\x50\x20", b"\xff\x50\x20")])
def test_wrong_shapes_of_payload(whole, layers):
    with pytest.raises(PayloadError):
        whole.decode(layers, Size(32, 32))


def test_a_payload_of_the_linear_mode_is_none_of_the_networks_alone(whole, ntc):
    layers = whole.encode(whole.analyse(photo()), 0.9)
    with pytest.raises(PayloadError):
        ntc.decode(layers, Size(144, 160))


def test_its_networks_must_be_there(whole_model, tmp_path):
    with pytest.raises(ModelMissing):
        Ntc(Setup(Run(models=ModelStore()), {}, whole_model))
    (tmp_path / "config.json").write_text('{"_class_name": "NtcRange", "trade": 9}')
    weights = "diffusion_pytorch_model.safetensors"
    (tmp_path / weights).write_bytes((whole_model.folder / weights).read_bytes())
    with pytest.raises(ModelDamaged):
        Ntc(Setup(Run(models=ModelStore()), {}, Model("x", "0" * 64, tmp_path)))


def test_networks_of_another_kind_are_damage(whole_model, tmp_path):
    """A model may name any other, itself too."""
    for named in ("base/perco", whole_model.digest):
        config = whole_model.config | {"networks": named}
        (tmp_path / "config.json").write_text(json.dumps(config))
        weights = next(whole_model.folder.glob("*.safetensors"))
        (tmp_path / weights.name).write_bytes(weights.read_bytes())
        store = ModelStore(tuple(gcodec_base.plugin.MODELS))
        with pytest.raises(ModelDamaged, match="NtcModel"):
            Ntc(Setup(Run(models=store), {}, Model("some", "0" * 64, tmp_path)))


@pytest.mark.parametrize("step", [20, 100])
def test_the_linear_mode_chooses_again_for_less_error_in_no_more_bytes(whole, step):
    codec, pixels = whole._codec.upper, photo()
    analysed = codec.analyse(pixels)
    plain = codec.seen(analysed, step, codec.stream(analysed, step))
    payload = codec.encode(analysed, step)
    assert len(payload) <= codec.size(analysed, step)
    shown = codec.synthesise(codec.read(payload, *pixels.shape[1:])[-1], step, *pixels.shape[1:])
    assert np.square(shown - pixels).mean() < 0.99 * plain.mse
