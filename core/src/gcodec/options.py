"""Options of plugins: defaults filled in, values checked, in one place for Python and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gcodec.errors import InvalidOption, UnknownOption
from gcodec.plugin import Option

__all__ = ["check_options", "expected"]


def check_options(
    owner: str, options: Sequence[Option], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a value for each of `options`: the one given, checked, or the default.

    Raises UnknownOption for a name that is none of them, InvalidOption for a value out of range.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            raise UnknownOption(owner, name, known)
    return {
        name: _checked(owner, option, given[name]) if name in given else option.default
        for name, option in known.items()
    }


def expected(option: Option) -> str:
    """Describe in words what an option takes, e.g. "a whole number from 1 to 50"."""
    if option.choices:
        return "one of " + ", ".join(map(str, option.choices))
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    text = words.get(option.type, option.type.__name__)
    low, high = option.minimum, option.maximum
    if low is not None and high is not None:
        return f"{text} from {low:g} to {high:g}"
    if low is not None:
        return f"{text}, {low:g} or more"
    return f"{text}, at most {high:g}" if high is not None else text


def _checked(owner: str, option: Option, value: Any) -> Any:
    invalid = InvalidOption(owner, option.name, value, expected(option))
    if option.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    # bool is an int in Python, and True steps would be nonsense.
    if not isinstance(value, option.type) or (option.type is int and isinstance(value, bool)):
        raise invalid
    if option.choices and value not in option.choices:
        raise invalid
    low, high = option.minimum, option.maximum
    # Written so that NaN, which compares with nothing, is refused.
    if isinstance(value, (int, float)) and not (
        (low is None or value >= low) and (high is None or value <= high)
    ):
        raise invalid
    return value
