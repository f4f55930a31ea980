"""What a plugin says is missing: passed over where all are meant, refused with its own line where it is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support import registry_of

from gcodec.border import needed, of_plugin
from gcodec.errors import PluginError, UnusablePlugin
from gcodec.pipeline.binding import ways
from gcodec.pipeline.resolver import matrix
from gcodec.plugin import AdapterSpec, EmbeddingSpec, ReconstructorSpec
from gcodec.registry import Registry, registry

REASON = "acme needs luck; install it with: pip install luck"


def nothing_missing() -> str:
    return ""


def luck_missing() -> str:
    return "acme needs luck;\n  install it with: pip install luck"


def unsure() -> str:
    raise OSError("no drive")


MAKER = EmbeddingSpec("acme/maker", "s", "x:X", ("preview",), "A", id=200)
TAKER = ReconstructorSpec("acme/taker", "s", "x:X", (("sketch",),))
WAY = AdapterSpec("acme/way", "preview", "sketch", "x:x", 1, "s")


def installed(**available: str) -> Registry:
    """Return the registry where maker, taker or way ask these functions of this file."""
    specs = {"maker": MAKER, "taker": TAKER, "way": WAY}
    paths = {name: f"{__name__}:{function}" for name, function in available.items()}
    return registry_of(*(replace(spec, available=paths.get(n, "")) for n, spec in specs.items()))


def test_a_function_that_finds_nothing_missing_changes_nothing() -> None:
    found = installed(maker="nothing_missing", taker="nothing_missing", way="nothing_missing")
    assert found.embedding("acme/maker") and found.embedding_by_id(200)
    (row,) = matrix(found)
    assert row.path is not None


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("luck_missing", REASON),
        ("unsure", f"asking {__name__}:unsure what is missing failed: OSError: no drive"),
    ],
)
def test_what_is_named_is_refused_with_the_reason(function: str, reason: str) -> None:
    found = installed(maker=function, taker=function)
    for ask in (
        lambda: found.embedding("acme/maker"),
        lambda: found.embedding_by_id(200),
        lambda: found.reconstructor("acme/taker"),
    ):
        with pytest.raises(UnusablePlugin) as caught:
            ask()
        assert caught.value.reason == reason
    assert "acme/maker" in found.embeddings
    assert not found.usable(EmbeddingSpec) and not found.usable(ReconstructorSpec)


@pytest.mark.parametrize("which", ["maker", "taker"])
def test_the_matrix_passes_over_what_cannot_be_used(which: str) -> None:
    assert matrix(installed(**{which: "luck_missing"})) == []


def test_no_path_leads_over_an_adapter_that_cannot_be_used() -> None:
    found = installed(way="luck_missing")
    (row,) = matrix(found)
    assert row.path is None
    with pytest.raises(UnusablePlugin, match="pip install luck"):
        ways(found, via="acme/way")


def test_a_function_that_is_not_there_is_a_reason_too() -> None:
    found = installed(maker="no_such_function")
    with pytest.raises(UnusablePlugin, match="no_such_function"):
        found.embedding("acme/maker")


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that asks for packages, of which none is there."""
    about = tmp_path / "acme-1.0.dist-info"
    about.mkdir()
    asked = "Requires-Dist: Good_Luck>=1\nRequires-Dist: more-luck[any] ; extra == 'all'\n"
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n{asked}")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("good_luck", "it needs Good_Luck, which is not installed: pip install Good_Luck"),
        ("more_luck", "it needs more-luck, which is not installed: pip install more-luck"),
        ("constriction", "it needs constriction, which is not installed: pip install constriction"),
        ("torch", 'it needs torch: pip install "gcodec[torch]"'),
        ("good_luck.part", ""),  # there, in a version without it
        ("misspelt", ""),
    ],
)
def test_a_package_that_a_distribution_asks_for_is_named(module: str, said: str) -> None:
    assert needed(ModuleNotFoundError(name=module), "acme", "nobody") == said
    assert not needed(ImportError(name=module), "acme")


def test_it_is_no_fault_of_the_plugin() -> None:
    """Whenever it is imported; of others it is."""
    spec = registry().reconstructor("preview")
    said = "'preview' cannot be used: it needs constriction"
    with pytest.raises(UnusablePlugin, match=said), of_plugin(spec):
        raise ModuleNotFoundError(name="constriction")
    with pytest.raises(PluginError, match="ModuleNotFoundError"), of_plugin(spec):
        raise ModuleNotFoundError(name="misspelt")
