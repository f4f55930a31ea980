"""The linear mode by itself: its transform, its order, its sums, and what it refuses."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gcodec.errors import InvalidArgument, PayloadError
from gcodec.testing.damage import refused
from gcodec_ntc.linear import contexts, grid
from gcodec_ntc.linear.codec import LinearCodec, width_of
from gcodec_ntc.linear.contexts import STEPS, Contexts
from gcodec_ntc.linear.transform import Lapped

SIZES = [(1, 1), (1, 300), (17, 33), (16, 16), (65, 15), (600, 20), (80, 112)]


@pytest.fixture(scope="module")
def codec(whole_model) -> LinearCodec:
    return LinearCodec(whole_model.tensors(), 9.0)


def cut(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.resize(picture.transpose(1, 2, 0), (height, width, 3)).transpose(2, 0, 1).copy()


@pytest.mark.parametrize("size", SIZES)
def test_a_transform_without_rounding_gives_the_picture_back(codec, picture, size):
    pixels = cut(picture, *size)
    there = codec.lapped.coefficients(pixels)
    assert np.abs(codec.lapped.samples(there, 1.0, *size) - pixels).max() < 1e-5


def test_bands_change_nothing_but_the_last_digit(codec, picture, monkeypatch):
    whole = codec.lapped.coefficients(picture)
    monkeypatch.setattr("gcodec_ntc.linear.transform._BAND", 3)
    assert np.abs(codec.lapped.coefficients(picture) - whole).max() < 1e-3
    assert np.abs(codec.lapped.samples(whole, 1.0, 256, 320) - picture).max() < 1e-5


def test_an_error_of_a_step_is_one_error_of_samples_whatever_the_coefficient(codec):
    """What the weights by norms are for: within a tenth, but where a border is all that there is."""
    rng = np.random.default_rng(0)
    errors = []
    for u, v in rng.integers(0, 16, (12, 2)):
        one = np.zeros((3, 16, 16, 7 * 7), np.float32)
        one[rng.integers(3), u, v, 24] = 1
        shown = codec.lapped.samples(one, 8.0, 112, 112) - codec.lapped.samples(
            0 * one, 8.0, 112, 112
        )
        errors.append(255 * float(np.sqrt(np.square(shown).sum())))
    assert np.array(errors) == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 1), (2, 2), (5, 6)])
def test_every_coefficient_is_visited_once_and_comes_back(codec, size):
    rng = np.random.default_rng(3)
    wanted = rng.integers(-40, 41, (3, 16, 16, size[0] * size[1])).astype(np.int32)
    count = np.zeros(wanted.shape, int)

    def choose(visit):
        count[visit.where] += 1
        values = wanted[visit.where]
        return visit.differences(values) if visit.chain else values - visit.mean

    assert (codec.contexts.code(70, *size, choose) == wanted).all()
    assert (count == 1).all()


def test_strips_change_nothing(codec, picture, monkeypatch):
    analysed = codec.analyse(picture)
    whole = codec.stream(analysed, 60)
    monkeypatch.setattr(contexts, "_STRIP", 5)
    assert codec.stream(analysed, 60) == whole


def test_neighbours_of_a_phase_are_of_phases_before():
    found = grid.of(5, 7)
    for phase in (1, 2):
        near = found.near(phase)
        assert ((near < found.starts[phase]) | (near == 35)).all()
    assert sorted(found.order) == list(range(35))


@pytest.mark.parametrize("step", [0, 18, 77, STEPS - 1])
def test_what_is_sent_is_read(codec, picture, step):
    pixels = picture[:, 90:180, 20:130]
    payload = codec.encode(codec.analyse(pixels), step)
    shown, mse = LinearCodec.decode(codec, payload, 90, 110)
    assert float(np.mean((shown - pixels) ** 2)) == pytest.approx(mse, rel=0.05)
    # Uniform quantization's error, less where a rounding is exact, more where bits are saved.
    assert 255**2 * mse < 1.6 * width_of(step) ** 2 / 12


def test_a_few_bytes_that_claim_a_large_picture_take_no_time(codec):
    """Where a stream has ended nothing but 0 can follow: of a picture in one colour, and of damage, which is refused."""
    side, start = 6000, time.process_time()
    damaged = bytes([255, 141, 120]) + b"\xa1\xff\x2b\x30\x11"
    with pytest.raises(PayloadError, match="does not end where the symbols do"):
        codec.read(damaged, side, side)
    values = codec.read(bytes([255, 141, 120]), side, side)[-1]
    assert time.process_time() - start < 3  # 8 s if all coefficients were asked for
    assert not values[:, ::5, ::5, ::99].any()


@pytest.mark.parametrize("where", [(0, 3, 4), (2, 15, 15), (1, 0, 0), (0, 0, 1)])
def test_what_comes_late_in_a_stream_is_read(codec, where):
    """One coefficient in a picture of one colour: all before it is nothing, and so is all after."""
    found = codec.analyse(np.full((3, 80, 112), 0.25, np.float32))
    found.coefficients[(*where, 20)] += 300
    wanted = codec.quantize(found, 60, lambda visit, symbols: None)
    assert wanted[(*where, 20)]
    stream = codec.stream(found, 60)
    assert np.array_equal(codec.read(codec.head(60, 0) + stream, 80, 112)[-1], wanted)


def test_damage_raises_payload_errors_only(codec, picture):
    pixels = np.ascontiguousarray(picture[:, 100:150, 50:120])
    payload = codec.encode(codec.analyse(pixels), 40)
    assert refused(payload, lambda data: codec.read(data, 50, 70), "ntc") >= 38


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"\xff\x00", b"\xff\x00\xa1", b"\xff\x00\xff123"]
)
def test_a_head_that_is_none_is_refused(codec, payload):
    with pytest.raises(PayloadError):
        codec.read(payload, 16, 16)


def test_symbols_that_lead_beyond_sixteen_bits_are_refused(codec):
    def choose(visit):
        return np.full(visit.index.shape, (1 << 23) - 1, np.int32)

    with pytest.raises(PayloadError, match="beyond 32767"):
        codec.contexts.code(0, 3, 3, choose)
    # A chain of small differences leaves them too.
    with pytest.raises(PayloadError, match="beyond 32767"):
        codec.contexts.code(0, 1, 400, lambda visit: np.full(visit.index.shape, 200, np.int32))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("linear.base", lambda x: x[:5]),
        ("linear.base", lambda x: x - (1 << 30)),
        ("linear.base", lambda x: np.full_like(x, (1 << 31) - 1)),
        ("linear.weight", lambda x: x.astype(np.int32)),
        ("linear.thresholds", lambda x: x[::-1].copy()),
        ("tables.length", lambda x: x[:-1]),
    ],
)
def test_tensors_whose_sums_could_leave_their_range_are_refused(whole_model, name, change):
    tensors = whole_model.tensors()
    tensors[name] = change(tensors[name])
    with pytest.raises(InvalidArgument):
        Contexts(tensors)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("linear.norm", np.ones(15, np.float32)),
        ("linear.norm", np.zeros(16, np.float32)),
        ("linear.colour", np.full((3, 3), np.nan, np.float32)),
        ("linear.post", np.full((16, 16), np.inf, np.float32)),
    ],
)
def test_matrices_of_another_kind_are_refused(whole_model, name, value):
    with pytest.raises(InvalidArgument):
        Lapped(whole_model.tensors() | {name: value})
