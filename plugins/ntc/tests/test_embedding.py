"""`ntc` through its public interface: round trips, sizes, rates, damage, other processes."""

from __future__ import annotations

import hashlib
import io
import math
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gcodec
from gcodec.errors import ModelDamaged, ModelMissing, PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec.testing.damage import refused
from gcodec_ntc.codec import Codec
from gcodec_ntc.embedding import Ntc

PHOTO = Path(__file__).parents[3] / "tests" / "images" / "kodim23.png"


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * math.log10(float(np.mean((a - b) ** 2)))


def code(ntc: Ntc, pixels: np.ndarray, quality: float) -> tuple[bytes, Preview]:
    layers = ntc.encode(ntc.analyse(pixels), quality)
    (preview,) = ntc.decode(layers, Size(*pixels.shape[1:]))
    assert isinstance(preview, Preview)
    return layers[0], preview


def test_the_preview_says_how_wrong_it_is(ntc, picture):
    for quality in (0.0, 0.5, 1.0):
        _, preview = code(ntc, picture, quality)
        assert preview.pixels.shape == picture.shape
        assert preview.pixels.dtype == np.float32
        assert 0 <= preview.pixels.min() <= preview.pixels.max() <= 1
        assert psnr(preview.pixels, picture) == pytest.approx(
            -10 * math.log10(preview.mse), abs=0.13
        )


def test_what_the_encoder_knows_of_a_file_is_what_any_decoder_finds_and_ends_with_it(
    ntc, model, picture
):
    analysis = ntc.analyse(picture)
    size = Size(*picture.shape[1:])
    files = [ntc.encode(analysis, quality) for quality in (0.3, 0.7)]
    stranger = Ntc(Setup(Run(models=ModelStore()), {}, model))
    for layers in (
        *files,
        *files,
    ):  # in the first round the encoder has just seen what they decode to
        (own,), (other,) = ntc.decode(layers, size), stranger.decode(layers, size)
        np.testing.assert_array_equal(own.pixels, other.pixels)
        assert own.mse == other.mse
        own.pixels[:] = 0  # is the caller's
    gone = weakref.ref(analysis)
    del analysis
    assert gone() is None


def test_rate_and_fidelity_grow_with_quality(ntc, picture):
    analysis = ntc.analyse(picture)
    sizes, errors = [], []
    for quality in np.linspace(0, 1, 9):
        layers = ntc.encode(analysis, float(quality))
        sizes.append(len(layers[0]))
        errors.append(ntc.decode(layers, Size(*picture.shape[1:]))[0].mse)
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert sizes[-1] > 10 * sizes[0]


def test_beats_jpeg_by_a_margin(ntc, picture):
    def jpeg(quality: int) -> tuple[int, float]:
        stream = io.BytesIO()
        pixels = (picture.transpose(1, 2, 0) * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(stream, "JPEG", quality=quality, optimize=True)
        decoded = np.asarray(Image.open(stream), np.float32).transpose(2, 0, 1) / 255
        return len(stream.getvalue()), psnr(decoded, picture)

    for quality in (0.3, 0.6):
        payload, preview = code(ntc, picture, quality)
        ours = psnr(preview.pixels, picture)
        reached = [jpeg(q) for q in range(1, 96, 2)]
        smallest = min(size for size, fidelity in reached if fidelity >= ours)
        assert len(payload) < 0.75 * smallest


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (16, 16), (1, 300), (65, 15), (31, 48)])
def test_any_size(ntc, picture, size):
    pixels = np.ascontiguousarray(picture[:, -size[0] :, : size[1]])
    pixels = pixels[:, : size[0]]
    _, preview = code(ntc, pixels, 0.9)
    assert preview.pixels.shape == (3, *size)
    assert psnr(preview.pixels, pixels) > 25


def test_tiny_and_flat_images_cost_little(ntc):
    assert len(code(ntc, np.full((3, 1, 1), 0.3, np.float32), 0.2)[0]) < 24
    flat = np.full((3, 256, 256), 0.5, np.float32)
    assert len(code(ntc, flat, 0.2)[0]) < 256 * 256 / 8 / 20  # 1/20 bit per pixel


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_saturated_input(ntc, value):
    _, preview = code(ntc, np.full((3, 40, 40), value, np.float32), 0.7)
    assert abs(float(preview.pixels.mean()) - value) < 0.02


def test_noise_at_the_highest_quality(ntc):
    noise = np.random.default_rng(0).integers(0, 256, (3, 48, 48)).astype(np.float32) / 255
    payload, preview = code(ntc, noise, 1.0)
    assert psnr(preview.pixels, noise) > 12
    assert len(payload) < 3 * 48 * 48 * 2


CHILD = """
import hashlib, sys
from pathlib import Path
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, folder_digest
from gcodec.run import Run
from gcodec.models import ModelStore
from gcodec_ntc.embedding import Ntc
folder = Path(sys.argv[1])
model = Model("base/ntc", folder_digest(folder), folder)
ntc = Ntc(Setup(Run(models=ModelStore()), {}, model))
payload = sys.stdin.buffer.read()
print(hashlib.sha256(ntc.symbols((payload,), Size(256, 320))).hexdigest())
print(float(ntc.decode((payload,), Size(256, 320))[0].pixels.mean()))
"""


def test_a_fresh_process_on_two_threads_reads_the_same_symbols(ntc, model, picture):
    payload, preview = code(ntc, picture, 0.5)
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2"
    )
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(model.folder)],
        input=payload,
        capture_output=True,
        check=True,
        env=environment,
    )
    digest, mean = result.stdout.split()
    symbols = ntc.symbols((payload,), Size(256, 320))
    assert digest.decode() == hashlib.sha256(symbols).hexdigest()
    assert float(mean) == pytest.approx(float(preview.pixels.mean()), abs=1e-5)


def test_encoding_depends_on_the_image_alone(ntc, picture):
    first = ntc.encode(ntc.analyse(picture), 0.4)
    ntc.encode(ntc.analyse(picture[:, :50, :60]), 0.8)
    assert ntc.encode(ntc.analyse(picture.copy()), 0.4) == first


def test_damaged_payloads_raise_payload_errors_only(ntc, picture):
    pixels = np.ascontiguousarray(picture[:, 100:180, 50:150])
    size = Size(80, 100)
    (payload,) = ntc.encode(ntc.analyse(pixels), 0.6)
    assert refused(payload, lambda data: ntc.decode((data,), size), "ntc") >= 38


@pytest.mark.parametrize("layers", [(), (b"",), (b"\x80",), (b"\x80\x50", b"\x80\x50")])
def test_wrong_shapes_of_payload(ntc, layers):
    with pytest.raises(PayloadError):
        ntc.decode(layers, Size(32, 32))


def test_random_bytes_are_refused(ntc):
    rng = np.random.default_rng(6)
    for length in (3, 10, 100, 1000):
        with pytest.raises(PayloadError):
            ntc.decode((rng.bytes(length - 1) + b"\x01",), Size(64, 64))


def test_a_model_is_needed_and_must_be_the_right_one(model, tmp_path):
    with pytest.raises(ModelMissing):
        Ntc(Setup(Run(models=ModelStore())))
    config = (model.folder / "config.json").read_text().replace('"channels": 320', '"channels": 64')
    (tmp_path / "config.json").write_text(config)
    weights = "diffusion_pytorch_model.safetensors"
    (tmp_path / weights).write_bytes((model.folder / weights).read_bytes())
    with pytest.raises(ModelDamaged):
        Ntc(Setup(Run(models=ModelStore()), {}, Model("x", "0" * 64, tmp_path)))


def test_what_an_encoder_knows_of_its_stream_is_what_reading_it_says(ntc, picture):
    codec = ntc._codec
    analysed = codec.analyse(picture)
    streams = {level: codec.stream(analysed, level) for level in (40, 200)}
    for level, stream in streams.items():
        y = codec.said(analysed, stream)
        assert (y == codec.read(codec.head(level, 0) + stream, *picture.shape[1:])[-1]).all()
    assert codec.said(analysed, stream) is None  # asked once, it is let go of


def test_a_stream_that_does_not_read_as_it_was_written_is_not_sent(ntc, picture):
    codec = ntc._codec
    analysed = codec.analyse(picture)
    stream = codec.stream(analysed, 100)
    analysed.written[stream[:-1]] = analysed.written.pop(stream)
    with pytest.raises(PayloadError):
        codec.seen(analysed, 100, stream[:-1])


def test_a_size_is_met_in_few_steps(ntc, monkeypatch):
    """It is about known before anything is coded."""
    with Image.open(PHOTO) as image:
        pixels = np.asarray(image.crop((420, 120, 676, 376)), np.float32).transpose(2, 0, 1) / 255
    analysis, coded = ntc.analyse(pixels), []
    for quality in (0.4, 0.6, 0.8, 1.0):
        (size,) = ntc.sizes(analysis, quality)
        assert size / 1.4 < ntc.about(analysis, quality) < size * 1.4
    stream = Codec._stream
    monkeypatch.setattr(
        Codec, "_stream", lambda self, *given: coded.append(given[1]) or stream(self, *given)
    )
    for bpp in (0.1, 0.3, 1.0):
        coded.clear()
        gcodec.encode(
            gcodec.Picture(pixels), "ntc", model="base/ntc", target=gcodec.Target(bpp=bpp)
        )
        assert 1 < len(set(coded)) <= 4
