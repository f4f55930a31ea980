"""``gcodec new-plugin``: what it writes installs, is listed, codes pictures and passes its own tests."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import support

from gcodec.cli import cli
from gcodec.errors import OutputError, UsageError
from gcodec.testing import pictures

NAMES = {"embedding": "acme/wave_let", "reconstructor": "unsharp"}


class Written(NamedTuple):
    """A distribution that `gcodec new-plugin` wrote, and the folder where it is installed."""

    folder: Path
    metadata: dict[str, Any]
    site: Path


def write(folder: Path, name: str, kind: str) -> dict[str, Any]:
    """Run the command in a process of its own; return the pyproject.toml that it wrote."""
    support.succeeds(support.gcodec("new-plugin", name, "--kind", kind, "-o", folder))
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module", params=list(NAMES))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A new distribution, and beside it what an installer would make of its metadata."""
    place = tmp_path_factory.mktemp(request.param)
    folder, site = place / "plugin", place / "site"
    metadata = write(folder, NAMES[request.param], request.param)
    project = metadata["project"]
    support.install(
        site,
        project["name"],
        {},
        points=project["entry-points"]["gcodec"],
        version=project["version"],
    )
    return Written(folder, metadata, site)


def test_it_is_listed(written: Written) -> None:
    output = support.succeeds(support.gcodec("plugins", "--json", site=places(written)))
    (found,) = (p for p in json.loads(output) if p["distribution"] == project(written)["name"])
    (offer,) = found["offers"]
    assert found["error"] is None and found["warning"] is None
    assert offer["name"] == NAMES[offer["kind"]]
    assert offer["summary"] == project(written)["description"]


def test_it_passes_its_own_tests(written: Written, tmp_path: Path) -> None:
    """Alone, whatever else is installed here: pairs have tests of their own."""
    (tmp_path / "alone.py").write_text(
        "from gcodec.testing import ReconstructorConformance\n"
        "ReconstructorConformance.embeddings = ()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "alone"],
        cwd=written.folder,
        env=support.environment(tmp_path, *places(written)),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.splitlines()[-1].split()[0]) >= 10, done.stdout


def test_it_is_clean(written: Written) -> None:
    """No tool has anything to say about what was written, under the settings of this project."""
    pytest.importorskip("ruff")
    settings = Path(__file__).resolve().parents[3] / "pyproject.toml"
    for words in (("check",), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "--config", settings, "."],
            cwd=written.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_the_template_shows(written: Written) -> None:
    for path, data in support.listing(written.folder).items():
        assert b"${" not in data, path
        assert not path.endswith(".txt")
    assert (
        (written.folder / "README.md")
        .read_text("utf-8")
        .startswith(f"# {project(written)['name']}\n")
    )


def test_an_installer_takes_it(written: Written, tmp_path: Path) -> None:
    """The real build backend makes a wheel with the package and its entry point."""
    pytest.importorskip("hatchling")
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", tmp_path]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-cache-dir", *words, written.folder],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (point,) = support.entry_points_below(tmp_path)
    assert {point.name: point.value} == project(written)["entry-points"]["gcodec"]
    installed = tmp_path / point.value.partition(".")[0]
    assert (installed / "py.typed").exists()
    assert (installed / "plugin.py").exists()


def test_both_code_a_photograph_together(tmp_path: Path) -> None:
    """The new embedding's file, decoded by the new reconstructor: bytes within the target, and a picture like it."""
    site = tmp_path / "site"
    for kind, name in NAMES.items():
        project = write(tmp_path / kind, name, kind)["project"]
        support.install(site, project["name"], {}, points=project["entry-points"]["gcodec"])
    folders = [site, *(tmp_path / kind / "src" for kind in NAMES)]
    source, file, out = (tmp_path / n for n in ("photo.png", "photo.gcx", "out.png"))
    original = pictures.photograph(120, 160)
    source.write_bytes(pictures.as_png(original))
    encode = ("encode", source, "-o", file, "--embed", NAMES["embedding"], "--effort", 9)
    support.succeeds(support.gcodec(*encode, "--bpp", 1.5, site=folders))
    decode = ("decode", file, "-o", out, "--recon", NAMES["reconstructor"], "--strength", 0.5)
    support.succeeds(support.gcodec(*decode, site=folders))
    assert 0.8 * 1.5 < 8 * file.stat().st_size / (120 * 160) <= 1.5

    from gcodec import load_image
    from gcodec_eval import metrics

    decoded = load_image(out).pixels
    assert metrics.psnr(pictures.as_picture(original).pixels, decoded) > 28


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Wave", "must be a Python name"),
        ("3d", "must be a Python name"),
        ("class", "must be a Python name"),
        ("with space", "must be a Python name"),
        ("acme/", "must be a Python name"),
        ("a" * 41, "must be a Python name"),
        ("a/b/c", "cannot be a vendor"),
        ("Acme/wave", "cannot be a vendor"),
        ("/wave", "cannot be a vendor"),
        ("preview", "gcodec"),
        ("jpeg", "gcodec-classic"),
        ("acme/webp", "registered to gcodec-classic"),
        ("dps", "registered to gcodec-posterior"),
        ("formats", "gcodec_formats is installed"),
    ],
)
def test_names_that_cannot_be_used(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        run(name, "-o", str(tmp_path / "new"))
    assert not list(tmp_path.iterdir())


def test_an_embedding_without_vendor_gets_one(tmp_path: Path) -> None:
    """Its name travels in files, which take no name without a vendor."""
    run("wave", "-o", str(tmp_path / "new"))
    assert 'name="local/wave"' in (tmp_path / "new/src/gcodec_wave/plugin.py").read_text("utf-8")


def test_the_folder_is_named_after_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run("acme/wave_let")
    assert (tmp_path / "gcodec-wave-let/pyproject.toml").exists()
    assert "pip install -e 'gcodec-wave-let[test]'" in capsys.readouterr().out


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


def project(written: Written) -> dict[str, Any]:
    table: dict[str, Any] = written.metadata["project"]
    return table


def places(written: Written) -> list[Path]:
    return [written.site, written.folder / "src"]
