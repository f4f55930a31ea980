"""Specs and adapters where another model than the default is in play."""

from __future__ import annotations

from dataclasses import replace

import pytest
import support

from gcodec.models import Model, ModelStore
from gcodec.models.networks import Place
from gcodec.pipeline._places import elsewhere, furnished, made_at, placed
from gcodec.pipeline.resolver import resolve
from gcodec.plugin import AdapterSpec, EmbeddingSpec, ReconstructorSpec
from gcodec.registry import registry

THERE = Place("there", "/there/vae", "/there")

RECONSTRUCTOR = ReconstructorSpec(
    name="x/r",
    summary="s",
    implementation="m:R",
    needs=(("noisy/here",), ("latent/here", "text"), ("tokens/here-16", "text"), ("preview",)),
    uses=("sketch", "tokens/here-16", "latent/here"),
    model="acme/denoiser",
)


def test_latents_and_states_move_tokens_stay_behind() -> None:
    moved = placed(RECONSTRUCTOR, THERE)
    assert moved.needs == (("noisy/there",), ("latent/there", "text"), ("preview",))
    assert moved.uses == ("sketch", "latent/there")
    assert replace(moved, needs=RECONSTRUCTOR.needs, uses=RECONSTRUCTOR.uses) == RECONSTRUCTOR
    assert made_at(THERE, ("noisy/here", "preview", "tokens/here-16")) == (
        "noisy/there",
        "preview",
        "tokens/here-16",
    )


def test_tokens_become_those_of_the_models_own_codebook() -> None:
    """One set, however many the spec names; and what makes tokens is said to make these."""
    place = replace(THERE, codebook="/there/book", tokens="vq")
    more = replace(RECONSTRUCTOR, needs=(*RECONSTRUCTOR.needs, ("tokens/here-32", "text")))
    moved = placed(more, place)
    assert moved.needs == (
        ("noisy/there",),
        ("latent/there", "text"),
        ("tokens/vq", "text"),
        ("preview",),
    )
    assert moved.uses == ("sketch", "tokens/vq", "latent/there")
    assert made_at(place, ("tokens/here-16", "tokens/here-32", "text")) == ("tokens/vq", "text")


def test_at_home_nothing_changes() -> None:
    """Another denoiser of the same space sees its tokens too."""
    assert placed(RECONSTRUCTOR, Place("here", "a", "d")) is RECONSTRUCTOR
    assert placed(RECONSTRUCTOR, None) is RECONSTRUCTOR
    assert made_at(None, ("noisy/here",)) == ("noisy/here",)


def test_a_reconstructor_of_no_space_goes_anywhere() -> None:
    plain = replace(RECONSTRUCTOR, needs=(("preview",),), uses=())
    assert placed(plain, THERE) is plain


EVERYWHERE = (
    AdapterSpec("preview", "latent/*", "m:a", 10, "s"),
    AdapterSpec("latent/*", "preview", "m:b", 20, "s"),
    AdapterSpec("noisy/*", "preview", "m:c", 30, "s"),
    AdapterSpec("preview", "noisy/*", "m:d", 10, "s"),
    AdapterSpec("tokens/*", "preview", "m:e", 40, "s"),
)
INSTALLED = support.registry_of(
    AdapterSpec("noisy/here", "preview", "m:h", 5, "s", "acme/denoiser"), *EVERYWHERE
)


def test_adapters_for_every_space_lead_to_those_in_play_and_no_others() -> None:
    assert resolve(["preview"], placed(RECONSTRUCTOR, THERE), INSTALLED.adapters).feeds == (  # type: ignore[union-attr]
        "preview",
    )
    made = furnished(INSTALLED, [THERE, None, THERE]).adapters[1:]
    assert [(a.source, a.target, a.model) for a in made] == [
        ("preview", "latent/there", "/there/vae"),
        ("latent/there", "preview", "/there/vae"),
        ("noisy/there", "preview", "/there"),
        ("preview", "noisy/there", "/there"),
    ]
    only = replace(RECONSTRUCTOR, needs=(("noisy/here",),), uses=())
    path = resolve(["noisy/here"], placed(only, THERE), furnished(INSTALLED, [THERE]).adapters)
    assert path is not None
    assert [a.target for a in path.adapters] == ["preview", "noisy/there"]


def test_a_space_with_adapters_of_its_own_keeps_them() -> None:
    assert furnished(INSTALLED, [Place("here", "a", "d")]) is INSTALLED


def test_without_a_denoiser_there_is_no_way_into_noise() -> None:
    made = furnished(INSTALLED, [replace(THERE, denoiser=None)]).adapters[1:]
    assert {a.target for a in made} == {"latent/there", "preview"} and len(made) == 2


def test_tokens_are_turned_into_something_by_the_denoiser_that_knows_them() -> None:
    place = replace(THERE, codebook="/there/book", tokens="vq")
    *_, last = furnished(INSTALLED, [place]).adapters
    assert (last.source, last.target, last.model) == ("tokens/vq", "preview", "/there")
    alone = furnished(INSTALLED, [replace(place, denoiser=None)]).adapters
    assert not any("tokens" in adapter.source for adapter in alone)


def test_the_default_model_is_at_home() -> None:
    """Neither by name nor by a registered profile's digest is anything looked up."""
    pytest.importorskip("gcodec_base")
    pytest.importorskip("gcodec_diffc")
    store = ModelStore.installed()
    folder = store.find("base/denoiser").folder
    known = replace(RECONSTRUCTOR, model="base/denoiser")
    assert elsewhere(known, None, store) is None
    assert elsewhere(known, store.find("base/denoiser"), store) is None
    place = elsewhere(RECONSTRUCTOR, store.find("base/denoiser"), store)
    assert place == Place("base", "base/autoencoder", "base/denoiser")
    by_folder = elsewhere(known, store.find(str(folder)), store)
    assert by_folder is not None and by_folder.space == "base"
    profile = next(iter(registry().embeddings["ddcm"].profiles))
    spec: EmbeddingSpec = registry().embeddings["ddcm"]
    assert profile.model is not None
    assert elsewhere(spec, Model("elsewhere", profile.model, folder), store) is None


@pytest.mark.parametrize("name", ["base/ntc", "base/flow", "base/codebook16"])
def test_models_of_no_known_place_leave_specs_alone(name: str) -> None:
    pytest.importorskip("gcodec_base")
    store = ModelStore.installed()
    assert elsewhere(RECONSTRUCTOR, store.find(name), store) is None
