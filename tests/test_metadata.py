"""What every distribution says of itself, held to rules without building. `make dist` builds, `make try-dist` tries."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [
    path.parent
    for place in ("*/pyproject.toml", "plugins/*/pyproject.toml")
    for path in sorted(ROOT.glob(place))
]
WHOLE = {
    folder: tomllib.loads((folder / "pyproject.toml").read_text("utf-8")) for folder in FOLDERS
}
EXTRAS = {
    whole["project"]["name"]: set(whole["project"].get("optional-dependencies", {}))
    for whole in WHOLE.values()
}


def requirements(project: dict[str, Any]) -> Iterator[Requirement]:
    for line in project.get("dependencies", []):
        yield Requirement(line)
    for lines in project.get("optional-dependencies", {}).values():
        yield from map(Requirement, lines)


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_it_has_a_readme_the_licence_and_types(folder: Path) -> None:
    project = WHOLE[folder]["project"]
    assert (folder / project["readme"]).read_text("utf-8").startswith("# ")
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert project["license"].startswith("Apache-2.0")
    assert len(list(folder.glob("src/*/py.typed"))) == 1


def test_it_asks_for_the_python_and_the_builder_that_all_ask_for(folder: Path) -> None:
    assert WHOLE[folder]["project"]["requires-python"] == ">=3.11"
    assert WHOLE[folder]["build-system"]["requires"] == ["hatchling>=1.27"]


def test_its_dependencies_have_lower_bounds_only(folder: Path) -> None:
    project = WHOLE[folder]["project"]
    for wanted in requirements(project):
        assert wanted.url is None, wanted
        if wanted.name == project["name"]:  # an extra that includes another
            continue
        assert [bound.operator for bound in wanted.specifier] == [">="], wanted


def test_what_it_needs_of_ours_exists(folder: Path) -> None:
    for wanted in requirements(WHOLE[folder]["project"]):
        if wanted.name.partition("-")[0] == "gcodec":
            assert wanted.extras <= EXTRAS[wanted.name], wanted


def test_its_entry_points_import(folder: Path) -> None:
    project = WHOLE[folder]["project"]
    groups = {"scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    for group, entries in groups.items():
        for value in entries.values():
            module, _, attribute = value.partition(":")
            assert list(folder.glob(f"src/{module.replace('.', '/')}*")), value
            if group in ("numcodecs.codecs", "zarr.codecs"):
                pytest.importorskip(group.partition(".")[0])
            found = importlib.import_module(module)
            assert not attribute or hasattr(found, attribute), value


def test_make_installs_it(folder: Path) -> None:
    place = f"./{folder.relative_to(ROOT)}"
    (extras,) = (
        word.removeprefix(place) for word in installed() if word.partition("[")[0] == place
    )
    known = "|".join(EXTRAS[WHOLE[folder]["project"]["name"]])
    assert not extras or re.fullmatch(rf"\[({known})\]", extras)


@cache
def installed() -> list[str]:
    """Return folders and extras, as `make` installs them."""
    command = ["make", "-s", "distributions"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_one_library_has_one_lower_bound() -> None:
    bounds = defaultdict(set)
    for whole in WHOLE.values():
        for wanted in requirements(whole["project"]):
            if wanted.specifier:
                bounds[canonicalize_name(wanted.name)].add(str(wanted.specifier))
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def test_there_is_one_version() -> None:
    """The first heading of the change log says it."""
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    (version,) = re.findall(r"^## \[?(\d+\.\d+\.\d+)", log, re.MULTILINE)[:1]
    assert {whole["project"]["version"] for whole in WHOLE.values()} == {version}
    npm = ROOT / "formats" / "js"
    assert json.loads((npm / "package.json").read_text("utf-8"))["version"] == version
    assert json.loads((npm / "package-lock.json").read_text("utf-8"))["version"] == version
    assert (npm / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
