"""Options of plugins: what they are, those that many share, and their values checked, for Python and the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gcodec.errors import InvalidArgument, InvalidOption, UnknownOption

__all__ = [
    "CAPTION",
    "CAPTIONER",
    "GUIDANCE",
    "REALISM",
    "RESERVED",
    "TEXT",
    "TILE",
    "Option",
    "Values",
    "as_arguments",
    "check_kinds",
    "check_options",
    "expected",
    "read_settings",
    "steps",
    "write_settings",
]

_OWNED = """
source output o embed recon model embed_model recon_model via quality bpp bytes max_bytes target seed force json as_json
suggest digest metadata companion companions partial preview_every fidelity_map device dtype memory threads models folders
how help h folder format metrics baseline range bpp_range patch weights download jobs limit keep asked sign
tries judge trials metric report dest tars shard_size retry update shared engine address patience state together
picture_seconds apart
"""
#: What the commands that take options of plugins call their own options and arguments: no option of a plugin is called so.
RESERVED = frozenset(_OWNED.split())

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Option:
    """One option of a plugin: a command-line flag, a help line and a check in one value.

    name     as in Python; the flag is ``--name`` with dashes. A spec with a name out of `RESERVED` is refused.
    type     bool, int, float or str.
    default  used when the user says nothing; it costs no bits in a file.
    help     one line, with units.
    choices  allowed values, if they are few.
    minimum, maximum   inclusive bounds of a number.
    """

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def flag(self) -> str:
        """How the command line says it."""
        return "--" + self.name.replace("_", "-")


#: The dial of every reconstructor that draws samples: such a one lists this value, not an option of its own, among its
#: options, always returns its sample, and never sees the setting. The pipeline turns the dial (`gcodec.pipeline.stage2`).
REALISM = Option(
    "realism",
    float,
    1.0,
    "0 gives the preview (least squared error), 1 the sample, 0.5 the point half way",
    minimum=0.0,
    maximum=1.0,
)


#: Largest side of what a network sees at a time.
TILE = Option(
    "tile",
    int,
    1024,
    "largest side of a tile, in pixels; memory grows with its square",
    choices=(256, 512, 1024, 2048),
)

#: Classifier-free guidance of a sampler (`gcodec.diffusion.latents.guided`).
GUIDANCE = Option(
    "guidance",
    float,
    1.0,
    "how far to go from what the network says unconditionally to what it says given the file, and beyond;"
    " other than 1 takes twice the time",
    minimum=0.0,
    maximum=20.0,
)


TEXT = Option("text", str, "", "the caption, at most 4096 bytes of UTF-8; none unless given")

CAPTIONER = Option(
    "captioner",
    str,
    "",
    "model that writes the caption where no text is given: a folder, or OWNER/NAME that `gcodec models --fetch` fetched",
)

#: Options of every embedding that sends text (`gcodec.models.captioning`).
CAPTION = (TEXT, CAPTIONER)


def steps(default: int, maximum: int = 64) -> Option:
    """The option `steps` of a sampler."""
    return Option(
        "steps", int, default, "sampling steps; time grows with them", minimum=1, maximum=maximum
    )


def check_kinds(*kinds: type, **given: object) -> None:
    """Raise InvalidArgument for the first of a function's arguments that is of none of the `kinds`."""
    for name, value in given.items():
        if not isinstance(value, kinds):
            due = " or ".join(kind.__name__.replace("NoneType", "None") for kind in kinds)
            raise InvalidArgument(f"{name} is a {due}, not {type(value).__name__}: {value!r:.60}")


class Values(dict[str, Any]):
    """A value for each of a spec's options; `given` are the names of those that are not its defaults."""

    given: frozenset[str] = frozenset()


def check_options(owner: str, options: Sequence[Option], given: Mapping[str, Any]) -> Values:
    """Return a value for each of `options`: the one given, checked, or the default.

    A NumPy scalar is the number that it holds.
    Raises UnknownOption for a name that is none of them, InvalidOption for a value out of range.
    """
    known = {option.name: option for option in options}
    for name in given:
        if name not in known:
            raise UnknownOption(owner, name, known)
    values = Values(
        {
            name: _checked(owner, option, given[name]) if name in given else option.default
            for name, option in known.items()
        }
    )
    values.given = frozenset(given)
    return values


def read_settings(owner: str, options: Sequence[Option], words: Sequence[str]) -> dict[str, Any]:
    """Return what words like "steps=4" say, as values of the options' types; bounds are for `check_options` to check.

    Raises UnknownOption and InvalidOption.
    """
    known = {option.name: option for option in options}
    made = {}
    for word in words:
        name, _, text = word.partition("=")
        name = name.replace("-", "_")
        if name not in known:
            raise UnknownOption(owner, name, known)
        option = known[name]
        try:
            made[name] = _TRUTH[text.lower()] if option.type is bool else option.type(text)
        except (KeyError, ValueError) as error:
            raise InvalidOption(owner, name, text, expected(option)) from error
    return made


def write_settings(options: Sequence[Option], values: Mapping[str, Any]) -> list[str]:
    """Return the words that say `values` where they differ from the defaults, in the order of the options."""
    return [f"{o.name}={values[o.name]}" for o in options if values[o.name] != o.default]


def as_arguments(options: Sequence[Option], given: Mapping[str, Any]) -> list[str]:
    """Return the command line that gives these values to a plugin, for a process of its own."""
    words = []
    for option in options:
        if option.name not in given:
            continue
        value = given[option.name]
        if option.type is bool:
            words.append(option.flag if value else option.flag.replace("--", "--no-", 1))
        else:
            words += [option.flag, str(value)]
    return words


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
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
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
