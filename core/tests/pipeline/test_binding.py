"""Specs with variables: what a model in play makes of them, and of the adapters between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import support

from gcodec._discovery import Plugin
from gcodec.errors import ModelMissing, NoPath, UnknownPlugin
from gcodec.models import Model, ModelStore
from gcodec.models.networks import place_of
from gcodec.pipeline.binding import Ways, bind, ways
from gcodec.pipeline.resolver import check_pair, check_via, matrix, resolve
from gcodec.plugin import (
    AdapterSpec,
    Codes,
    EmbeddingSpec,
    ModelSpec,
    Place,
    ReconstructorSpec,
    Spec,
)
from gcodec.registry import Registry, registry

CODES = (Codes("here-16", "acme/book16"), Codes("here-32", "acme/book32"))
HERE = Place("here", "acme/space", "acme/net", CODES)
THERE = Place("there", "/there/vae", "/there")
#: With tokens that only its denoiser understands.
TOLD = replace(THERE, codebooks=(Codes("vq", "/there/book", alone=False),))


def model(name: str, place: Place | None) -> ModelSpec:
    return ModelSpec(name, "00" * 32, "nowhere:at/all", "s", "l", place)


def model_of(spec: ModelSpec) -> Model:
    return Model(spec.name, spec.digest, Path("nowhere"))


MODELS = (model("acme/net", HERE), model("acme/there", THERE), model("acme/told", TOLD))
STORE = ModelStore(MODELS)
THERE_MODEL, TOLD_MODEL = (model_of(spec) for spec in MODELS[1:])

RECONSTRUCTOR = ReconstructorSpec(
    name="x/r",
    summary="s",
    implementation="m:R",
    needs=(
        ("noisy/{space}",),
        ("latent/{space}", "text"),
        ("tokens/{codebook}", "text"),
        ("preview",),
    ),
    uses=("sketch", "tokens/{codebook}", "latent/{space}"),
    model="acme/net",
)
EMBEDDING = EmbeddingSpec(
    name="x/e",
    summary="s",
    implementation="m:E",
    makes=("tokens/{codebook}", "text"),
    one_of=1,
    parse_class="A",
    model="acme/net",
)


def test_the_specs_own_model_is_a_binding_like_any_other() -> None:
    """Its place is what its spec says; nothing of the model is read, which lies nowhere."""
    bound = bind(RECONSTRUCTOR, None, STORE)
    assert bound.place == HERE
    assert bound.spec.needs == (
        ("noisy/here",),
        ("latent/here", "text"),
        ("tokens/here-16", "text"),
        ("tokens/here-32", "text"),
        ("preview",),
    )
    assert bound.spec.uses == ("sketch", "tokens/here-16", "tokens/here-32", "latent/here")
    assert replace(bound.spec, needs=RECONSTRUCTOR.needs, uses=RECONSTRUCTOR.uses) == RECONSTRUCTOR
    assert bind(RECONSTRUCTOR, model_of(MODELS[0]), STORE) == bound


def test_a_place_without_a_codebook_has_no_tokens() -> None:
    bound = bind(RECONSTRUCTOR, THERE_MODEL, STORE).spec
    assert bound.needs == (("noisy/there",), ("latent/there", "text"), ("preview",))
    assert bound.uses == ("sketch", "latent/there")


def test_of_several_codebooks_a_file_is_in_one() -> None:
    here, told = (bind(EMBEDDING, m, STORE).spec for m in (None, TOLD_MODEL))
    assert here.contents == (("tokens/here-16", "text"), ("tokens/here-32", "text"))
    assert told.contents == (("tokens/vq", "text"),)
    assert bind(EMBEDDING, THERE_MODEL, STORE).spec.contents == (("text",),)


def test_a_spec_without_variables_stays_what_it_is_wherever_it_is_used() -> None:
    """And no model is looked for: that of this one is nowhere."""
    plain = replace(
        RECONSTRUCTOR, needs=(("preview",), ("latent/fixed",)), uses=(), model="no/such"
    )
    assert bind(plain, None, STORE).spec is plain
    assert bind(plain, THERE_MODEL, STORE).spec is plain


def test_a_model_of_no_known_place_leaves_specs_where_they_are(tmp_path: Path) -> None:
    lost = Model("lost", "11" * 32, tmp_path)
    assert bind(RECONSTRUCTOR, lost, STORE) == bind(RECONSTRUCTOR, None, STORE)


def test_without_its_model_a_spec_with_variables_says_which_is_missing() -> None:
    homeless = replace(RECONSTRUCTOR, model="acme/missing")
    with pytest.raises(ModelMissing, match="acme/missing is not installed"):
        bind(homeless, None, STORE)
    (row,) = matrix(support.registry_of(replace(EMBEDDING, makes=("text",)), homeless))
    assert row.path is None and "acme/missing is not installed" in row.reason


def test_variables_without_any_model_lead_nowhere() -> None:
    """Two specs that name no model have no space in common, though they write it alike."""
    makes, needs = ("latent/{space}",), (("latent/{space}",),)
    sender = replace(EMBEDDING, makes=makes, one_of=0, model=None)
    receiver = replace(RECONSTRUCTOR, needs=needs, uses=(), model=None)
    (row,) = matrix(support.registry_of(sender, receiver))
    assert row.path is None and "needs latent/{space}" in row.reason


TEMPLATES = (
    AdapterSpec("x/encode", "preview", "latent/{space}", "m:a", 10, "s", "{autoencoder}"),
    AdapterSpec("x/decode", "latent/{space}", "preview", "m:b", 20, "s", "{autoencoder}"),
    AdapterSpec("x/denoise", "noisy/{space}", "preview", "m:c", 30, "s", "{denoiser}"),
    AdapterSpec("x/noise", "preview", "noisy/{space}", "m:d", 10, "s", "{denoiser}"),
    AdapterSpec("x/dequantize", "tokens/{codebook}", "preview", "m:e", 40, "s", "{codebook}"),
    AdapterSpec("x/imagine", "tokens/{codebook}", "preview", "m:f", 50, "s", "{denoiser}"),
    AdapterSpec("x/edges", "preview", "sketch", "m:g", 5, "s"),
)


def led(*models: ModelSpec) -> set[tuple[str, str, str, str | None]]:
    """What leads from where to where by which model, where these models are installed."""
    found = ways(support.registry_of(*TEMPLATES, *models)).adapters
    assert len(set(found)) == len(found)
    return {(a.name[2:], a.source, a.target, a.model) for a in found}


EDGES = ("edges", "preview", "sketch", None)


def test_adapters_are_there_for_every_place_in_play_and_for_no_other() -> None:
    assert led() == {EDGES}
    assert led(model("acme/there", THERE)) == {
        EDGES,
        ("encode", "preview", "latent/there", "/there/vae"),
        ("decode", "latent/there", "preview", "/there/vae"),
        ("denoise", "noisy/there", "preview", "/there"),
        ("noise", "preview", "noisy/there", "/there"),
    }


def test_without_a_denoiser_there_is_no_way_in_or_out_of_noise() -> None:
    alone = led(model("acme/vae", replace(TOLD, denoiser=None)))
    assert {name for name, *_ in alone} == {"edges", "encode", "decode"}


def test_each_codebook_has_its_adapters_unless_its_tokens_say_nothing_alone() -> None:
    here, told = led(model("acme/net", HERE)), led(model("acme/told", TOLD))
    assert {row for row in here | told if row[1].startswith("tokens/")} == {
        ("dequantize", "tokens/here-16", "preview", "acme/book16"),
        ("dequantize", "tokens/here-32", "preview", "acme/book32"),
        ("imagine", "tokens/here-16", "preview", "acme/net"),
        ("imagine", "tokens/here-32", "preview", "acme/net"),
        ("imagine", "tokens/vq", "preview", "/there"),
    }


def test_from_one_space_to_another_by_way_of_a_preview() -> None:
    only = replace(RECONSTRUCTOR, needs=(("noisy/{space}",),), uses=())
    installed = support.registry_of(*TEMPLATES, only, *MODELS)
    receiver = bind(only, THERE_MODEL, STORE)
    path = resolve(["noisy/here"], receiver.spec, ways(installed, receiver))
    assert path is not None
    assert path.explain() == (
        "noisy/here -> preview by x/denoise (30), preview -> noisy/there by x/noise (10); noisy/there"
    )


def test_of_two_denoisers_in_a_space_the_files_own_counts_before_the_reconstructors() -> None:
    """And that before whatever is installed."""
    other, third = replace(HERE, denoiser="acme/other"), replace(HERE, denoiser="acme/third")
    models = (*MODELS, model("acme/other", other), model("acme/third", third))
    store = ModelStore(models)
    installed = support.registry_of(*TEMPLATES, RECONSTRUCTOR, EMBEDDING, *models)
    sender = bind(EMBEDDING, model_of(models[-2]), store)
    receiver = bind(RECONSTRUCTOR, model_of(models[-1]), store)
    faithful = replace(RECONSTRUCTOR, needs=(("preview",),), uses=())

    def taken(found: Ways) -> str | None:
        path = resolve(["noisy/here"], faithful, found)
        assert path is not None
        return path.adapters[0].model

    assert taken(ways(installed, sender, receiver)) == "acme/other"
    assert taken(ways(installed, receiver)) == "acme/third"
    assert taken(ways(installed)) == "acme/net"


def installation(**plugins: tuple[Spec, ...]) -> Registry:
    """The registry of an installation with these distributions."""
    return Registry(tuple(Plugin(name, name, "1.0", specs) for name, specs in plugins.items()))


SHORTCUT = AdapterSpec("shady/short", "preview", "sketch", "m:short", 1, "s")
EDGES_OF_GCODEC = AdapterSpec("edges", "preview", "sketch", "m:edges", 20, "s")
SENDER = replace(EMBEDDING, name="jpeg", makes=("preview",), one_of=0, model=None)
RECEIVER = replace(RECONSTRUCTOR, name="controlnet", needs=(("sketch",),), uses=(), model=None)


def test_a_strangers_adapter_reroutes_nobody_however_cheap_it_is() -> None:
    installed = installation(gcodec=(EDGES_OF_GCODEC, SENDER, RECEIVER), shady=(SHORTCUT,))
    (path,) = check_pair(SENDER, RECEIVER, installed)
    assert path.explain() == "preview -> sketch by edges (20); sketch"
    (row,) = matrix(installed)
    assert row.path == path


def test_the_user_may_prefer_it() -> None:
    installed = installation(gcodec=(EDGES_OF_GCODEC, SENDER, RECEIVER), shady=(SHORTCUT,))
    (path,) = check_pair(SENDER, RECEIVER, installed, via="shady/short")
    assert path.explain() == "preview -> sketch by shady/short (1); sketch"
    (path,) = check_pair(SENDER, RECEIVER, installed, via="edges")
    assert path.adapters == (EDGES_OF_GCODEC,)
    with pytest.raises(UnknownPlugin, match="no installed adapter is called 'shady/shorts'"):
        check_pair(SENDER, RECEIVER, installed, via="shady/shorts")
    plain = replace(RECEIVER, name="plain", needs=(("preview",),))
    with pytest.raises(NoPath, match="'shady/short' leads nowhere between 'jpeg' and 'plain'"):
        check_pair(SENDER, plain, installed, via="shady/short")
    check_via(RECEIVER, installed, "shady/short")
    with pytest.raises(NoPath, match="'shady/short' leads nowhere on the way to 'plain'"):
        check_via(plain, installed, "shady/short")


def test_it_serves_the_embedding_and_the_reconstructor_that_it_comes_with() -> None:
    own_sender, own_receiver = replace(SENDER, name="shady/e"), replace(RECEIVER, name="shady/r")
    installed = installation(
        gcodec=(EDGES_OF_GCODEC, SENDER, RECEIVER), shady=(SHORTCUT, own_sender, own_receiver)
    )
    for sender, receiver in ((own_sender, RECEIVER), (SENDER, own_receiver)):
        assert [path.adapters for path in check_pair(sender, receiver, installed)] == [(SHORTCUT,)]
    (path,) = check_pair(SENDER, RECEIVER, installed)
    assert path.adapters == (EDGES_OF_GCODEC,)


def test_where_nothing_else_leads_it_serves_everybody() -> None:
    """As little of strangers as there must be, even where more of them would be cheaper."""
    last = AdapterSpec("far/last", "sketch", "latent/far", "m:last", 1, "s")
    needy = replace(RECEIVER, name="needy", needs=(("latent/far",),))
    installed = installation(
        gcodec=(EDGES_OF_GCODEC, SENDER, needy), shady=(SHORTCUT,), far=(last,)
    )
    (path,) = check_pair(SENDER, needy, installed)
    assert path.adapters == (EDGES_OF_GCODEC, last)


@pytest.mark.parametrize("name", ["base/autoencoder", "base/denoiser", "base/ldm", "base/diffc"])
def test_what_installed_models_say_of_their_place_is_what_their_folders_say(name: str) -> None:
    for package in ("gcodec_base", "gcodec_diffusers", "gcodec_diffc", "gcodec_ldm"):
        pytest.importorskip(package)
    store = ModelStore.installed()
    found, said = store.find(name), registry().models[name].place
    assert said is not None and place_of(found, store) == said
    mute = replace(store, specs=tuple(replace(spec, place=None) for spec in store.specs))
    assert place_of(found, mute) == said


@pytest.mark.parametrize("name", ["base/ntc", "base/flow", "base/codebook16"])
def test_some_models_live_nowhere(name: str) -> None:
    pytest.importorskip("gcodec_base")
    store = ModelStore.installed()
    assert place_of(store.find(name), store) is None
