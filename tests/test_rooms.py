"""The core has rooms, and no circle: neither between its files nor between its rooms.

What counts is every import that can happen, inside functions too, but for those that only a type checker sees. `gcodec`
itself is a front door that names everything and that no room goes through; each file beside it is a room of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "core" / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that a file imports, "gcodec.x.y" where it takes the name y from gcodec.x."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module
        yield from imports(node)


def graph() -> Mapping[str, set[str]]:
    """Return for each module of the core those that it imports. A package imports nothing but what stands in its file."""
    found = {}
    for name, path in MODULES.items():
        wanted = {m for m in imports(ast.parse(path.read_text("utf-8"))) if m in MODULES}
        found[name] = wanted - {name}
    del found["gcodec"]
    return found


def room(module: str) -> str:
    """ "gcodec.pipeline.stage1" -> "gcodec.pipeline"; files beside `gcodec/__init__.py` are rooms of their own."""
    return ".".join(module.split(".")[:2])


def order(edges: Mapping[str, set[str]]) -> list[str]:
    try:
        return list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_no_file_of_the_core_is_in_a_circle() -> None:
    assert len(order(graph())) > 80


def test_no_room_of_the_core_is_in_a_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for module, wanted in graph().items():
        rooms.setdefault(room(module), set()).update({room(w) for w in wanted} - {room(module)})
    assert {"gcodec.pipeline", "gcodec.pictures", "gcodec.models"} <= {*order(rooms)}


def test_nobody_goes_through_the_front_door() -> None:
    for module, path in MODULES.items():
        assert "gcodec" not in set(imports(ast.parse(path.read_text("utf-8")))), module


def test_no_picture_goes_through_the_command_line_or_the_kit() -> None:
    """`gcodec eval` keeps its results when only these rooms change."""
    off = {"gcodec.cli", "gcodec.testing"}
    for module, wanted in graph().items():
        if room(module) not in {*off, "gcodec.__main__"}:
            assert not off & {room(w) for w in wanted}, module
