"""`--effort`: as many bytes at most, a smaller error, the same file each time; and what it is refused for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gcodec
from gcodec.entropy.integer_model import Visit
from gcodec.entropy.integers import LEVELS, LOWEST, PER_OCTAVE, Ints
from gcodec.entropy.twin import twin_of
from gcodec.errors import InvalidOption, UsageError
from gcodec.interfaces import Setup
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_ntc import search
from gcodec_ntc.embedding import Ntc


@pytest.fixture(scope="module")
def make(model):
    def made(effort: int, **run) -> Ntc:
        return Ntc(Setup(Run(models=ModelStore(), **run), {"effort": effort}, model))

    return made


def judged(ntc: Ntc, pixels: np.ndarray, quality: float) -> tuple[int, float]:
    """Bytes and squared error."""
    (layer,) = ntc.encode(ntc.analyse(pixels), quality)
    (preview,) = Ntc(Setup(Run(models=ModelStore()), {}, ntc.setup.model)).decode(
        (layer,), gcodec.Size(*pixels.shape[1:])
    )
    assert isinstance(preview, Preview)
    return len(layer), float(np.mean((preview.pixels - pixels) ** 2, dtype=np.float64))


@pytest.mark.parametrize("quality", [0.2, 0.5, 0.8, 1.0])
def test_no_more_bytes_and_less_error(make, photograph, quality):
    pixels = photograph[:, :130, :170]
    (size, error), (fewer, less) = (judged(make(effort), pixels, quality) for effort in (0, 4))
    assert fewer <= size
    assert less < 0.995 * error


def test_effort_pays(make, photograph):
    pixels = photograph[:, :130, :170]
    errors = [judged(make(effort), pixels, 0.8)[1] for effort in (0, 1, 7)]
    assert errors[2] < errors[1] < errors[0]


@pytest.mark.parametrize("size", [(1, 1), (17, 33)])
@pytest.mark.parametrize("value", [None, 1.0])
def test_never_worse_however_small_or_flat(make, picture, size, value):
    pixels = np.ascontiguousarray(picture[:, -size[0] :, : size[1]])
    if value is not None:
        pixels = np.full_like(pixels, value)
    for quality in (0.1, 0.9):
        (most, error), (found, less) = (judged(make(e), pixels, quality) for e in (0, 2))
        assert found <= most
        assert less <= error


def test_the_same_file_each_time(make, picture):
    pixels = picture[:, :64, :96]
    torch.manual_seed(1)
    first = make(3).encode(make(3).analyse(pixels), 0.5)
    torch.manual_seed(2)
    assert make(3).encode(make(3).analyse(pixels), 0.5) == first


def test_pieces_join(make, photograph, monkeypatch):
    """A picture of many pieces gains most of what it gains as a whole."""
    whole = judged(make(2), photograph, 0.8)[1]
    seen = []
    monkeypatch.setattr(search, "_PIECE", 6)
    apart = judged(make(2, progress=lambda *told: seen.append(told)), photograph, 0.8)[1]
    plain = judged(make(0), photograph, 0.8)[1]
    assert plain - apart > 0.6 * (plain - whole)
    pieces, iterations = 2 * 2, 3
    assert seen[0] == ("refining", 0, iterations * pieces)
    assert seen[-1] == ("refining", iterations * pieces, iterations * pieces)


def test_a_size_is_kept_and_used(picture):
    pixels = gcodec.Picture.from_array(picture[:, :128, :160].transpose(1, 2, 0))
    plain, patient = (
        gcodec.encode(pixels, "ntc", target=gcodec.Target(bytes=900), options={"effort": effort})
        for effort in (0, 3)
    )
    assert 0.96 * len(plain.data) <= len(patient.data) <= len(plain.data) <= 900


def test_of_the_whole_range_it_is_the_networks_that_gain(whole, whole_model, photograph):
    pixels = np.ascontiguousarray(photograph[:, :96, :128])
    patient = Ntc(Setup(whole.setup.run, {"effort": 2}, whole_model))
    for quality, gains in ((0.6, True), (1.0, False)):
        layers = [ntc.encode(ntc.analyse(pixels), quality) for ntc in (whole, patient)]
        plain, found = (whole.decode(made, gcodec.Size(96, 128))[0].pixels for made in layers)
        errors = [float(np.square(shown - pixels).mean()) for shown in (plain, found)]
        assert errors[1] < errors[0] if gains else layers[0] == layers[1]


def test_an_interruption_ends_it(make, picture):
    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    ntc = make(1, progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        ntc.encode(ntc.analyse(picture), 0.5)


@pytest.mark.parametrize("effort", [-1, 10, 0.5])
def test_efforts_that_there_are_not(picture, effort):
    pixels = gcodec.Picture.from_array(picture[:, :16, :16].transpose(1, 2, 0))
    with pytest.raises(InvalidOption, match="from 0 to 9"):
        gcodec.encode(pixels, "ntc", options={"effort": effort})


def test_without_torch_it_says_so(model, monkeypatch):
    monkeypatch.setattr("gcodec.models.graphs.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="--effort 3: it needs torch"):
        Ntc(Setup(Run(models=ModelStore()), {"effort": 3}, model))


def test_models_of_the_zoo_have_none(tmp_path):
    (tmp_path / "config.json").write_text('{"_class_name": "CompressAIModel"}')
    zoo = Model("some-zoo", "0" * 64, tmp_path)
    with pytest.raises(UsageError, match="some-zoo is of the CompressAI zoo"):
        Ntc(Setup(Run(models=ModelStore()), {"effort": 1}, zoo))


def test_the_twin_says_what_the_integers_say(model, ntc, picture):
    """Means to within an eighth of a step and tables to the nearest two, but for one in a thousand."""
    codec, level = ntc._codec, 140
    visits: list[tuple[Visit, Ints]] = []
    y = codec.quantize(ntc.analyse(picture), level, lambda *seen: visits.append(seen))
    twin = twin_of(model.config["entropy"], model.tensors())
    q = torch.tensor([level / (LEVELS - 1)])
    z = visits[0][0].values(visits[0][1]).reshape(8, 10, -1)
    planes = [torch.from_numpy(v / np.float32(16)).permute(2, 0, 1)[None].float() for v in (z, y)]
    h, w = y.shape[:2]
    decoded: list[torch.Tensor] = []
    parts = planes[1].split(twin.config.groups, 1)
    even = (torch.arange(h)[:, None] + torch.arange(w)) % 2 == 0
    passes = twin.passes(q, twin.hyper_features(planes[0], q, h, w), decoded)
    with torch.no_grad():
        for (group, parity, found), (visit, _) in zip(passes, visits[1:], strict=True):
            mean, scale = (x[0].permute(1, 2, 0).flatten(0, 1)[visit.positions] for x in found)
            index = ((scale - LOWEST) * PER_OCTAVE).round().clamp(0, 66)
            far = (mean - torch.from_numpy(visit.mean) / 16).abs() > 0.126
            far |= (index - torch.from_numpy(visit.index.astype(np.float32))).abs() > 1
            assert far.float().mean() < 1e-3
            if parity is False:
                decoded[group] = parts[group]
            else:
                decoded.append(parts[group] * even if parity else parts[group])
