"""The registry: every plugin loaded by itself, what is wrong with it kept, and the others untouched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import support

from gcodec import registry as registry_module
from gcodec.errors import UnknownPlugin, UnusablePlugin
from gcodec.plugin import SignalSpec
from gcodec.registry import Plugin, Registry, kind_of, load_object
from gcodec_formats import registry as numbers

GOOD = """
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec, hookimpl

GCODEC_INTERFACE = 1

@hookimpl
def gcodec_embeddings():
    return [EmbeddingSpec("acme/good", "works", "acme_good:Good", ("preview",), "A", id=200)]

@hookimpl
def gcodec_reconstructors():
    return [ReconstructorSpec("sharp", "works", "acme_good:Sharp", (("preview",),))]
"""


def embedding(name: str, interface: int = 1, **more: object) -> str:
    """Return the source of a plugin with one embedding."""
    values = {
        "name": name,
        "summary": "s",
        "implementation": "nowhere:Thing",
        "makes": ("preview",),
        "parse_class": "A",
        **more,
    }
    arguments = ", ".join(f"{key}={value!r}" for key, value in values.items())
    return (
        f"GCODEC_INTERFACE = {interface}\nfrom gcodec.plugin import *\nfrom gcodec.plugin import hookimpl\n"
        f"@hookimpl\ndef gcodec_embeddings():\n    return [EmbeddingSpec({arguments})]\n"
    )


def channel(name: str, **more: object) -> str:
    """Return the source of a plugin with one channel simulator."""
    arguments = "".join(f", {key}={value!r}" for key, value in more.items())
    return (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import *\nfrom gcodec.plugin import hookimpl\n"
        f"@hookimpl\ndef gcodec_channels():\n    return [ChannelSpec({name!r}, 's', 'x:y'{arguments})]\n"
    )


def discover(folder: Path, *sources: Mapping[str, str]) -> Registry:
    """Install a good distribution and one for each of `sources`, distribution -> module source, and look."""
    folders = []
    wanted = {"acme-good": GOOD}
    for source in sources:
        wanted |= source
    for number, (distribution, text) in enumerate(wanted.items()):
        place = folder / str(number)
        # Not the name of a module that is installed, and perhaps imported already.
        support.install(place, distribution, {f"fake_{distribution.replace('-', '_')}": text})
        folders.append(place)
    with support.importable(*folders):
        return Registry.discover(support.entry_points_below(*folders))


def plugin(registry: Registry, distribution: str) -> Plugin:
    (found,) = (p for p in registry.plugins if p.distribution == distribution)
    return found


BROKEN = {
    "import": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such"),
    "syntax": ("def f(:\n", "SyntaxError: invalid syntax"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "assertion": ("assert False, 'first line\\nsecond line'", "AssertionError: first line second"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "system": ("raise OSError(28, 'No space left on device')", "OSError: [Errno 28] No space left"),
    "other interface": (
        embedding("acme/new", interface=2),
        "made for plugin interface 2, this is 1",
    ),
    "newer field": (embedding("acme/new", colour="red"), "unexpected keyword argument 'colour'"),
    "not a list": (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import hookimpl\n@hookimpl\ndef gcodec_models(): return 7",
        "gcodec_models returned 7; return a list of ModelSpec",
    ),
    "a hook that fails": (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import hookimpl\n@hookimpl\ndef gcodec_models(): return 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "rubbish": (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import hookimpl\n@hookimpl\ndef gcodec_embeddings(): return ['ntc']",
        "gcodec_embeddings returned 'ntc' where EmbeddingSpec is due",
    ),
    "the wrong kind": (
        embedding("acme/x").replace("gcodec_embeddings", "gcodec_adapters"),
        "where AdapterSpec is due",
    ),
    "unknown hook": (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import hookimpl\n@hookimpl\ndef gcodec_embedings(): return []",
        "unknown hook 'gcodec_embedings'",
    ),
    "no number": ("x = 1", "write GCODEC_INTERFACE = 1 into its module"),
    "no hooks": ("GCODEC_INTERFACE = 1", "offers nothing: it has none of the hooks gcodec_embed"),
    "empty lists": (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import hookimpl\n@hookimpl\ndef gcodec_models(): return []",
        "offers nothing: gcodec_models returned an empty list",
    ),
    "a forgotten mark": (
        embedding("acme/x").replace("@hookimpl", ""),
        "offers nothing: gcodec_embeddings lacks the mark @gcodec.plugin.hookimpl",
    ),
    "one for a list": (
        embedding("acme/x").replace("return [", "return ").replace(")]", ")"),
        "gcodec_embeddings returned one spec; return a list of them",
    ),
    "written for another interface, whose names are gone": (
        "GCODEC_INTERFACE = 2\nfrom gcodec.plugin import NewSpec",
        "made for plugin interface 2, this is 1",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_listed_with_its_error_and_the_others_work(
    tmp_path: Path, source: str, reason: str
) -> None:
    found = discover(tmp_path, {"acme-bad": source})
    bad = plugin(found, "acme-bad")
    assert reason in bad.error
    assert "\n" not in bad.error
    assert bad.specs == ()
    assert bad.version == "1.0"
    assert not plugin(found, "acme-good").error
    assert list(found.embeddings) == ["acme/good"]
    assert list(found.reconstructors) == ["sharp"]
    assert found.embedding("acme/good").summary == "works"


def test_a_plugin_whose_module_is_missing_is_listed(tmp_path: Path) -> None:
    support.install(tmp_path, "acme-gone", {}, points={"gone": "acme_gone.plugin"})
    found = Registry.discover(support.entry_points_below(tmp_path))
    assert "No module named 'acme_gone'" in plugin(found, "acme-gone").error


def test_asking_for_a_broken_plugin_by_name_says_why_it_cannot_be_used(tmp_path: Path) -> None:
    # The registry of names knows who supplies webp.
    found = discover(tmp_path, {"gcodec-classic": "import no_such_module_at_all"})
    with pytest.raises(UnusablePlugin) as caught:
        found.embedding("webp")
    assert caught.value.name == "webp"
    assert caught.value.reason.startswith("gcodec-classic: ModuleNotFoundError")
    with pytest.raises(UnusablePlugin, match="gcodec-classic: ModuleNotFoundError"):
        found.embedding_by_id(2)


FLAWED = {
    "unnamed": (embedding(""), "embedding without name"),
    "no implementation": (
        embedding("acme/x", implementation=""),
        "embedding without implementation",
    ),
    "a name that no file can hold": (embedding("nameless"), "'nameless' is no embedding name"),
    "a registered number": (
        embedding("acme/x", id=2),
        "embedding number 2 is registered to gcodec-classic",
    ),
    "a registered name": (embedding("ntc", id=222), "embedding 'ntc' is registered to gcodec-ntc"),
    "a channel's registered number": (
        channel("acme/x", id=1),
        "channel number 1 is registered to gcodec-diffc",
    ),
    "a channel's registered name": (
        channel("trellis", id=0),
        "is registered to gcodec-diffc; take a name of your own, vendor/name",
    ),
    "a channel's number of nobody": (
        channel("acme/x", id=9),
        "channel number 9 is registered to nobody; leave it out, and the name travels",
    ),
    "a channel's name that no file can hold": (channel("x"), "'x' is no channel name"),
}


@pytest.mark.parametrize(("source", "reason"), FLAWED.values(), ids=FLAWED.keys())
def test_who_may_not_offer_a_spec_loses_that_one_alone(
    tmp_path: Path, source: str, reason: str
) -> None:
    """Whether the one whose name it is is installed or not."""
    more = (
        "\n@hookimpl\ndef gcodec_reconstructors():\n"
        "    return [ReconstructorSpec('acme/r', 's', 'x:y', (('preview',),))]\n"
    )
    found = discover(tmp_path, {"acme-bad": source + more})
    bad = plugin(found, "acme-bad")
    assert (bad.error, [s.name for s in bad.specs]) == ("", ["acme/r"])
    (refused,) = bad.refused
    assert reason in refused.reason
    assert list(found.embeddings) == ["acme/good"]
    assert list(found.reconstructors) == ["sharp", "acme/r"] or list(found.reconstructors) == [
        "acme/r",
        "sharp",
    ]


@pytest.mark.parametrize("name", ["bpp", "seed", "force", "help", "json", "source", "memory"])
def test_an_option_that_is_the_command_line_s_own_costs_the_spec(tmp_path: Path, name: str) -> None:
    """Whoever asks for it, the kit too, is told why."""
    option = f"(Option({name!r}, int, 0, 'shadows'),)"
    source = embedding("acme/x").replace("parse_class='A'", f"parse_class='A', options={option}")
    found = discover(tmp_path, {"acme-bad": source})
    reason = f"acme-bad: option '{name}' of embedding 'acme/x' is the command line's own"
    with pytest.raises(UnusablePlugin, match=reason):
        found.embedding("acme/x")
    assert list(found.embeddings) == ["acme/good"]


@pytest.mark.parametrize(
    "options",
    [
        *("None", "Option('a', int, 0, 'x')", "('effort',)", "[]"),
        *(
            "(Option('a b', int, 0, 'x'),)",
            "(Option([], int, 0, 'x'),)",
            "(Option('a', list, 0, 'x'),)",
        ),
        "(Option('a', [], 0, 'x'),)",
    ],
)
def test_options_that_are_none_cost_the_spec(tmp_path: Path, options: str) -> None:
    source = embedding("acme/x").replace("parse_class='A'", f"parse_class='A', options={options}")
    found = discover(tmp_path, {"acme-bad": source})
    with pytest.raises(UnusablePlugin, match=r"option.* of embedding 'acme/x' (is|are) "):
        found.embedding("acme/x")


def test_what_two_strangers_claim_is_neither_s_until_one_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order they are found; what else they offer stays."""
    one = embedding("acme/same")
    found = discover(tmp_path, {"zeta-one": embedding("acme/same")}, {"acme-two": one})
    for name in ("zeta-one", "acme-two"):
        (refused,) = plugin(found, name).refused
        assert "embedding 'acme/same' is claimed by" in refused.reason
        assert all(word in refused.reason for word in ("acme-two", "zeta-one", "--without"))
    assert list(found.embeddings) == ["acme/good"]
    with pytest.raises(UnusablePlugin, match="is claimed by"):
        found.embedding("acme/same")
    for look, name in ((found.embedding, "acme/none"), (found.reconstructor, "acme/same")):
        with pytest.raises(UnknownPlugin):  # nobody's claim is in the way of these
            look(name)
    for off in ("zeta-one", "Zeta_One", "fake_zeta_one", "zeta-one:acme/same"):
        monkeypatch.setenv("GCODEC_DISABLE", f"nobody, {off}")
        again = discover(tmp_path, {"zeta-one": embedding("acme/same")}, {"acme-two": one})
        assert again.distribution_of(again.embedding("acme/same")) == "acme-two"
        assert plugin(again, "zeta-one").disabled == (":" not in off), off


def test_two_embeddings_of_strangers_with_one_private_number_are_both_refused(
    tmp_path: Path,
) -> None:
    found = discover(tmp_path, {"acme-other": embedding("acme/other", id=200)})
    for name in ("acme-other", "acme-good"):
        (refused,) = plugin(found, name).refused
        assert "embedding number 200 is claimed by" in refused.reason
    assert list(found.reconstructors) == ["sharp"]


def test_one_who_offers_a_name_twice_keeps_the_first(tmp_path: Path) -> None:
    twice = embedding("acme/x").replace(")]", "), EmbeddingSpec('acme/x', 't', 'a:b', (), 'A')]")
    found = discover(tmp_path, {"acme-twice": twice})
    (refused,) = plugin(found, "acme-twice").refused
    assert refused.reason == "embedding 'acme/x' is offered twice by acme-twice"
    assert found.embedding("acme/x").summary == "s"


def test_what_is_switched_off_is_listed_and_says_so_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCODEC_DISABLE", "gcodec-classic,gcodec")
    found = discover(tmp_path, {"gcodec-classic": embedding("webp", id=2)})
    assert plugin(found, "gcodec-classic").disabled
    with pytest.raises(UnusablePlugin, match="gcodec-classic is switched off"):
        found.embedding("webp")


def test_an_embedding_and_a_reconstructor_may_share_a_name(tmp_path: Path) -> None:
    found = discover(tmp_path, {"acme-sharp": embedding("sharp", id=201)})
    assert not plugin(found, "acme-sharp").error
    assert found.embedding("sharp").id == 201


def test_a_slow_module_works_and_is_flagged(tmp_path: Path) -> None:
    source = "import time\ntime.sleep(0.15)\n" + embedding("acme/slow")
    slow = plugin(discover(tmp_path, {"acme-slow": source}), "acme-slow")
    assert not slow.error
    assert len(slow.specs) == 1
    assert slow.seconds >= 0.15
    assert slow.warning == f"takes {slow.seconds:.1f} s to import"


def test_ctrl_c_during_the_import_of_a_plugin_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        discover(tmp_path, {"acme-bad": "raise KeyboardInterrupt"})


@pytest.mark.parametrize("name", ["depth", "latent/deep", "acme/depth/deep"])
def test_a_kind_of_signals_is_called_vendor_and_kind(tmp_path: Path, name: str) -> None:
    kinds = ", ".join(f"SignalSpec({n!r}, 's', 'x:X', ())" for n in (name, "acme/height"))
    source = (
        "GCODEC_INTERFACE = 1\nfrom gcodec.plugin import SignalSpec, hookimpl\n"
        f"@hookimpl\ndef gcodec_signals():\n    return [{kinds}]\n"
    )
    found = plugin(discover(tmp_path, {"acme-signals": source}), "acme-signals")
    assert [spec.name for spec in found.specs if isinstance(spec, SignalSpec)] == ["acme/height"]
    assert [r.reason for r in found.refused] == [
        f"signal '{name}' is not called vendor/kind, or after a kind of the core"
    ]


def test_the_kind_of_every_spec_is_known(installed: Registry) -> None:
    kinds = {kind_of(spec) for plugin in installed.plugins for spec in plugin.specs}
    assert kinds == {"embedding", "reconstructor", "adapter", "signal", "metric", "trainer"}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_module_at_all:X", "ModuleNotFoundError"),
        ("sample_codecs:Nowhere", "AttributeError"),
        ("failing_implementation:X", "RuntimeError: no driver"),
        ("", "ValueError"),
    ],
)
def test_an_implementation_that_does_not_import_is_that_plugins_failure(
    tmp_path: Path, path: str, reason: str
) -> None:
    (tmp_path / "failing_implementation.py").write_text("raise RuntimeError('no\\ndriver')")
    with support.importable(tmp_path), pytest.raises(UnusablePlugin) as caught:
        load_object("acme/x", path)
    assert caught.value.name == "acme/x"
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value)


def test_the_installation_is_searched_once(installed: Registry) -> None:
    assert registry_module.registry() is registry_module.registry() is installed


def test_distributions_of_this_project_are_told_from_others() -> None:
    """Every package of the registry, and no more: it is in others that `gcodec` looks for further commands."""
    from gcodec.cli import _OURS
    from gcodec_formats.names import NAMES, PREFIXES

    packages = {row.package for row in (*numbers.EMBEDDINGS, *numbers.RECONSTRUCTORS)}
    for table in (*NAMES.values(), *PREFIXES.values()):
        packages |= set(table.values())
    packages.add("gcodec-ray")  # an engine of batch: it has nothing that is registered
    assert {package.replace("-", "_") for package in packages} == _OURS
