"""How stage 1 and stage 2 come together: spec -> bind -> resolve -> run.

Specs have variables where a model decides. An embedding says that it makes "latent/{space}", a reconstructor that it needs
"noisy/{space}" or "tokens/{codebook}", an adapter that it leads from "preview" to "latent/{space}" and takes the model
"{autoencoder}". Nothing else knows one model from another:

spec     what a plugin says (`gcodec.plugin`).
bind     the model's place (`gcodec.plugin.Place`) gives the variables their values: under `base/denoiser` "noisy/{space}" is
         "noisy/base", under a pipeline of diffusers "noisy/kl-0123456789abcdef". A spec's own model is one binding among
         others. Where a place has several codebooks, "tokens/{codebook}" becomes several types; where it has none, what
         names one is not there.
resolve  the cheapest adapters between what is made and what is needed (`gcodec.pipeline.resolver`). It sees bound specs
         only. Adapters are bound to every place in play: that of the file's model, that of the reconstructor's, and those
         that the specs of installed models say, in this order; so whoever brings a space, and a denoiser in it, has
         adapters there.
run      `gcodec.pipeline.decoding`.

Of adapters that strangers bring see `Ways`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar, cast

from gcodec.models.networks import place_of
from gcodec.plugin import AdapterSpec, EmbeddingSpec, Place, ReconstructorSpec

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore
    from gcodec.registry import Registry

__all__ = ["Bound", "Ways", "bind", "has_variables", "ways"]

S = TypeVar("S", bound=EmbeddingSpec | ReconstructorSpec)

_VARIABLE = re.compile(r"\{\w+\}")

#: Variable -> its value, None where a place has none.
_Values: TypeAlias = Mapping[str, str | None]


@dataclass(frozen=True)
class Bound(Generic[S]):
    """A spec without variables, and the place that gave them their values; None where it had none."""

    spec: S
    place: Place | None = None


@dataclass(frozen=True)
class Ways:
    """What may lead from the one to the other.

    adapters  bound; of two that cost the same the first counts.
    foreign   names of those that only step in where nothing else leads: neither are their names registered, nor do they
              come with the embedding or with the reconstructor. So who installs a plugin finds all other pairs as they were.
    via       name of an adapter that the path must take, foreign or not.
    """

    adapters: tuple[AdapterSpec, ...] = ()
    foreign: frozenset[str] = frozenset()
    via: str | None = None


def bind(spec: S, model: Model | None, store: ModelStore) -> Bound[S]:
    """Bind a spec to the place of `model`; None: of its own model, which is not read where its spec says the place.

    A model of no known place changes nothing. What is left of a reconstructor that can have nothing of what it needs is
    what it needed, for the error. Raises ModelMissing where the spec's own model is wanted and not there, and ModelDamaged.
    """
    if not has_variables(spec):
        return Bound(spec)
    place = (place_of(model, store) if model else None) or _own_place(spec, store)
    return Bound(cast(S, _in_place(spec, place)), place)


def has_variables(spec: EmbeddingSpec | ReconstructorSpec) -> bool:
    """Whether a spec's types say other things under other models."""
    if isinstance(spec, EmbeddingSpec):
        types: Iterable[str] = spec.makes
    else:
        types = (*spec.uses, *(name for need in spec.needs for name in need))
    return any(map(_VARIABLE.search, types))


def ways(
    installed: Registry,
    *ends: Bound[EmbeddingSpec] | Bound[ReconstructorSpec],
    via: str | None = None,
) -> Ways:
    """Return what may lead between these ends: embeddings, in the order in which their places count, and a reconstructor.

    Raises UnknownPlugin or UnusablePlugin where no adapter is called `via`.
    """
    from gcodec_formats import registry as numbers

    if via is not None:
        installed.named(AdapterSpec, via)
    adapters = tuple(installed.usable(AdapterSpec).values())
    places = [end.place for end in ends] + [model.place for model in installed.models.values()]
    known = tuple(dict.fromkeys(place for place in places if place))
    beside = {installed.distribution_of(end.spec) for end in ends}
    foreign = frozenset(
        adapter.name
        for adapter in adapters
        if not numbers.owner("adapter", adapter.name)
        and installed.distribution_of(adapter) not in beside
    )
    return Ways(_adapters(adapters, known), foreign, via)


def _in_place(
    spec: EmbeddingSpec | ReconstructorSpec, place: Place | None
) -> EmbeddingSpec | ReconstructorSpec:
    if isinstance(spec, EmbeddingSpec):
        first = _each(spec.makes[: spec.one_of], place)
        rest = _each(spec.makes[spec.one_of :], place)
        return replace(spec, makes=(*first, *rest), one_of=len(first))
    needs: dict[tuple[str, ...], None] = {}
    for need, reading in product(spec.needs, _readings(place)):
        found = [_filled(name, reading.types) for name in need]
        known = tuple(name for name in found if name)
        if len(known) == len(need):
            needs[known] = None
    return replace(spec, needs=tuple(needs) or spec.needs, uses=_each(spec.uses, place))


def _own_place(spec: EmbeddingSpec | ReconstructorSpec, store: ModelStore) -> Place | None:
    said = next((model.place for model in store.specs if model.name == spec.model), None)
    return said or (place_of(store.find(spec.model), store) if spec.model else None)


@lru_cache
def _adapters(
    templates: tuple[AdapterSpec, ...], places: tuple[Place, ...]
) -> tuple[AdapterSpec, ...]:
    """Return the adapters of all places, those of the first place first."""
    made: dict[AdapterSpec, None] = {}
    for types, models in (r for place in places or (None,) for r in _readings(place)):
        for adapter in templates:
            source, target = _filled(adapter.source, types), _filled(adapter.target, types)
            model = _filled(adapter.model, models) if adapter.model else None
            if source and target and (model or not adapter.model):
                made[replace(adapter, source=source, target=target, model=model)] = None
    return tuple(made)


class _Reading(NamedTuple):
    """What variables stand for in types, and what in names of models."""

    types: _Values
    models: _Values


def _readings(place: Place | None) -> list[_Reading]:
    """Return one reading for each codebook of the place, at least one."""
    if place is None:
        return [_Reading({}, {})]
    networks = {"{autoencoder}": place.autoencoder, "{denoiser}": place.denoiser}
    space = {"{space}": place.space}
    if not place.codebooks:
        return [_Reading(space, networks)]
    return [
        _Reading(
            {**space, "{codebook}": codes.name},
            {**networks, "{codebook}": codes.model if codes.alone else None},
        )
        for codes in place.codebooks
    ]


def _each(names: Iterable[str], place: Place | None) -> tuple[str, ...]:
    """Return every type that these stand for, once."""
    found = (_filled(name, r.types) for name, r in product(names, _readings(place)))
    return tuple(dict.fromkeys(name for name in found if name))


def _filled(text: str, values: _Values) -> str | None:
    """Return a text with its variables replaced; None where one has no value."""
    for variable in _VARIABLE.findall(text):
        value = values.get(variable)
        if not value:
            return None
        text = text.replace(variable, value)
    return text
