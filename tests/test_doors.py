"""Who may import whom. The walls between the packages are these rules, checked on the sources.

formats    the standard library, msgpack, zstandard
core       formats; no plugin
a plugin   formats and core; no other plugin. Its training modules, which whoever only decodes never imports, use the kit for
           trainers, gcodec-train, and that the metrics of gcodec-eval. An engine of `gcodec batch` uses gcodec-batch.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("*/pyproject.toml")) + sorted(
    path.parent for path in ROOT.glob("plugins/*/pyproject.toml")
)


def package(folder: Path) -> str:
    """Return the name of the import package of a distribution's folder."""
    (found,) = (path.parent.name for path in folder.glob("src/*/__init__.py"))
    return found


def sources(folder: Path) -> list[Path]:
    found = sorted(folder.glob("src/**/*.py"))
    assert found, folder
    return found


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the top-level packages of one import statement; relative ones are the package's own."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module.partition(".")[0]
    elif (
        isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", ""))
        in ("import_module", "__import__")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ):
        yield str(node.args[0].value).partition(".")[0]


def every_import(path: Path) -> set[str]:
    """Return what a file imports anywhere, in functions and for type checkers too."""
    tree = ast.parse(path.read_text("utf-8"))
    return {name for node in ast.walk(tree) for name in imported(node)}


def imports_on_loading(path: Path) -> set[str]:
    """Return what a file imports when it is imported itself."""

    def visit(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            yield from imported(node)
            if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from visit([*node.body, *node.orelse])
            elif isinstance(node, (ast.With, ast.ClassDef)):
                yield from visit(node.body)
            # A guarded import may fail, so nothing depends on it.

    return set(visit(ast.parse(path.read_text("utf-8")).body))


OURS = {package(folder) for folder in FOLDERS}


#: Engines of `gcodec batch`, which is their kit.
ENGINES = {"gcodec_ray"}

#: Modules that only a training imports, of the distributions that have a recipe.
TRAINERS = OURS - {"gcodec", "gcodec_formats", "gcodec_eval", "gcodec_train"}
TRAINING = {
    path.relative_to(ROOT)
    for folder in FOLDERS
    for path in sources(folder)
    if {"training", "training.py", "export.py", "losses.py", "pairs.py", "start.py", "fit.py"}
    & {*path.parts}
}


def allowed(name: str) -> set[str]:
    if name == "gcodec_formats":
        return set()
    return {"gcodec_formats"} if name == "gcodec" else {"gcodec_formats", "gcodec"}


def allowed_in(path: Path, name: str) -> set[str]:
    """What one file of the package may import of ours."""
    kits = {"gcodec_train"} if name in TRAINERS and path.relative_to(ROOT) in TRAINING else set()
    kits |= {"gcodec_batch"} if name in ENGINES else set()
    return allowed(name) | kits | ({"gcodec_eval"} if name == "gcodec_train" else set())


@pytest.mark.parametrize("folder", FOLDERS, ids=package)
def test_packages_import_only_those_below_them(folder: Path) -> None:
    own = package(folder)
    for path in sources(folder):
        found = every_import(path) & OURS - {own}
        doors = allowed_in(path, own)
        assert found <= doors, f"{path.relative_to(ROOT)} imports {found - doors}"


def test_formats_needs_only_two_small_libraries() -> None:
    for path in sources(ROOT / "formats"):
        foreign = every_import(path) - sys.stdlib_module_names - {"gcodec_formats"}
        assert foreign <= {"msgpack", "zstandard"}, path.name


@cache
def _suppliers() -> Mapping[str, list[str]]:
    return packages_distributions()


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("folder", FOLDERS, ids=package)
def test_what_is_imported_on_loading_is_a_declared_dependency(folder: Path) -> None:
    """Each distribution installs alone: what its modules import at once, its metadata must name."""
    suppliers_of = _suppliers()
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [
        *project.get("dependencies", []),
        *(d for extra in project.get("optional-dependencies", {}).values() for d in extra),
    ]
    names = {_normal(re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0]) for line in declared}
    for path in sources(folder):
        if path.name.startswith("_make_") or {"templates", "testing", "testing.py"} & {*path.parts}:
            continue  # made by developers, not loaded by users; pytest is there whenever tests are
        for top in imports_on_loading(path) - sys.stdlib_module_names - {package(folder)}:
            suppliers = {_normal(d) for d in suppliers_of.get(top, [top])}
            assert suppliers & names, f"{path.relative_to(ROOT)} imports {top}: not declared"


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("folder", FOLDERS, ids=package)
def test_no_pickles_no_loose_loading_no_salted_hashes(folder: Path) -> None:
    for path in sources(folder):
        where = path.relative_to(ROOT)
        assert not every_import(path) & {"pickle", "cPickle", "dill", "joblib", "marshal"}, where
        for name, call in calls(path):
            assert name != "hash", f"{where}: hash() differs from process to process"
            keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
            if name == "torch.load":
                assert keywords.get("weights_only") == "True", f"{where} unpickles anything"
            if name.endswith(("load_state_dict", "load_model")):
                assert keywords.get("strict", "True") == "True", f"{where} loads loosely"
            if name.endswith((".load", "np.load")):
                assert keywords.get("allow_pickle", "False") == "False", where


def test_every_folder_with_a_distribution_is_known() -> None:
    assert {"gcodec", "gcodec_formats"} <= OURS
    assert len(OURS) == len(FOLDERS)
