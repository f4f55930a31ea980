"""The algebra of a step, the schedule's lengths and the stream's bytes, without a network."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gcodec.errors import ModelDamaged, PayloadError
from gcodec.models import Model, ModelStore
from gcodec_diffc.diffc import _stream
from gcodec_diffc.diffc._process import Step, level
from gcodec_diffc.diffc._schedule import GENERIC, SHORTEST, UNIT, Schedule, open_schedule
from gcodec_diffc.diffc._stream import Piece

SNRS = st.floats(1e-6, 1e4)


@given(st.just(0.0) | SNRS, SNRS)
def test_a_step_leads_from_one_marginal_to_the_other(snr_t: float, more: float) -> None:
    """a alpha_t + b = alpha_s and a^2 sigma_t^2 + std^2 = sigma_s^2, read off the step's action on units."""
    step = Step(snr_t, snr_t + more)
    (alpha_t, sigma_t), (alpha_s, sigma_s) = level(snr_t), level(snr_t + more)
    one, nothing = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    a, b = float(step(one, nothing, nothing)), float(step(nothing, one, nothing))
    std = float(step(nothing, nothing, one))
    assert a * alpha_t + b == pytest.approx(alpha_s, rel=1e-9)
    assert (a * sigma_t) ** 2 + std**2 == pytest.approx(sigma_s**2, rel=1e-6)


@given(st.just(0.0) | SNRS, SNRS)
def test_the_kl_of_a_step_is_the_gain_in_snr(snr_t: float, more: float) -> None:
    """b^2 / std^2 = snr_s - snr_t."""
    step = Step(snr_t, snr_t + more)
    one, nothing = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    b, std = float(step(nothing, one, nothing)), float(step(nothing, nothing, one))
    assert (b / std) ** 2 == pytest.approx(more, rel=1e-5)


def schedule(*bits: int) -> Schedule:
    return Schedule(Model("none", "0" * 64, Path()), bits)


@given(
    st.lists(st.integers(1, UNIT // 2), min_size=1, max_size=60),
    st.integers(32, 10**6),
)
def test_a_schedule_gives_a_picture_its_bits(bits: list[int], dimensions: int) -> None:
    steps = schedule(*bits).steps(dimensions)
    assert all(SHORTEST <= n <= max(dimensions // 8, SHORTEST) for n in steps)
    planned = sum(bits) * dimensions / UNIT / 8
    assert sum(steps) <= planned
    if dimensions >= 256:  # nothing is lost but a rest too short for a step
        assert sum(steps) > planned - SHORTEST - max(bits) * dimensions / UNIT / 8


def test_a_small_picture_has_fewer_steps_and_not_fewer_bits() -> None:
    bits = [100] * 20 + [100_000] * 5
    large, small = schedule(*bits).steps(200_000), schedule(*bits).steps(2_000)
    assert len(large) == 20 // 2 + 5 and len(small) < len(large)
    assert sum(small) == pytest.approx(sum(large) / 100, rel=0.05)


@given(
    st.lists(st.integers(SHORTEST, 3000), min_size=1, max_size=50),
    st.integers(_stream.smallest(), 200_000),
)
def test_a_stream_is_as_long_as_it_may_be(steps: list[int], payload: int) -> None:
    lengths = _stream.layout(steps, payload, True)
    used = 2 + sum(lengths)
    assert used <= payload
    assert lengths[:-1] == steps[: len(lengths) - 1] and lengths[-1] <= steps[len(lengths) - 1]
    whole = lengths == steps
    assert whole or payload - used < SHORTEST
    cut = _stream.layers(lengths)
    assert [i for part in cut for i in range(len(lengths))[part]] == list(range(len(lengths)))


@pytest.mark.parametrize("fixed", [True, False])
def test_pieces_come_back(fixed: bool) -> None:
    """Of a fixed channel the last four bits are padding. The code goes up, stays at the highest, and down."""
    changes = [(9, 4, 200), (300, 15, 240), (7, 15, 255), (4, 0, 247)]
    sent = [Piece(n, change, code, b"a" * (n - 1) + b"p") for n, change, code in changes]
    lengths = [piece.length for piece in sent]
    data = b"\xc8" + b"".join(piece.pack(fixed) for piece in sent)
    assert list(_stream.pieces(data, fixed, lengths)) == sent
    assert list(_stream.pieces(b"\xc8", fixed, lengths)) == []
    assert len(data) == 1 + sum(lengths) + 4 * len(sent) * (not fixed)


def test_the_last_step_may_be_short() -> None:
    data = b"\1" + Piece(9, 1, 1, b"p" * 9).pack(True) + Piece(5, 2, 1, b"p" * 5).pack(True)
    assert [p.length for p in _stream.pieces(data, True, [9, 300])] == [9, 5]


@pytest.mark.parametrize(
    ("data", "fixed", "says"),
    [
        (b"", True, "before its first step"),
        (b"\1" + b"a" * 9 + b"bbb", True, "3 bytes, fewer than 4"),
        (b"\1" + b"a" * 9 + b"b" * 301, True, "1 bytes follow the last step"),
        (b"\1\0\0", False, "ends within"),
        (b"\1\0\0\0\4abc", False, "ends within"),
    ],
)
def test_what_is_no_sequence_of_steps_is_refused(data: bytes, fixed: bool, says: str) -> None:
    with pytest.raises(PayloadError, match=says):
        list(_stream.pieces(data, fixed, [9, 300]))


@given(st.floats(2e-4, 60))
def test_the_code_of_an_error_is_within_its_step(error: float) -> None:
    """n bits make up for KL nats: the SNR that the code claims is within 2.6 % of the exact one."""
    gain = _stream.snr_after(0.0, _stream.error_code(error), 800, 1000)
    assert gain == pytest.approx(2 * math.log(2) * 800 / (1000 * error), rel=0.026)


def test_a_schedule_of_other_networks_is_refused(tmp_path: Path) -> None:
    store = ModelStore.installed()
    shipped = store.find("base/diffc")
    digest = shipped.config["networks"]["base/denoiser"]
    text = (shipped.folder / "config.json").read_text()
    shutil.copy(next(shipped.folder.glob("*.safetensors")), tmp_path)
    (tmp_path / "config.json").write_text(text.replace(digest, "0" * 64))
    with pytest.raises(ModelDamaged, match="made for base/denoiser 0000000000000000"):
        open_schedule(store.find(str(tmp_path)), store)
    (tmp_path / "config.json").write_text(text.replace("DiffcSchedule", "Other"))
    with pytest.raises(ModelDamaged, match="not a schedule"):
        open_schedule(store.find(str(tmp_path)), store)


def test_the_shipped_schedule_is_for_the_shipped_networks() -> None:
    store = ModelStore.installed()
    found = open_schedule(store.find("base/diffc"), store)
    assert found.denoiser.name == "base/denoiser"
    assert np.all(np.diff(store.find("base/diffc").tensors()["log_snr"]) > 0)


def test_the_steps_of_a_denoiser_that_nobody_measured() -> None:
    """Files that name a pipeline depend on every number: each step sends a fifth of all before it, rounded down."""
    assert GENERIC[:6] == (2000, 400, 480, 576, 691, 829)
    assert GENERIC[-2:] == (705207, 846248) and len(GENERIC) == 44
    assert all(bits == sum(GENERIC[: k + 1]) // 5 for k, bits in enumerate(GENERIC[1:]))
    assert sum(GENERIC) == 5_077_491
