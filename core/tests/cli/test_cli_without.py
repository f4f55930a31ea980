"""Plugins that are broken, refused or switched off, at the command: listed with the reason, and in nobody's way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import support
from support import fails, succeeds


def test_a_broken_plugin_beside_is_listed_and_disturbs_nobody(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    third = tmp_path / "third"
    support.install(third, "acme-broken", {"acme_broken": "import no_such_module_at_all"})
    support.install(third, "acme-exits", {"acme_exits": "raise SystemExit(0)"})
    text = succeeds(support.gcodec("plugins", site=[site, third]))
    assert "broken: acme_broken (acme-broken 1.0): ModuleNotFoundError: No module named" in text
    assert "broken: acme_exits (acme-exits 1.0): SystemExit: 0" in text
    assert "test/layered" in text
    words = ("encode", pictures / "photo.png", "-o", "new.gcx", "--embed", "tiny")
    succeeds(support.gcodec(*words, cwd=tmp_path, site=[site, third]))


LOUD = """
import pathlib
from gcodec.plugin import EmbeddingSpec, hookimpl
GCODEC_INTERFACE = 1
with pathlib.Path(HEARD).open("a") as file:
    file.write("imported\\n")
def spec(name, **more):
    return EmbeddingSpec(name, "for tests", "sample_codecs:Tiny", ("preview",), "A", **more)
@hookimpl
def gcodec_embeddings():
    return [spec("acme/loud"), spec("acme/still"), spec("webp", id=201)]
"""


@pytest.fixture
def loud(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with a plugin that offers a name of gcodec-classic's too, and the file where it says that it is imported."""
    heard = tmp_path / "heard"
    source = LOUD.replace("HEARD", repr(str(heard)))
    support.install(tmp_path / "loud", "acme-loud", {"acme_loud": source})
    return tmp_path / "loud", heard


def test_plugins_says_what_is_refused_and_what_is_switched_off(
    loud: tuple[Path, Path], site: Path
) -> None:
    def listed(*words: str) -> str:
        return succeeds(support.gcodec(*words, site=[site, loud[0]]))

    off = "acme-loud:acme/still"
    text = listed("--without", off, "--without", "under-test", "plugins")
    reason = (
        "embedding 'webp' is registered to gcodec-classic; take a name of your own, vendor/name"
    )
    assert f"refused: embedding webp (acme-loud 1.0): {reason}\n" in text
    assert "refused: embedding acme/still (acme-loud 1.0): switched off\n" in text
    assert "switched off: under-test (gcodec-under-test 1.0)\n" in text
    assert "acme/loud" in text and "test/layered" not in text
    found = json.loads(listed("--without", off, "--without", "under-test", "plugins", "--json"))
    plugins = {p["plugin"]: p for p in found}
    assert [s["name"] for s in plugins["acme_loud"]["offers"]] == ["acme/loud"]
    assert {s["name"]: s["reason"] for s in plugins["acme_loud"]["refused"]} == {
        "webp": reason,
        "acme/still": "switched off",
    }
    assert [plugins[name]["disabled"] for name in ("acme_loud", "under-test")] == [False, True]


def test_what_is_switched_off_is_imported_by_no_process(
    loud: tuple[Path, Path], pictures: Path, site: Path, tmp_path: Path
) -> None:
    folder, heard = loud
    words = ("mix", pictures / "photo.png", "--embed", "tiny", "--recon", "preview", "-o", "out")
    for before in (("--without", "acme-loud"), ("--without", "under-test:grain,acme_loud"), ()):
        done = support.gcodec(*before, *words, "--force", cwd=tmp_path, site=[site, folder])
        if "under-test:grain,acme_loud" in before:
            fails(done, 2, "nothing that can be switched off is called 'under-test:grain'")
            continue
        succeeds(done)
        processes = 0 if before else 2
        assert (heard.read_text().count("imported") if heard.exists() else 0) == processes


def test_a_name_that_is_switched_off_says_so(pictures: Path, site: Path, tmp_path: Path) -> None:
    encode = ("encode", pictures / "photo.png", "-o", "new.gcx", "--embed", "tiny")
    for name, reason in (
        ("gcodec-under-test:tiny", "gcodec-under-test: switched off"),
        ("under-test", "no installed embedding is called 'tiny'"),
    ):
        done = support.gcodec("--without", name, *encode, cwd=tmp_path, site=[site])
        fails(done, done.returncode, reason)
        assert done.returncode in (3, 4)
