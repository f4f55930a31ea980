"""Latents that nobody trained a model for: exact, the same everywhere, and nearly as short as a trained model makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.errors import PayloadError
from gcodec.models import ModelStore
from gcodec.models.networks import open_space
from gcodec.pictures import load_image
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec_ldm.scalar.adaptive import AdaptiveCodec
from gcodec_ldm.scalar.codec import Codec, dequantize
from gcodec_ldm.scalar.dither import dither_of
from gcodec_ldm.scalar.scale import width_of

PHOTO = Path(__file__).parents[4] / "tests" / "images" / "kodim23.png"
MIDDLE = 128 * 257
GOLDEN = (
    "997ea0c3a2b9ce5dd01c18d630df438f6f1bd214de04b37250d303eb7faacb5086a3af2eab927323"
    "dcc4932ba51aea59a206fca781050e28ffffff04ffffff48ffffff184353"
)


def rough(c: int, h: int, w: int, seed: int = 0) -> NDArray[np.float32]:
    """Latents with slopes, noise of other strength in every channel, and a few values far out."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w] / np.float32(8)
    slopes = np.sin(rng.random((c, 1, 1)) * 3 * x + y)
    noise = rng.standard_normal((c, h, w)) * np.geomspace(0.01, 3, c)[:, None, None]
    far = 40 * (rng.random((c, h, w)) < 0.002)
    return (slopes + noise + far).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 1, 7), (4, 9, 1), (16, 11, 13), (32, 40, 24)])
@pytest.mark.parametrize("code", [0, MIDDLE, 65535])
@pytest.mark.parametrize("dithered", [False, True])
def test_every_value_comes_back_half_a_bin_off_at_most(
    shape: tuple[int, int, int], code: int, dithered: bool
) -> None:
    c, h, w = shape
    latent, codec = rough(*shape), AdaptiveCodec(c, "x")
    dither = dither_of(Randomness(5), h, w, c) if dithered else None
    stream = codec.encode(latent, code, dither)
    nothing, y = codec.read(stream, code, h, w, dither)
    assert nothing.size == 0 and y.dtype == np.int32
    found, width = dequantize(y, code, dither), width_of(code)
    assert float(np.abs(found - latent).max()) <= width * 0.5001
    if not dithered:
        assert not (y % 16).any()


def test_the_stream_is_the_same_on_every_machine() -> None:
    """Symbols from integers alone; `width_of(32768 + ...)` is about one."""
    row = np.arange(3 * 5 * 6) * 7919 % 23 - 11
    latent = (row.reshape(3, 5, 6) * width_of(MIDDLE)).astype(np.float32)
    stream = AdaptiveCodec(3, "x").encode(latent, MIDDLE)
    assert stream.hex() == GOLDEN
    _, y = AdaptiveCodec(3, "x").read(bytes.fromhex(GOLDEN), MIDDLE, 5, 6)
    np.testing.assert_array_equal(y.transpose(2, 0, 1).ravel(), 16 * row)


def test_what_never_changes_costs_next_to_nothing() -> None:
    """A constant is predicted, a slope nearly, white noise costs its entropy."""
    codec, h, w = AdaptiveCodec(4, "x"), 40, 50
    width = width_of(MIDDLE)
    flat = np.broadcast_to(np.array([0, 3, -9, 40], np.float32)[:, None, None] * width, (4, h, w))
    assert 8 * len(codec.encode(flat.astype(np.float32), MIDDLE)) < 0.1 * flat.size
    noise = np.random.default_rng(1).laplace(0, 3 * width, (4, h, w)).astype(np.float32)
    symbols = np.rint(noise / width)
    _, counts = np.unique(symbols, return_counts=True)
    entropy = -(counts * np.log2(counts / symbols.size)).sum()
    assert entropy < 8 * len(codec.encode(noise, MIDDLE)) < 1.06 * entropy


def test_it_takes_little_more_than_a_model_trained_for_the_space() -> None:
    """Latents of `base`, under `base/ldm` and without: at most a tenth more, and less than each channel's best code."""
    store = ModelStore.installed()
    model = store.find("base/ldm")
    trained = Codec(model.config, model.tensors(), False, "x")
    pixels = load_image(PHOTO.read_bytes()).pixels[:, 128:384, 192:576]
    latent = open_space(store.find("base/autoencoder"), Run()).encode(np.ascontiguousarray(pixels))
    counted = AdaptiveCodec(len(latent), "x")
    for code in (48 * 257, MIDDLE, 208 * 257):
        bytes_ = len(counted.encode(latent, code))
        assert bytes_ < 1.1 * len(trained.encode(latent, code))
        best = 0.0
        for channel in np.rint(latent / width_of(code)):
            _, counts = np.unique(channel, return_counts=True)
            best -= (counts * np.log2(counts / channel.size)).sum() / 8
        assert bytes_ < 0.95 * best


def test_hostile_streams() -> None:
    codec, latent = AdaptiveCodec(4, "x"), rough(4, 11, 13)
    stream = codec.encode(latent, MIDDLE)
    for damaged in (stream[:-1], stream + b"\1", stream + b"\0", b"\1"):
        with pytest.raises(PayloadError):
            codec.read(damaged, MIDDLE, 11, 13)
    rng = np.random.default_rng(2)
    for _ in range(50):
        with pytest.raises(PayloadError):
            codec.read(rng.bytes(len(stream) - 1) + b"\1", MIDDLE, 11, 13)
