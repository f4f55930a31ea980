"""What installed plugins say of themselves is what the registry of numbers says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gcodec.cli import _COMMANDS
from gcodec.registry import kind_of, registry
from gcodec_formats import registry as numbers
from gcodec_formats.names import NAMES

if TYPE_CHECKING:
    from gcodec.plugin import EmbeddingSpec

EMBEDDINGS = [spec for spec in registry().embeddings.values() if spec.id in range(1, 192)]


@pytest.mark.parametrize("spec", EMBEDDINGS, ids=lambda spec: spec.name)
def test_name_number_and_profiles_are_the_registered_ones(spec: EmbeddingSpec) -> None:
    row = numbers.embedding(spec.name)
    assert row is not None and row.id == spec.id
    assert row.status == "published"
    registered, former = (
        {
            p.profile: p.digest
            for p in numbers.PROFILES
            if p.embedding == spec.name and p.status == status
        }
        for status in ("published", "withdrawn")
    )
    assert {p.id: p.model for p in spec.profiles if not p.withdrawn} == registered
    assert {p.id: p.model for p in spec.profiles if p.withdrawn}.items() <= former.items()
    newest = [profile.id for profile in spec.profiles[-1:]]
    assert newest == sorted(registered)[-1:], "new files take the newest profile"


@pytest.mark.parametrize("spec", EMBEDDINGS, ids=lambda spec: spec.name)
def test_new_files_take_the_profile_of_the_model_that_is_installed(spec: EmbeddingSpec) -> None:
    installed = registry().models[spec.model].digest if spec.model else None
    assert [profile.model for profile in spec.profiles[-1:]] in ([installed], [])
    assert spec.profiles or not spec.model


OFFERS = [
    (kind_of(spec), spec.name, plugin.distribution)
    for plugin in registry().plugins
    for spec in plugin.specs
]


def test_every_name_that_ours_offer_is_registered_to_them() -> None:
    """A name that is not could be taken from us by whoever installs one like it."""
    lost = [offer for offer in OFFERS if numbers.owner(*offer[:2]) != offer[2]]
    assert not lost
    assert not [plugin for plugin in registry().plugins if plugin.refused or plugin.error]


def test_no_name_is_registered_that_nobody_offers() -> None:
    offered = {offer[:2] for offer in OFFERS} | {("command", name) for name in _COMMANDS}
    of_sets = {("metric", "fid"), ("metric", "kid")}
    named = {(kind, name) for kind, table in NAMES.items() for name in table}
    assert named - of_sets <= offered


def test_every_published_name_is_installed_here() -> None:
    published = {row.name for row in numbers.EMBEDDINGS if row.status == "published"}
    assert published == {spec.name for spec in EMBEDDINGS}
    reconstructors = {row.name for row in numbers.RECONSTRUCTORS if row.status == "published"}
    assert reconstructors == registry().reconstructors.keys()
