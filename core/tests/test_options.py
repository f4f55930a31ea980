"""Options of plugins: defaults, checks, and words for what an option takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gcodec.errors import InvalidOption, UnknownOption
from gcodec.options import check_options, expected
from gcodec.plugin import Option

STEPS = Option("steps", int, 8, "steps", minimum=1, maximum=50)
SCALE = Option("scale", float, 1.5, "scale", minimum=0.0)
CAP = Option("cap", float, 1.0, "cap", maximum=2.0)
FREE = Option("free", float, 0.0, "free")
EXACT = Option("exact", bool, False, "exact")
MODE = Option("mode", str, "fast", "mode", choices=("fast", "slow"))
BITS = Option("bits", int, 8, "bits", choices=(8, 16))
NOTE = Option("note", str, "", "note")
ALL = (STEPS, SCALE, CAP, FREE, EXACT, MODE, BITS, NOTE)

ACCEPTED: list[tuple[Option, Any, Any]] = [
    (STEPS, 1, 1),
    (STEPS, 50, 50),
    (SCALE, 0.0, 0.0),
    (SCALE, 3, 3.0),  # a whole number is a number
    (SCALE, math.inf, math.inf),
    (CAP, -7.5, -7.5),
    (EXACT, True, True),
    (MODE, "slow", "slow"),
    (BITS, 16, 16),
    (NOTE, "ä\n", "ä\n"),
    # NumPy scalars are what they hold.
    (STEPS, np.int64(3), 3),
    (BITS, np.uint8(16), 16),
    (SCALE, np.float32(0.5), 0.5),
    (SCALE, np.int16(2), 2.0),
    (SCALE, np.float64(2), 2.0),
    (EXACT, np.True_, True),
    (MODE, np.str_("slow"), "slow"),
]

REFUSED: list[tuple[Option, Any, str]] = [
    (STEPS, 0, "a whole number from 1 to 50"),
    (STEPS, 51, "a whole number from 1 to 50"),
    (STEPS, 8.0, "a whole number from 1 to 50"),
    (STEPS, "8", "a whole number from 1 to 50"),
    (STEPS, True, "a whole number from 1 to 50"),
    (STEPS, None, "a whole number from 1 to 50"),
    (SCALE, -0.001, "a number, 0 or more"),
    (SCALE, math.nan, "a number, 0 or more"),
    (SCALE, True, "a number, 0 or more"),
    (CAP, 2.5, "a number, at most 2"),
    (CAP, math.nan, "a number, at most 2"),
    (FREE, "1", "a number"),
    (EXACT, 1, "true or false"),
    (EXACT, "yes", "true or false"),
    (MODE, "medium", "one of fast, slow"),
    (BITS, 12, "one of 8, 16"),
    (NOTE, b"x", "text"),
    (STEPS, np.float64(3), "a whole number from 1 to 50"),
    (STEPS, np.True_, "a whole number from 1 to 50"),
    (STEPS, np.array([3]), "a whole number from 1 to 50"),
    (SCALE, np.False_, "a number, 0 or more"),
    (SCALE, np.float32("nan"), "a number, 0 or more"),
    (EXACT, np.int64(1), "true or false"),
]


def _name(value: object) -> str:
    return value.name if isinstance(value, Option) else repr(value)


def test_without_values_every_option_has_its_default() -> None:
    assert check_options("p", ALL, {}) == {option.name: option.default for option in ALL}


@pytest.mark.parametrize(("option", "given", "value"), ACCEPTED, ids=_name)
def test_allowed_values_are_taken(option: Option, given: Any, value: Any) -> None:
    found = check_options("p", ALL, {option.name: given})
    assert found[option.name] == value
    assert type(found[option.name]) is option.type
    others = {name: v for name, v in found.items() if name != option.name}
    assert others == {o.name: o.default for o in ALL if o is not option}


@pytest.mark.parametrize(("option", "given", "words"), REFUSED, ids=_name)
def test_other_values_are_refused_with_what_is_allowed(
    option: Option, given: Any, words: str
) -> None:
    with pytest.raises(InvalidOption) as caught:
        check_options("flow", ALL, {option.name: given})
    error = caught.value
    assert (error.owner, error.option, error.expected) == ("flow", option.name, words)
    assert error.value is given
    assert expected(option) == words


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownOption) as caught:
        check_options("flow", (STEPS, MODE), {"step": 3})
    assert caught.value.known == ("steps", "mode")


def test_what_was_given_is_left_as_it_was() -> None:
    given = {"scale": 2}
    check_options("p", ALL, given)
    assert given == {"scale": 2}
    assert type(given["scale"]) is int
