"""The vocabulary between the stages: names of types, and the squared error in one byte."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcodec.plugin import Field
from gcodec.signals import (
    KINDS,
    Latent,
    Noisy,
    Preview,
    Signal,
    Sketch,
    Text,
    Tokens,
    by_type,
    kind_and_space,
    pack_mse,
    type_of,
    unpack_mse,
)

PIXELS = np.zeros((3, 4, 4), np.float32)
EVERY = {
    "text": Text("a cat"),
    "preview": Preview(PIXELS, 0.01),
    "sketch": Sketch(PIXELS[:1]),
    "latent/base-f8": Latent(PIXELS, "base-f8", 0.5),
    "tokens/base-vq": Tokens(np.zeros((2, 2), np.int32), "base-vq"),
    "noisy/pixels": Noisy(PIXELS, "pixels", 0.8, 0.6),
}


@pytest.mark.parametrize(("name", "signal"), EVERY.items(), ids=EVERY.keys())
def test_a_type_is_the_kind_and_where_an_array_lives_in_a_space_the_space(
    name: str, signal: Signal
) -> None:
    assert type_of(signal) == name


def test_every_kind_is_known_by_name() -> None:
    found = {s.kind: f"{type(s).__module__}:{type(s).__name__}" for s in EVERY.values()}
    assert found == {name: spec.implementation for name, spec in KINDS.items()}


@pytest.mark.parametrize("signal", EVERY.values(), ids=EVERY.keys())
def test_every_field_is_declared(signal: Signal) -> None:
    declared = [field.name for field in KINDS[signal.kind].fields]
    assert declared == [field.name for field in dataclasses.fields(signal)]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("preview", ("preview", None)),
        ("latent/base", ("latent", "base")),
        ("latent/owner/model", ("latent", "owner/model")),
        ("acme/depth", ("acme/depth", None)),
        ("acme/depth/far", ("acme/depth", "far")),
        ("acme/depth/far/away", ("acme/depth", "far/away")),
        ("nonsense", ("nonsense", None)),
    ],
)
def test_a_type_is_taken_apart(name: str, parts: tuple[str, str | None]) -> None:
    assert kind_and_space(name) == parts


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("float32", ()),
        ("float", (1,)),
        ("float32", (0,)),
        ("float32", ("HW",)),
        ("int32", (-1, "H")),
    ],
)
def test_a_field_of_nothing_is_refused(dtype: str, shape: tuple[int | str, ...]) -> None:
    with pytest.raises(ValueError, match="field depth"):
        Field("depth", dtype, shape)


def test_of_two_signals_of_one_type_the_later_counts() -> None:
    first, second, other = Preview(PIXELS, 0.1), Preview(PIXELS, 0.2), Text("x")
    assert by_type([first, other, second]) == {"preview": second, "text": other}


def test_an_empty_caption_replaces_none() -> None:
    words, nothing = Text("a cat"), Text("")
    assert by_type([words, nothing]) == {"text": words}
    assert by_type([nothing, words]) == {"text": words}
    assert by_type([nothing]) == {"text": nothing}


def test_two_latents_of_different_spaces_stay_apart() -> None:
    signals = [Latent(PIXELS, "a", 0), Latent(PIXELS, "b", 0)]
    assert list(by_type(signals)) == ["latent/a", "latent/b"]


def test_signals_are_frozen() -> None:
    with pytest.raises(AttributeError):
        EVERY["text"].value = "a dog"  # type: ignore[misc,union-attr]


@pytest.mark.parametrize(
    ("mse", "code"),
    [
        (0.0, 255),
        (1.0, 0),
        (7.0, 0),  # worse than 0 dB is 0 dB
        (0.1, 40),  # 10 dB in quarters
        (0.01, 80),
        (1e-3, 120),
        (10**-6.35, 254),
        (1e-30, 254),  # tiny, and not lossless
        (5e-324, 254),
    ],
)
def test_golden_codes_of_squared_errors(mse: float, code: int) -> None:
    assert pack_mse(mse) == code


@given(st.floats(min_value=10**-6.35, max_value=1.0))
def test_a_packed_error_comes_back_within_an_eighth_of_a_decibel(mse: float) -> None:
    decibels = abs(10 * math.log10(unpack_mse(pack_mse(mse)) / mse))
    assert decibels <= 0.125 + 1e-9


def test_codes_survive_the_round_trip_and_order_the_errors() -> None:
    errors = [unpack_mse(code) for code in range(256)]
    assert [pack_mse(error) for error in errors] == list(range(256))
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("mse", [-1e-9, math.nan, math.inf, -math.inf])
def test_impossible_errors_are_refused(mse: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        pack_mse(mse)


@pytest.mark.parametrize("code", [-1, 256])
def test_codes_outside_a_byte_are_refused(code: int) -> None:
    with pytest.raises(ValueError, match="byte"):
        unpack_mse(code)
