"""A large picture is coded in pieces: they change nothing to the last bit, and memory stays small."""

from __future__ import annotations

import tracemalloc
from types import FunctionType

import numpy as np
import pytest

import gcodec_base.plugin
from gcodec.interfaces import Setup
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec_ntc.bands import bands, pieces
from gcodec_ntc.embedding import Ntc
from gcodec_ntc.networks import transforms
from gcodec_ntc.samples import Samples, kept, piece_of


@pytest.mark.parametrize(("h", "w"), [(1, 1), (16, 20), (5, 90), (90, 5), (31, 33)])
@pytest.mark.parametrize("positions", [1, 40, 200, 10_000])
def test_each_position_is_made_once(h, w, positions):
    made = np.zeros((h, w), int)
    for rows, columns in pieces(h, w, positions, 2):
        some = made[rows.outer(), columns.outer()]
        some[rows.inner(), columns.inner()] += 1
        assert positions < 200 or some.size <= positions
    assert (made == 1).all()
    even = [band.first for band in bands(h, w, positions, 2, 2)]
    assert not any(first % 2 for first in even)


@pytest.fixture(params=["onnxruntime", "torch"])
def codec(request, model):
    pytest.importorskip(request.param)
    made = Ntc(Setup(Run(models=ModelStore(tuple(gcodec_base.plugin.MODELS))), {}, model))._codec
    if request.param == "torch":
        made.transforms = transforms(model.config, model.tensors())
    return made


def test_pieces_change_nothing(codec, picture, monkeypatch):
    pixels = np.concatenate([picture, picture[:, ::-1]], 1)[:, 3:-2, :-5]
    size = pixels.shape[1:]
    whole = codec.analyse(pixels)
    payload = codec.encode(whole, 150)
    shown, _ = codec.decode(payload, *size)
    wanted = codec.wanted(whole, 150)
    monkeypatch.setattr("gcodec_ntc.codec._POSITIONS", 500)
    apart = codec.analyse(pixels)
    assert np.array_equal(apart.latents, whole.latents)
    found = codec.wanted(apart, 150)
    assert np.array_equal(found.y, wanted.y)
    # oneDNN has another order of sums for very few positions.
    assert np.abs(found.z - wanted.z).max() < (
        1e-5 if isinstance(codec.transforms.encoder, FunctionType) else 1e-9
    )
    assert codec.encode(apart, 150) == payload
    codec._last = lambda: None
    assert np.array_equal(codec.decode(payload, *size)[0], shown)


@pytest.mark.parametrize(
    ("most", "kind", "make"),
    [
        (255, np.uint8, lambda whole, most: whole * np.float32(1 / most)),
        (255, np.uint8, lambda whole, most: whole / np.float32(most)),
        (65535, np.uint16, lambda whole, most: whole * np.float32(1 / most)),
        (65535, np.uint16, lambda whole, most: whole / np.float32(most)),
    ],
)
def test_samples_are_kept_to_the_bit_in_as_many_as_there_were(monkeypatch, most, kind, make):
    monkeypatch.setattr("gcodec_ntc.samples.PIECE", 1)
    whole = np.random.default_rng(0).integers(0, most + 1, (3, 70, 90), kind)
    whole[0, 0, :2] = 0, most
    samples = make(whole.astype(np.float32), most)
    found = kept(samples)
    assert isinstance(found, Samples)
    assert np.array_equal(found._held, whole)
    assert kept(found) is found
    part = piece_of(found, slice(64, 80), slice(80, 96))
    assert np.array_equal(part, piece_of(samples, slice(64, 80), slice(80, 96)))
    assert part.dtype == np.float32
    samples[2, 60, 80] = 0.123456
    assert kept(samples) is samples


@pytest.mark.parametrize(("quality", "most"), [(0.5, 4.6), (0.9, 4.3)])
def test_little_memory_is_needed_beside_the_picture(whole, picture, monkeypatch, quality, most):
    """As multiples of its float32 samples, of what NumPy holds; all at once it was 7.7 and 6.8, and more of larger ones."""
    pixels = np.tile(picture, (1, 3, 2))
    whole.encode(whole.analyse(picture), quality)
    for name in ("codec._POSITIONS", "samples.PIECE"):
        monkeypatch.setattr(f"gcodec_ntc.{name}", 1 << 10)
    monkeypatch.setattr("gcodec_ntc.linear.transform._BAND", 8)
    monkeypatch.setattr("gcodec.entropy._sorted._PART", 1 << 11)
    tracemalloc.start()
    try:
        analysis = whole.analyse(pixels)
        (layer,) = whole.encode(analysis, quality)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(layer) > pixels[0].size / 100
    assert peak < most * pixels.nbytes
