"""Specs where another model than their own is in play: its latent space stands in the place of theirs.

Specs are static and name the space of their default model ("noisy/base"). A model that the user or the file names may
live in another one (`gcodec.models.networks.Place`); then the types of the spec move there, and the adapters for every space
("noisy/*") lead in and out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from gcodec.models.networks import Place, place_of
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
from gcodec.signals import Latent, Noisy, Tokens

if TYPE_CHECKING:
    from gcodec.models import Model, ModelStore
    from gcodec.plugin import AdapterSpec
    from gcodec.registry import Registry

__all__ = ["elsewhere", "furnished", "made_at", "placed"]

#: Kinds whose arrays mean nothing without the space that they name.
_IN_A_SPACE = (Latent.kind, Noisy.kind)


def elsewhere(
    spec: EmbeddingSpec | ReconstructorSpec, model: Model | None, store: ModelStore
) -> Place | None:
    """Return where signals live under `model`; None where that is the spec's own, or no place is known."""
    if model is None or model.name == spec.model:
        return None
    if isinstance(spec, EmbeddingSpec) and model.digest in [p.model for p in spec.profiles]:
        return None
    return place_of(model, store)


def made_at(place: Place | None, makes: Iterable[str]) -> tuple[str, ...]:
    """Return the types of signals that an embedding makes there, given those of its spec."""
    if place is None:
        return tuple(makes)
    return tuple(dict.fromkeys(_moved(name, place) or name for name in makes))


def placed(spec: ReconstructorSpec, place: Place | None) -> ReconstructorSpec:
    """Return the spec with its latents and noisy states in the space of `place`, and its tokens those of the codebook there.

    Where there is none, what a reconstructor took tokens for is gone with their space.
    """
    types = [*spec.uses, *(name for need in spec.needs for name in need)]
    if place is None or {_space(name) for name in types} - {None} <= {place.space}:
        return spec
    needs = ([_moved(name, place) for name in need] for need in spec.needs)
    uses = (_moved(name, place) for name in spec.uses)
    return replace(
        spec,
        needs=tuple(dict.fromkeys(tuple(n for n in need if n) for need in needs if all(need))),
        uses=tuple(dict.fromkeys(name for name in uses if name)),
    )


def furnished(installed: Registry, places: Iterable[Place | None]) -> Registry:
    """Return the registry with adapters for these places too, but where a space has its own installed."""
    own = {space for a in installed.adapters for space in map(_space, (a.source, a.target))}
    made = {
        adapter: None
        for place in places
        if place is not None and place.space not in own
        for adapter in _adapters(installed.everywhere, place)
    }
    return replace(installed, bound=tuple(made)) if made else installed


def _adapters(everywhere: Iterable[AdapterSpec], place: Place) -> Iterable[AdapterSpec]:
    for adapter in everywhere:
        source, target = (_moved(name, place) for name in (adapter.source, adapter.target))
        kinds = {_kind(adapter.source), _kind(adapter.target)}
        model = place.denoiser if kinds & {Noisy.kind, Tokens.kind} else place.autoencoder
        if source and target and model:
            yield replace(adapter, source=source, target=target, model=model)


def _moved(name: str, place: Place) -> str | None:
    """The type that takes the place of `name` there; None where nothing does."""
    if _kind(name) == Tokens.kind:
        return place.tokens and f"{Tokens.kind}/{place.tokens}"
    return name if _space(name) is None else f"{_kind(name)}/{place.space}"


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _space(name: str) -> str | None:
    kind, _, space = name.partition("/")
    return space if kind in _IN_A_SPACE else None
