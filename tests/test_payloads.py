"""Payloads that nobody wrote: every embedding decodes them, or refuses them in one line. See also tests/fuzz."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gcodec_formats as gcx
from gcodec.errors import UnusablePlugin

sys.path.append(str(Path(__file__).parent))

from payloads import NAMES, mutated, sound, use

EDITS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 1 << 14), st.binary(max_size=12)), max_size=4
)
SIDES = st.none() | st.tuples(st.integers(1, 40), st.integers(1, 40))


@pytest.mark.parametrize("name", NAMES)
def test_any_payload_is_decoded_or_refused(name: str) -> None:
    try:
        files = sound(name)
    except UnusablePlugin as error:
        pytest.skip(str(error))
    assert files
    for file in files:
        assert use(file.embedding, file.layers, file.size)
    answers = set()

    @settings(
        max_examples=8 if name in ("diffc", "ddcm") else 40,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(files), EDITS, SIDES)
    def whatever(file: object, edits: list[tuple[int, int, bytes]], sides: tuple[int, int]) -> None:
        assert isinstance(file, type(files[0]))
        layers = mutated(file.layers, edits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers.add(use(file.embedding, layers, gcx.Size(*sides) if sides else file.size))

    whatever()
    assert answers == {False, True}
