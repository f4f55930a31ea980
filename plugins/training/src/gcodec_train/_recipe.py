"""Recipes: TOML files read, overridden, checked against what their trainer knows, compared and written.

What a table may hold is said by the signature of a dataclass, class or function: its parameters are the keys, those
without a default must be there, **parameters take any other key, and annotations are checked (int, float, bool, str,
Literal, tuples, lists, mappings, dataclasses, unions of these; anything else passes).
"""

from __future__ import annotations

import difflib
import inspect
import json
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gcodec.errors import RecipeError

__all__ = [
    "Schema",
    "check_tables",
    "differences",
    "flatten",
    "load_recipe",
    "read_table",
    "to_toml",
]

T = TypeVar("T")
#: What says which keys a table has; "... | None" where the table may be left out.
Schema = Callable[..., Any] | types.UnionType

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}


def load_recipe(path: Path, settings: Sequence[str] = ()) -> dict[str, Any]:
    """Return the recipe in a file, with `settings` ("plan.steps=200", the value in TOML) put over it.

    Only its outermost level is checked here: `task`, `seed`, the table `[plan]`, and tables besides. Raises RecipeError.
    """
    try:
        recipe = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(path, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(path, f"is not TOML: {error}") from error
    for setting in settings:
        _override(recipe, setting)
    for key, kind in (("task", str), ("seed", int), ("plan", dict)):
        if key not in recipe:
            wanted = "the table [plan]" if kind is dict else f"the key '{key}'"
            raise RecipeError(path, f"{wanted} is missing; add it before the first table")
        if not isinstance(recipe[key], kind) or isinstance(recipe[key], bool):
            raise RecipeError(path, f"must be {_WORDS.get(kind, 'a table')}", key)
    if not 0 <= recipe["seed"] < 2**63:
        raise RecipeError(path, "must be from 0 to 2^63 - 1", "seed")
    for key, value in recipe.items():
        if not isinstance(value, dict) and key not in ("task", "seed"):
            raise RecipeError(path, "no such key outside the tables; it has: task, seed", key)
    return recipe


def _override(recipe: dict[str, Any], setting: str) -> None:
    """Put one "dotted.key=VALUE" over a recipe."""
    key, equals, text = setting.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or not all(names):
        raise RecipeError("--set", f"'{setting}' is not KEY=VALUE, as in plan.steps=200")
    try:
        # A line break would let one setting smuggle in another key.
        value = tomllib.loads(f"value = {text}")
        (value,) = value.values()
    except (tomllib.TOMLDecodeError, ValueError):
        hint = f"; write text as {key}='\"{text}\"'" if text.strip().isidentifier() else ""
        raise RecipeError("--set", f"{text!r} is no TOML value{hint}", key) from None
    table = recipe
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise RecipeError("--set", f"'{name}' is not a table", key)
    table[names[-1]] = value


def check_tables(
    recipe: Mapping[str, Any], tables: Mapping[str, Schema], source: str | Path
) -> None:
    """Refuse tables and keys of a recipe that its trainer does not know, and values of the wrong type.

    `tables` are all there may be; one whose parameters all have defaults, or whose schema is "... | None", may be absent.
    Dataclasses are made, for their own checks. Raises RecipeError.
    """
    for name, value in recipe.items():
        if isinstance(value, dict) and name not in tables:
            raise RecipeError(source, _unknown("table", name, tables), name)
    for name, schema in tables.items():
        if isinstance(schema, types.UnionType):
            if name not in recipe:
                continue
            (schema,) = (choice for choice in get_args(schema) if choice is not types.NoneType)
        if is_dataclass(schema):
            read_table(recipe, name, schema, source)
        else:
            _arguments(schema, recipe.get(name, {}), source, name)


def read_table(
    recipe: Mapping[str, Any], name: str, schema: Callable[..., T], source: str | Path
) -> T:
    """Return `schema` called with the table `name` of a recipe; lists become tuples where it asks for them.

    Raises RecipeError, also for a ValueError of `schema`.
    """
    arguments = _arguments(schema, recipe.get(name, {}), source, name)
    try:
        return schema(**arguments)
    except ValueError as error:
        raise RecipeError(source, str(error), name) from error


def _arguments(
    schema: Callable[..., Any], table: Any, source: str | Path, where: str
) -> dict[str, Any]:
    """Return a table as keyword arguments of `schema`, each checked."""
    if not isinstance(table, dict):
        raise RecipeError(source, "must be a table", where)
    signature = inspect.signature(schema).parameters
    parameters = {
        name: p
        for name, p in signature.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    rest = next((p.name for p in signature.values() if p.kind is p.VAR_KEYWORD), "")
    hints = _hints(schema)
    for key in table:
        if key not in parameters and not rest:
            raise RecipeError(source, _unknown("key", key, parameters), f"{where}.{key}")
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in table:
            raise RecipeError(source, f"the key '{key}' is missing", where)
    return {
        key: _convert(
            value, hints.get(key if key in parameters else rest, Any), source, f"{where}.{key}"
        )
        for key, value in table.items()
    }


def _hints(schema: Callable[..., Any]) -> dict[str, Any]:
    target = schema.__init__ if isinstance(schema, type) else schema  # type: ignore[misc]
    try:
        return get_type_hints(target)
    except (NameError, TypeError):
        # Annotations of a foreign class may name what only a type checker imports.
        return {}


def _convert(value: Any, hint: Any, source: str | Path, where: str) -> Any:
    """Return a value as `hint` asks for it. Raises RecipeError saying what is asked for."""
    origin, arguments = get_origin(hint), get_args(hint)
    wrong = RecipeError(source, f"is {value!r}; it must be {_expected(hint)}", where)
    if origin in (Union, types.UnionType):
        for choice in arguments:
            try:
                return _convert(value, choice, source, where)
            except RecipeError:
                continue
        raise wrong
    if origin is Literal:
        if value not in arguments or isinstance(value, bool):
            raise wrong
        return value
    if hint in _WORDS:
        fits = isinstance(value, (int, float) if hint is float else hint)
        # bool is an int in Python, and true steps would be nonsense.
        if not fits or (isinstance(value, bool) and hint is not bool):
            raise wrong
        return float(value) if hint is float else value
    if is_dataclass(hint) and isinstance(hint, type):
        table = value if isinstance(value, dict) else None
        if table is None:
            raise wrong
        return read_table({where: table}, where, hint, source)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise wrong
        return {k: _convert(v, arguments[1], source, f"{where}.{k}") for k, v in value.items()}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        items = _items(value, origin, arguments, wrong)
        return _maker(origin)(_convert(v, h, source, where) for v, h in items)
    return value


def _maker(origin: type) -> Callable[[Iterator[Any]], Any]:
    """Return what makes a sequence of this kind from TOML's list."""
    return list if origin is list else tuple


def _items(
    value: Any, origin: type, arguments: tuple[Any, ...], wrong: RecipeError
) -> list[tuple[Any, Any]]:
    """Return the items of a list, each with its own annotation."""
    if not isinstance(value, list):
        raise wrong
    if origin is tuple and Ellipsis not in arguments:
        if len(value) != len(arguments):
            raise wrong
        return list(zip(value, arguments, strict=True))
    return [(item, arguments[0]) for item in value]


def _expected(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _WORDS:
        return _WORDS[hint]
    if hint is types.NoneType:
        return "left out"
    if origin is Literal:
        return "one of " + ", ".join(json.dumps(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_expected(choice) for choice in arguments)
    if (isinstance(origin, type) and issubclass(origin, Mapping)) or is_dataclass(hint):
        return "a table"
    if origin is tuple and Ellipsis not in arguments:
        return f"a list of {len(arguments)}"
    return "a list"


def _unknown(kind: str, name: str, known: Mapping[str, Any]) -> str:
    similar = difflib.get_close_matches(name, known)
    hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
    return f"its trainer knows no such {kind}{hint or ' (it knows: ' + ', '.join(known) + ')'}"


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested table as one of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, str]:
    """Return the dotted keys in which two recipes differ, each with its two values in words."""
    a, b = flatten(there), flatten(here)
    return {
        key: f"{json.dumps(a[key]) if key in a else 'absent'} there,"
        f" {json.dumps(b[key]) if key in b else 'absent'} here"
        for key in sorted(a.keys() | b.keys())
        if a.get(key) != b.get(key)
    }


def to_toml(recipe: Mapping[str, Any], prefix: str = "") -> str:
    """Return a recipe as TOML: what `load_recipe` read, without comments. Keys are those of TOML: no dots or spaces."""
    lines = [f"{k} = {_value(v)}" for k, v in recipe.items() if not isinstance(v, Mapping)]
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{prefix}{key}]", to_toml(value, f"{prefix}{key}.").rstrip("\n")]
    return "\n".join(lines).lstrip("\n") + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, float):
        return repr(value)
    # A JSON string is a TOML string, but for the surrogate pairs that its ASCII form would hold.
    return json.dumps(value, ensure_ascii=False)
