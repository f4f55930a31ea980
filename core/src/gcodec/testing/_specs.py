"""What a spec must be, checked without running what it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gcodec.models import ModelStore
from gcodec.options import check_options
from gcodec.pipeline.binding import bind, has_variables
from gcodec.plugin import (
    REALISM,
    AdapterSpec,
    ChannelSpec,
    EmbeddingSpec,
    Option,
    ReconstructorSpec,
    Spec,
)
from gcodec.registry import GROUP, Plugin, registry
from gcodec.signals import KINDS, kind_and_space

__all__ = [
    "check_adapter",
    "check_channel",
    "check_embedding",
    "check_reconstructor",
    "entry_point",
    "skip_unless_usable",
    "variations",
]


def check_embedding(spec: EmbeddingSpec) -> None:
    """Assert that everything an embedding's spec says can be true."""
    from gcodec_formats import registry as numbers

    _check_common(spec)
    if spec.id is not None and spec.id not in numbers.PRIVATE:
        row = numbers.embedding(spec.id)
        assert row is not None and row.name == spec.name, (
            f"number {spec.id} is registered to {row.name if row else 'nobody'}, not to '{spec.name}'"
        )
    assert spec.makes, "an embedding makes at least one signal"
    for name in spec.makes:
        _check_type(name)
    assert 0 <= spec.one_of <= len(spec.makes), (
        f"one_of is {spec.one_of}: it counts the first of {spec.makes}, or is 0"
    )
    assert spec.parse_class in ("A", "B", "C"), f"parse_class is {spec.parse_class!r}"
    ids = [profile.id for profile in spec.profiles]
    assert len(set(ids)) == len(ids), f"a profile appears twice: {ids}"
    for profile in spec.profiles:
        assert 1 <= profile.id <= 255, f"profile {profile.id} is not in 1..255"
        digest = profile.model
        assert digest is None or re.fullmatch("[0-9a-f]{64}", digest), (
            f"profile {profile.id} pins {digest!r}, which is no SHA-256 in lower-case hexadecimal"
        )


def check_reconstructor(spec: ReconstructorSpec) -> None:
    """Assert that everything a reconstructor's spec says can be true."""
    _check_common(spec)
    assert spec.needs, "a reconstructor needs something; `needs` lists the alternatives"
    for need in spec.needs:
        assert isinstance(need, tuple) and need, (
            f"each of `needs` is a tuple of types, not {need!r}"
        )
    own = [option for option in spec.options if option.name == REALISM.name]
    assert own in ([], [REALISM]), f"'{REALISM.name}' is gcodec.plugin.REALISM and nothing else"
    for name in (*spec.uses, *(name for need in spec.needs for name in need)):
        _check_type(name)


def check_adapter(spec: AdapterSpec) -> None:
    """Assert that everything an adapter's spec says can be true."""
    from gcodec_formats import registry as numbers

    assert "/" in spec.name or numbers.owner("adapter", spec.name), (
        f"'{spec.name}' is not registered; call it vendor/{spec.name}"
    )
    _check_summary(spec.summary)
    _check_type(spec.source)
    _check_type(spec.target)
    assert spec.source != spec.target, "an adapter leads to another type"
    assert spec.cost >= 1, f"cost is {spec.cost}; it is in milliseconds and at least 1"
    if spec.model not in ("{autoencoder}", "{denoiser}", "{codebook}"):
        _check_model(spec.model)


def check_channel(spec: ChannelSpec) -> None:
    """Assert that everything a channel's spec says can be true."""
    from gcodec_formats import registry as numbers

    _check_summary(spec.summary)
    _check_options(spec)
    row = numbers.channel(spec.id) if spec.id is not None else None
    assert spec.id is None or (row and row.name == spec.name), (
        f"number {spec.id} is registered to {row.name if row else 'nobody'}, not to '{spec.name}'"
    )
    for option in spec.options:
        values = (option.default, *option.choices)
        assert not any(":" in str(value) for value in values), (
            f"option {option.name} has a value with a colon, which separates options in a file"
        )


def skip_unless_usable(cls: type[Spec], name: str) -> None:
    """Skip the test where the spec of that name says that something is missing here."""
    import pytest

    spec = registry().table(cls).get(name)
    if spec is not None and (reason := registry().missing(spec)):
        pytest.skip(f"{name}: {reason}")


def entry_point(spec: Spec) -> EntryPoint:
    """Return the entry point whose module offers `spec`, bound or not."""
    owner: Plugin = next(
        plugin
        for plugin in registry().plugins
        if (type(spec), spec.name) in {(type(s), s.name) for s in plugin.specs}
    )
    return next(point for point in entry_points(group=GROUP) if point.name == owner.name)


def variations(options: Sequence[Option]) -> Iterator[Mapping[str, Any]]:
    """Yield settings that differ from the defaults in one option each: every choice, both bounds."""
    for option in options:
        values: Iterable[Any] = option.choices
        if option.type is bool:
            values = (False, True)
        elif not option.choices:
            bounds = (option.minimum, option.maximum)
            values = [option.type(bound) for bound in bounds if bound is not None]
        yield from ({option.name: value} for value in values if value != option.default)


def _check_common(spec: EmbeddingSpec | ReconstructorSpec) -> None:
    _check_summary(spec.summary)
    _check_model(spec.model)
    if has_variables(spec):
        assert bind(spec, None, ModelStore.installed()).place is not None, (
            f"'{spec.name}' has variables in its types and no model that gives them values: name one whose spec has a place"
        )
    _check_options(spec)


def _check_options(spec: EmbeddingSpec | ReconstructorSpec | ChannelSpec) -> None:
    names = [option.name for option in spec.options]
    assert len(set(names)) == len(names), f"an option appears twice: {names}"
    for option in spec.options:
        assert option.name.isidentifier(), f"option {option.name!r} is no Python name"
        assert option.type in (bool, int, float, str), f"option {option.name} is of {option.type}"
        assert option.help and "\n" not in option.help, f"the help of {option.name} is one line"
        assert all(type(choice) is option.type for choice in option.choices), (
            f"the choices of {option.name} are not all of {option.type.__name__}"
        )
    defaults = {option.name: option.default for option in spec.options}
    check_options(spec.name, spec.options, defaults)


def _check_summary(summary: str) -> None:
    assert summary.strip() and "\n" not in summary, f"the summary is one line, not {summary!r}"


def _check_model(model: str | None) -> None:
    known = registry().models
    assert model is None or model in known, (
        f"model {model} is not installed; there are {list(known)}"
    )


def _check_type(name: str) -> None:
    unknown = set(re.findall(r"\{(.*?)\}", name)) - {"space", "codebook"}
    assert not unknown, f"'{name}' has a variable that nothing gives a value: {unknown}"
    kind, space = kind_and_space(name)
    kinds = {**KINDS, **registry().signals}
    assert kind in kinds, f"'{name}' is no signal type; the kinds are {', '.join(kinds)}"
    if "space" in [field.name for field in kinds[kind].fields]:
        assert space, f"'{name}' must name its space: {kind}/{{space}}, or one that it is of"
    else:
        assert space is None, f"'{name}': a {kind} lives in no space"
