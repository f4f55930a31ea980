"""``gcodec new-plugin``: what it writes installs, is listed, codes pictures and passes its own tests."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import support

from gcodec.cli import cli
from gcodec.cli._new_plugin import _KINDS
from gcodec.errors import OutputError, UnusablePlugin, UsageError
from gcodec.registry import Registry
from gcodec.testing import pictures

#: A vendor with a sign in it, and a name of two words: distribution, package, class and name differ in all of them.
VENDOR, NAME = "acme-labs", "wave_let"

#: What is offered under which name, by the kind that was asked for.
OFFERS = {
    kind: {(kind, f"{VENDOR}/{NAME}_{kind}")}
    for kind in _KINDS
    if kind not in ("command", "network")
}
OFFERS["command"] = {("command", "wave-let-command")}
OFFERS["network"] = {
    *(("network", f"AcmeLabsWaveLetNetwork{part}") for part in ("Denoiser", "Space")),
    ("model", f"{VENDOR}/{NAME}_network"),
}
OFFERS["trainer"] |= {(kind, f"{VENDOR}/{NAME}_trainer") for kind in ("model", "reconstructor")}
OFFERS["signal"] |= {
    ("reconstructor", f"{VENDOR}/{NAME}_signal"),
    ("adapter", f"{VENDOR}/{NAME}_signal"),
}

#: Makes a wheel of each folder, in one process.
BUILD = """
import os, sys
from hatchling.build import build_wheel
target, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    build_wheel(target)
"""


class Written(NamedTuple):
    """A distribution of each kind as `gcodec new-plugin` wrote it, and a folder where their wheels are installed."""

    folders: dict[str, Path]
    site: Path

    def project(self, kind: str) -> dict[str, Any]:
        """The table [project] of what was written."""
        text = (self.folders[kind] / "pyproject.toml").read_text("utf-8")
        table: dict[str, Any] = tomllib.loads(text)["project"]
        return table

    def point(self, kind: str) -> EntryPoint:
        """The entry point of what is installed."""
        (point,) = (
            p
            for p in support.entry_points_below(self.site)
            if p.dist is not None and p.dist.name == self.project(kind)["name"]
        )
        return point


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Written, built by the real build backend, and unpacked as an installer does."""
    pytest.importorskip("hatchling")
    place = tmp_path_factory.mktemp("written")
    folders = {kind: place / kind for kind in _KINDS}
    for kind, folder in folders.items():
        run(f"{VENDOR}/{NAME}_{kind}", "--kind", kind, "-o", str(folder))
    site = tmp_path_factory.mktemp("site")
    process(sys.executable, "-c", BUILD, site, *folders.values())
    for wheel in sorted(site.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
        wheel.unlink()
    return Written(folders, site)


def process(*words: object, cwd: Path | None = None, site: Sequence[Path] = ()) -> str:
    """Run a program that must succeed, with `site` installed; return what it printed."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=support.environment(*site),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_are_listed(written: Written) -> None:
    """Side by side: nobody takes anything from anybody."""
    output = support.succeeds(support.gcodec("plugins", "--json", site=[written.site]))
    listed = {plugin["distribution"]: plugin for plugin in json.loads(output)}
    for kind in _KINDS:
        found = listed[written.project(kind)["name"]]
        assert found["error"] is None and found["warning"] is None
        assert {(offer["kind"], offer["name"]) for offer in found["offers"]} == OFFERS[kind]


@pytest.mark.parametrize("kind", _KINDS)
def test_it_passes_its_own_tests(kind: str, written: Written, tmp_path: Path) -> None:
    """As it is installed, and alone, whatever else is installed here: pairs have tests of their own."""
    (tmp_path / "alone.py").write_text(
        "from gcodec.testing import ReconstructorConformance\n"
        "ReconstructorConformance.embeddings = ()\n"
    )
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "alone")
    said = process(*words, cwd=written.folders[kind], site=[tmp_path, written.site])
    assert int(said.splitlines()[-1].split()[0]) >= 3, said


def test_all_are_clean(written: Written) -> None:
    """No tool has anything to say about what was written, under the settings of this project."""
    pytest.importorskip("ruff")
    settings = Path(__file__).resolve().parents[3] / "pyproject.toml"
    for words in (("check",), ("format", "--check")):
        ruff = (sys.executable, "-m", "ruff", *words, "--no-cache", "--config", settings)
        for folder in written.folders.values():
            process(*ruff, ".", cwd=folder)


@pytest.mark.parametrize("kind", _KINDS)
def test_nothing_of_the_template_shows(kind: str, written: Written) -> None:
    project, folder = written.project(kind), written.folders[kind]
    assert project["name"] == f"gcodec-{VENDOR}-wave-let-{kind}"
    assert project["description"] == _KINDS[kind].summary
    readme = (folder / "README.md").read_text("utf-8")
    assert readme.startswith(f"# {project['name']}\n")
    for path, data in support.listing(folder).items():
        assert b"${" not in data, path
        assert not path.endswith((".txt", "about.md"))
    source = (folder / f"src/gcodec_acme_labs_{NAME}_{kind}/plugin.py").read_text("utf-8")
    # A literal: a default would follow whatever is installed.
    assert re.search(r"^GCODEC_INTERFACE = 1$", source, re.MULTILINE)


@pytest.mark.parametrize("kind", _KINDS)
def test_a_wheel_holds_all_of_it(kind: str, written: Written) -> None:
    point = written.point(kind)
    assert {point.name: point.value} == written.project(kind)["entry-points"]["gcodec"]
    package = point.value.partition(".")[0]
    inside = set(support.listing(written.folders[kind] / "src" / package))
    assert inside <= set(support.listing(written.site / package))
    assert {"py.typed", "plugin.py"} <= inside


def test_they_work_together(written: Written, tmp_path: Path) -> None:
    """The new embedding, decoded by the new reconstructors, measured by the new metric, listed by the new command."""
    embedding, metric = (f"{VENDOR}/{NAME}_{kind}" for kind in ("embedding", "metric"))
    recons = ",".join(f"{VENDOR}/{NAME}_{kind}" for kind in ("reconstructor", "signal", "trainer"))
    source = tmp_path / "photo.png"
    source.write_bytes(pictures.as_png(pictures.photograph(120, 160)))
    words = ("mix", source, "--embed", embedding, "--recon", recons, "--metrics", f"psnr,{metric}")
    said = support.succeeds(
        support.gcodec(*words, "--bpp", 1.5, "-o", tmp_path, "--json", site=[written.site])
    )
    records = json.loads(said)
    assert len(records) == 3
    for record in records:
        assert record["psnr"] > 24
        assert 0 < record[metric] < 0.3
    (file,) = tmp_path.glob("*.gcx")
    assert 0.8 * 1.5 < 8 * file.stat().st_size / (120 * 160) <= 1.5
    table = support.succeeds(support.gcodec("wave-let-command", file, site=[written.site]))
    assert embedding in table


def test_one_made_for_another_interface_is_one_line_and_the_others_work(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built against interface 1, installed under 2, beside one that was made for 2."""
    source = (
        "GCODEC_INTERFACE = 2\nfrom gcodec.plugin import CommandSpec, hookimpl\n"
        "@hookimpl\ndef gcodec_commands():\n    return [CommandSpec('later', 's', 'nowhere:command')]\n"
    )
    newer = support.install(written.site.parent / "newer", "acme-newer", {"acme_newer": source})
    points = [written.point(kind) for kind in _KINDS] + newer
    monkeypatch.setattr("gcodec._discovery.INTERFACE", 2)
    with support.importable(written.site, written.site.parent / "newer"):
        registry = Registry.discover(points)
    assert list(registry.commands) == ["later"]
    # Who asks for it reads why, not that it is missing.
    with pytest.raises(UnusablePlugin, match="made for plugin interface 1, this is 2"):
        registry.embedding(f"{VENDOR}/{NAME}_embedding")
    for plugin in registry.plugins:
        if plugin.distribution != "acme-newer":
            assert (
                plugin.error == "made for plugin interface 1, this is 2; install matching versions"
            )
            assert not plugin.specs


def test_a_name_without_vendor_gets_one(tmp_path: Path) -> None:
    """Files take no name without a vendor."""
    run("wave", "-o", str(tmp_path / "new"))
    assert 'name="local/wave"' in (tmp_path / "new/src/gcodec_local_wave/plugin.py").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Wave", "must be a Python name"),
        ("3d", "must be a Python name"),
        ("class", "must be a Python name"),
        ("with space", "must be a Python name"),
        ("acme/", "must be a Python name"),
        ("a" * 37, "must be a Python name"),
        ("v" * 21 + "/wave", "cannot be a vendor"),
        ("acme-/wave", "cannot be a vendor"),
        ("a/b/c", "cannot be a vendor"),
        ("Acme/wave", "cannot be a vendor"),
        ("/wave", "cannot be a vendor"),
    ],
)
def test_names_that_cannot_be_used(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        run(name, "-o", str(tmp_path / "new"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mix", "'mix' is registered to gcodec; take another name"),
        ("acme/eval", "'eval' is (registered to|taken:) gcodec-eval"),
        ("check_plugin", "'check-plugin' is registered to gcodec; take another name"),
    ],
)
def test_commands_that_are_taken(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        run(name, "--kind", "command", "-o", str(tmp_path / "new"))


def test_what_is_installed_is_taken(
    written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By another kind of plugin of the same name too: there is one distribution and one package of a name."""
    done = support.gcodec(
        *("new-plugin", f"{VENDOR}/{NAME}_metric", "--kind", "embedding"),
        cwd=tmp_path,
        site=[written.site],
    )
    support.fails(done, 2, "is taken: gcodec-acme-labs-wave-let-metric 0.1.0 has it")
    (tmp_path / "gcodec_acme_wave").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="a package gcodec_acme_wave is installed"):
        run("acme/wave", "-o", str(tmp_path / "new"))


def test_the_folder_is_named_after_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run("acme/wave_let")
    assert (tmp_path / "gcodec-acme-wave-let/pyproject.toml").exists()
    assert "pip install -e 'gcodec-acme-wave-let[test]'" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_what_is_there_is_left_alone(what: str, tmp_path: Path) -> None:
    there = tmp_path / "new"
    if what == "folder":
        there.mkdir()
        (there / "mine").write_text("mine")
    elif what == "file":
        there.write_text("mine")
    else:
        there.symlink_to(tmp_path / "nowhere")
    before = support.listing(tmp_path)
    with pytest.raises(OutputError, match="it exists; name another folder"):
        run("wave", "-o", str(there))
    assert support.listing(tmp_path) == before


def test_the_parent_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist; create it first"):
        run("wave", "-o", str(tmp_path / "no/new"))


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, and Ctrl-C, after some of the files have been written."""
    write_text = Path.write_text

    def failing(self: Path, text: str, encoding: str) -> int:
        if self.name == "embedding.py":
            raise failure
        return write_text(self, text, encoding)

    monkeypatch.setattr(Path, "write_text", failing)
    expected = OutputError if isinstance(failure, OSError) else click.Abort
    with pytest.raises(expected):
        run("wave", "-o", str(tmp_path / "new"))
    assert not list(tmp_path.iterdir())


def run(*words: str) -> None:
    """Run the command in this process, errors as they are."""
    cli.main(["new-plugin", *words], standalone_mode=False)
