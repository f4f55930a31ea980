"""What is wrong with a spec by itself: one that is not what its class says would end every search that meets it."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from typing import Any

from gcodec._claims import kind_of
from gcodec.errors import InvalidOption
from gcodec.options import RESERVED, Option, check_options
from gcodec.plugin import (
    AdapterSpec,
    ChannelSpec,
    Codes,
    EmbeddingSpec,
    MetricSpec,
    ModelSpec,
    NetworkSpec,
    Place,
    Profile,
    ReconstructorSpec,
    SignalSpec,
    Spec,
)

__all__ = ["flaw_of", "short"]

#: Fields of any spec that are text, and those that may be None besides.
_TEXT = frozenset(
    (
        *("name", "summary", "implementation", "title", "unit", "folder", "digest", "licence"),
        *("source", "target", "package", "available"),
    )
)
_TEXT_OR_NONE = frozenset(("model", "finder"))

#: What a name may be: it stands on command lines, in lists with commas, and in tables.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def flaw_of(spec: Spec) -> str:
    """Return what is wrong with a spec by itself in one line, or ""."""
    try:
        return _flaw(spec)
    except Exception as error:
        return f"a {type(spec).__name__} that cannot be read: {type(error).__name__}: {error}"


def _flaw(spec: Spec) -> str:
    kind = kind_of(spec)
    for field in ("name", "implementation"):
        if getattr(spec, field, "x") == "":
            return f"{kind} without {field}"
    if flaw := _field_flaw(spec, kind):
        return flaw
    if isinstance(spec, (EmbeddingSpec, ReconstructorSpec, ChannelSpec)):
        # Options of channels stand in the value of another option, not on the command line.
        owned = frozenset[str]() if kind == "channel" else RESERVED
        flaw = _option_flaw(spec.options, f"of {kind} '{spec.name}'", owned)
        if flaw:
            return flaw
    if not _readable(spec):
        what = "has types, a cost, a place or graphs that are none"
        return f"{kind} '{spec.name}' {what}; see gcodec.plugin.{type(spec).__name__}"
    if isinstance(spec, SignalSpec):
        from gcodec.signals import KINDS, kind_and_space

        if spec.name not in KINDS and ("/" not in spec.name or kind_and_space(spec.name)[1]):
            return f"signal '{spec.name}' is not called vendor/kind, or after a kind of the core"
    if isinstance(spec, EmbeddingSpec) and (spec.id is None or spec.package):
        import gcodec_formats as gcx
        from gcodec_formats import registry as numbers

        name = spec.name if spec.id is None else None
        package: dict[int, object] = {numbers.PACKAGE: spec.package} if spec.package else {}
        try:
            identity = gcx.Identity(id=spec.id, name=name, profile=1)
            header = gcx.Header(identity, gcx.Size(1, 1), package)
            gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"")]))
        except (gcx.FormatError, ValueError) as error:
            return str(error)
    if isinstance(spec, ChannelSpec):
        import gcodec_formats as gcx

        try:
            if spec.id is None:
                gcx.check_name(spec.name, kind)
        except gcx.FormatError as error:
            return str(error)
        if spec.id is not None and gcx.registry.channel(spec.id) is None:
            return f"channel number {spec.id} is registered to nobody; leave it out, and the name travels"
    return ""


def _readable(spec: Spec) -> bool:
    """Whether what is read of a spec to find paths is what it should be: one that is not would end every search."""
    if isinstance(spec, EmbeddingSpec):
        return _texts(spec.makes) and spec.one_of in range(len(spec.makes) + 1)
    if isinstance(spec, ReconstructorSpec):
        return isinstance(spec.needs, tuple) and all(map(_texts, (*spec.needs, spec.uses)))
    if isinstance(spec, AdapterSpec):
        texts = (spec.source, spec.target, spec.model or "-", spec.implementation, spec.summary)
        return _texts(texts) and isinstance(spec.cost, int | float) and 1 <= spec.cost < math.inf
    if isinstance(spec, ModelSpec):
        place: Any = spec.place
        pairs = isinstance(spec.graphs, tuple) and all(len(p) == 2 for p in spec.graphs)
        if not pairs or not all(map(_texts, spec.graphs)):
            return False
        return place is None or (
            isinstance(place, Place)
            and _texts((place.space, place.autoencoder, place.denoiser or "-"))
            and isinstance(place.codebooks, tuple)
            and all(isinstance(c, Codes) and _texts((c.name, c.model)) for c in place.codebooks)
        )
    return True


def _texts(values: object) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)


def _option_flaw(options: object, whose: str, owned: frozenset[str]) -> str:
    """Return what is wrong with the options of a spec, none of which is called as one of those `owned`, or ""."""
    if not isinstance(options, tuple) or not all(isinstance(option, Option) for option in options):
        return f"options {whose} are no tuple of Option"
    for option in options:
        if not (isinstance(option.name, str) and option.name.isidentifier()):
            return f"an option {whose} is called {short(option.name)}, which is no name"
        if option.name in owned:
            return f"option '{option.name}' {whose} is the command line's own; call it otherwise"
        if option.type not in (bool, int, float, str):
            return f"option '{option.name}' {whose} is of {short(option.type)}, not bool, int, float or str"
        try:
            check_options(whose, (option,), {option.name: option.default})
        except InvalidOption as error:
            return f"option '{option.name}' {whose} is {error.value!r} by default; it must be {error.expected}"
        except Exception as error:
            return f"option '{option.name}' {whose} has bounds that are none: {error}"
    names = [option.name for option in options]
    if len(set(names)) < len(names):
        return f"two options {whose} have one name"
    return ""


def _field_flaw(spec: Spec, kind: str) -> str:
    """Return which field is not of its type, or ""."""
    for field in fields(spec):
        value = getattr(spec, field.name)
        due = field.name in _TEXT or (field.name in _TEXT_OR_NONE and value is not None)
        if due and not isinstance(value, str):
            return f"{kind} {short(spec.name)}: its {field.name} is {short(value)}, not text"
    if not _NAME.fullmatch(spec.name) or spec.name == "all":
        return (
            f"{kind} {short(spec.name)} has no name that can be typed: letters, digits and . _ - /"
        )
    if isinstance(spec, EmbeddingSpec):
        return _embedding_flaw(spec)
    if isinstance(spec, NetworkSpec):
        known = ("space", "denoiser", "codebook", "captioner", "other")
        fits = isinstance(spec.place, str | None) and isinstance(spec.half, bool)
        if spec.kind not in known or not fits:
            return f"network '{spec.name}': its kind is one of {', '.join(known)}, its place a path or None, half a bool"
    if isinstance(spec, MetricSpec) and not (
        isinstance(spec.rises, bool) and _whole(spec.decimals, 0, 12)
    ):
        return f"metric '{spec.name}': rises is true or false, decimals 0 to 12"
    return ""


def _embedding_flaw(spec: EmbeddingSpec) -> str:
    from gcodec_formats import registry as numbers

    whose = f"embedding '{spec.name}'"
    if spec.id is not None:
        if not _whole(spec.id, 1, 254):
            return f"{whose}: its number is {short(spec.id)}, not 1 to 254"
        if numbers.embedding(spec.id) is None and spec.id not in numbers.PRIVATE:
            return f"{whose}: number {spec.id} is registered to nobody; leave it out, and the name travels"
    if not _whole(spec.levels, 2, 1 << 20):
        return f"{whose}: its levels are {short(spec.levels)}, not a whole number from 2 on"
    if not isinstance(spec.quality, int | float) or not 0 <= spec.quality <= 1:
        return f"{whose}: its quality is {short(spec.quality)}, not a number from 0 to 1"
    law = spec.spread
    if not isinstance(law, tuple) or len(law) not in (0, 10) or not all(map(_finite, law)):
        return f"{whose}: its spread is {short(law)}, not ten numbers or none"
    if not isinstance(spec.profiles, tuple) or not all(
        isinstance(p, Profile) and _whole(p.id, 1, 255) and isinstance(p.model, str | None)
        for p in spec.profiles
    ):
        return f"{whose}: its profiles are no tuple of Profile, each a number from 1 to 255 and a digest or None"
    if spec.parse_class not in ("A", "B", "C") or not isinstance(spec.progressive, bool):
        return f"{whose}: parse_class is A, B or C, progressive true or false"
    return ""


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
