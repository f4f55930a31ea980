"""Whose a name is. One rule for every kind of spec, and for the registered numbers of embeddings and channels:

1. What the registry gives to a distribution (spec/REGISTRY.md) is that distribution's alone, installed or not.
2. Of two specs of one distribution with one name the first counts.
3. What two other distributions claim is neither's until the user says which, by switching one off (``--without``).

Whoever loses a name loses that one spec. Its other specs and everybody else's stay, in whatever order they are installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gcodec.plugin import SPECS, ChannelSpec, EmbeddingSpec, Spec

__all__ = ["Offer", "kind_of", "normal", "refusals"]


class Offer(NamedTuple):
    """A spec, and the distribution that offers it."""

    distribution: str
    spec: Spec


def kind_of(spec: Spec) -> str:
    """Return what a spec describes: a key of `gcodec.plugin.SPECS`."""
    return next(kind for kind, cls in SPECS.items() if type(spec) is cls)


def normal(distribution: str) -> str:
    """Return a distribution's name as installers compare it."""
    return distribution.lower().replace("_", "-").replace(".", "-")


def refusals(offers: Sequence[Offer]) -> list[str]:
    """Return for each offer why it does not count, or ""."""
    claims: dict[tuple[str, str], list[int]] = {}
    for i, offer in enumerate(offers):
        for claim in _claims(offer.spec):
            claims.setdefault(claim, []).append(i)
    reasons = [""] * len(offers)
    for (kind, name), wanted in claims.items():
        owner = _owner(kind, name)
        mine = [i for i in wanted if owner is None or normal(offers[i].distribution) == owner]
        for i in wanted:
            if i not in mine:
                reasons[i] = (
                    f"{kind} {name} is registered to {owner}; take a name of your own, vendor/name"
                )
        first: dict[str, int] = {}
        for i in mine:
            if first.setdefault(normal(offers[i].distribution), i) != i:
                reasons[i] = f"{kind} {name} is offered twice by {offers[i].distribution}"
        if len(first) > 1:
            rivals = [offers[i].distribution for i in first.values()]
            for i in first.values():
                reasons[i] = (
                    f"{kind} {name} is claimed by {_listed(rivals)}; switch all but one off: --without {rivals[-1]}, or"
                    " GCODEC_DISABLE"
                )
    return reasons


def _claims(spec: Spec) -> Iterator[tuple[str, str]]:
    """Yield what must be unique about a spec: its name, and its number."""
    kind = kind_of(spec)
    yield kind, f"'{spec.name}'"
    if isinstance(spec, (EmbeddingSpec, ChannelSpec)) and spec.id is not None:
        yield f"{kind} number", str(spec.id)


def _owner(kind: str, name: str) -> str | None:
    """Return the distribution, in its normal form, that the registry gives a name or a number to."""
    from gcodec_formats import registry as numbers

    if kind.endswith(" number"):
        row = numbers.row(kind.removesuffix(" number"), int(name))
        return normal(row.package) if row else None
    owner = numbers.owner(kind, name.strip("'"))
    return normal(owner) if owner else None


def _listed(names: Iterable[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
