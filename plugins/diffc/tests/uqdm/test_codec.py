"""`uqdm` end to end: lossless, progressive, the same on any machine, and firm against any bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.errors import ModelDamaged, PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec.testing.pictures import as_picture
from gcodec_diffc.uqdm import lifting
from gcodec_diffc.uqdm.codec import Codec
from gcodec_diffc.uqdm.embedding import Uqdm
from gcodec_diffc.uqdm.schedule import LAYERS, SIGMA, UNIT, WIDTH
from gcodec_diffc.uqdm.state import State

FloatArray = NDArray[np.float32]


@pytest.fixture(scope="module")
def uqdm(model: Model) -> Uqdm:
    return Uqdm(Setup(Run(models=ModelStore()), {}, model))


def previews(uqdm: Uqdm, layers: tuple[bytes, ...], size: Size) -> list[Preview]:
    found = uqdm.refine(layers, range(1, len(layers) + 1), size)
    return [signal for signals in found for signal in signals if isinstance(signal, Preview)]


@pytest.mark.parametrize("shape", [(77, 101), (1, 1), (2, 65), (64, 3)])
def test_the_last_layer_is_lossless(
    codec: Codec, photo: FloatArray, shape: tuple[int, int]
) -> None:
    part = photo[:, : shape[0], : shape[1]]
    noise = np.random.default_rng(0).integers(0, 256, part.shape).astype(np.float32)
    for picture in (part, noise / np.float32(255)):
        layers = codec.encode(codec.analyse(picture), LAYERS)
        state, mse = codec.read(layers, *picture.shape[1:])
        assert mse == 0
        assert np.abs(codec.preview(state, LAYERS) - picture).max() < 1e-6


def test_samples_of_more_than_8_bits_are_not_called_lossless(
    codec: Codec, photo: FloatArray
) -> None:
    layers = codec.encode(codec.analyse(photo[:, :9, :9] * np.float32(0.999)), LAYERS)
    assert codec.read(layers, 9, 9)[1] > 0


def test_each_step_halves_the_error_and_more(
    uqdm: Uqdm, photo: FloatArray, layers: tuple[bytes, ...]
) -> None:
    """Previews after whole steps are better than the noise of the step, and the stated errors are theirs."""
    size = Size(*photo.shape[1:])
    found = previews(uqdm, layers, size)
    errors = [float(np.mean((p.pixels - photo) ** 2)) for p in found]
    for step, sigma in enumerate(SIGMA[:-1]):
        assert errors[4 * step + 3] < 0.9 * (sigma / 255) ** 2
    for preview, error in zip(found, errors, strict=True):
        assert preview.mse == pytest.approx(error, rel=0.03, abs=1e-7)
    assert all(b < 0.5 * a for a, b in zip(errors[3:12:4], errors[7::4], strict=True))


def test_every_prefix_is_a_file(uqdm: Uqdm, photo: FloatArray, layers: tuple[bytes, ...]) -> None:
    """Reading on from layer to layer comes by what reading a prefix alone gives."""
    size = Size(*photo.shape[1:])
    found = previews(uqdm, layers, size)
    for count in (1, 6, 11, 16):
        (alone,) = uqdm.decode(layers[:count], size)
        assert isinstance(alone, Preview)
        assert np.array_equal(alone.pixels, found[count - 1].pixels)
        assert alone.mse == found[count - 1].mse


def test_the_state_is_what_a_uniform_channel_leaves(codec: Codec, photo: FloatArray) -> None:
    """After each step x lies in the interval that is known, which is no wider than the step's width."""
    analysed = codec.analyse(photo)
    for step in range(len(SIGMA)):
        codec.encode(analysed, 4 * step + 4)
        state = analysed.walk.state
        for part, x in zip((state.top, *state.details), analysed.positions, strict=True):
            assert (part.lo <= x).all()
            assert (x < part.hi).all()
            assert (part.hi - part.lo <= WIDTH[step]).all()
    first = analysed.walk.state.details[0]
    inside = (analysed.positions[1] - (first.lo + first.hi) / 2) / UNIT
    assert abs(float(inside.mean())) < 0.1


def test_another_seed_makes_another_file(
    model: Model, photo: FloatArray, layers: tuple[bytes, ...]
) -> None:
    """The dither is the file's; without it the symbols mean something else."""
    other = Codec(model.config, model.tensors(), Randomness(1))
    made = other.encode(other.analyse(photo), 4)
    assert made != layers[:4]
    assert sum(map(len, made)) == pytest.approx(sum(map(len, layers[:4])), rel=0.1)


def test_the_transform_is_reversible_and_orthogonal() -> None:
    """All colours of a coarse cube, and noise: back exactly; white noise of weighted coefficients stays white."""
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3)).reshape(3, -1)
    assert np.array_equal(np.stack(lifting.from_colours(*lifting.to_colours(*cube))), cube)
    colours = np.stack(lifting.to_colours(*(3000 * np.eye(3, dtype=np.int64))))
    norms = np.array([3**0.5, 0.5**0.5, (2 / 3) ** 0.5])[:, None]
    gram = (colours * norms).T @ (colours * norms) / 3000**2
    assert np.abs(gram - np.eye(3)).max() < 0.002
    x = np.random.default_rng(0).integers(-9000, 9000, (3, 64, 64))
    ll, lh, hl, hh = lifting.split(x)
    back = np.empty_like(x)
    lifting.merge(ll, lh, hl, hh, back)
    assert np.array_equal(back, x)
    energy = 4.0 * (ll**2).sum() + (lh**2).sum() + (hl**2).sum() + (hh**2).sum() / 4
    assert energy == pytest.approx((x.astype(np.float64) ** 2).sum(), rel=1e-3)


def test_ranges_hold_for_every_picture(codec: Codec) -> None:
    """The extremes of coefficients that `bounds` promises: pictures of black, white and pure colours."""
    for seed in range(3):
        extreme = np.random.default_rng(seed).integers(0, 2, (3, 33, 70)).astype(np.float32)
        analysed, state = codec.analyse(extreme), State(33, 70)
        for part, x in zip((state.top, *state.details), analysed.positions, strict=True):
            assert (part.lo <= x).all()
            assert (x < part.hi).all()


def test_hostile_layers_end_in_payload_errors(codec: Codec, layers: tuple[bytes, ...]) -> None:
    for hostile in ((), (b"",), layers + layers, (layers[0][:1] + b"\0",), (layers[0] + b"\0",)):
        with pytest.raises(PayloadError):
            codec.read(hostile, 77, 101)
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(12):
        damaged = [bytearray(layer) for layer in layers[:9]]
        which = int(rng.integers(9))
        damaged[which][int(rng.integers(1, len(damaged[which])))] ^= int(rng.integers(1, 256))
        try:
            state, _ = codec.read([bytes(layer) for layer in damaged], 77, 101)
            assert np.isfinite(codec.preview(state, 9)).all()
        except PayloadError:
            refused += 1
    assert refused >= 10


def test_lossless_through_a_file(octets: NDArray[np.uint8]) -> None:
    """Encode and decode of the package: the very octets."""
    part = octets[:40, :50]
    data = encode(as_picture(part), "uqdm", target=Target(quality=1.0)).data
    (preview,) = open_stage1(data).signals()
    assert isinstance(preview, Preview)
    assert preview.mse == 0
    assert np.array_equal(preview.pixels, as_picture(part).pixels)
    made = np.rint(decode(data, "preview").picture.pixels * 255).astype(np.uint8)
    assert np.array_equal(made.transpose(1, 2, 0), part)


def test_weights_of_another_model_are_refused(model: Model) -> None:
    other = ModelStore.installed().find("base/ntc")
    with pytest.raises(ModelDamaged):
        Uqdm(Setup(Run(models=ModelStore()), {}, other))


def test_golden(layers: tuple[bytes, ...]) -> None:
    """Bytes of a file of profile 1, for ever. Heads are left out: they hold what a float network achieved."""
    digest = hashlib.sha256(b"".join(layer[1:] for layer in layers)).hexdigest()
    assert (sum(map(len, layers)), digest) == GOLDEN


GOLDEN = (8834, "963e9c420c71361cd7b0425fe63dfc0d52ba176ffcbf3615434875928c6d9274")
