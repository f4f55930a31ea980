"""The reader with one of its refusals switched off at a time, for test_refusals.py.

A refusal is a `raise`; the call of a check; an operand of an `and` or an `or` that decides; or a row of a table of what is
refused. Switched off, statements do nothing, an operand of `or` is false, one of `and` true, and a row is not there.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import gcodec_formats

__all__ = ["PARTS", "Refusal", "reader_without", "refusals"]

_SOURCES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in Path(gcodec_formats.__file__).parent.glob("*.py")
}
_CODES = {name: compile(text, f"{name}.py", "exec") for name, text in _SOURCES.items()}
_COPY = "formats_without_a_refusal"
#: The modules of a reader, as far as a caller needs them.
PARTS = ("_reader", "_bodies", "_values", "errors", "registry")
#: What reading is made of. The other modules hold values, names and the writer.
_READING = ("_bodies", "_cursor", "_extensions", "_head", "_reader", "_rules")
#: In these modules, what only the writer calls.
_WRITING = ("pack_alpha", "put_identity", "encode", "needs_table")
#: Calls that refuse nothing.
_NOTES = ("note", "append", "sort")
_TABLES = ("_TEXT_DAMAGE", "_DEFAULTS", "_VALUES")


class Refusal(NamedTuple):
    """One place: the module, its function or table, what stands there, and the module's code without it."""

    module: str
    home: str
    text: str
    code: CodeType

    def __str__(self) -> str:
        return f"{self.module}.{self.home}: {self.text}"


def refusals() -> Iterator[Refusal]:
    """Every one of the reader."""
    for module in _READING:
        for index in range(len(_places(_SOURCES[module])[1])):
            tree, places = _places(_SOURCES[module])
            home, text, switch_off = places[index]
            switch_off()
            code = compile(ast.fix_missing_locations(tree), f"{module}.py", "exec")
            yield Refusal(module, home, text, code)


def _places(source: str) -> tuple[ast.Module, list[tuple[str, str, Callable[[], None]]]]:
    """The tree, and of each place in it: where, what, and how to switch it off."""
    tree = ast.parse(source)
    places: list[tuple[str, str, Callable[[], None]]] = []
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            if statement.name not in _WRITING:
                places += [(statement.name, *place) for place in _inside(statement)]
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            target = (
                statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
            )
            if isinstance(target, ast.Name) and target.id in _TABLES:
                places += [(target.id, *place) for place in _rows(statement.value)]
    return tree, places


def _inside(node: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    for parent in ast.walk(node):
        decides = getattr(parent, "test", None) or getattr(parent, "value", None)
        if isinstance(parent, (ast.If, ast.Return)) and decides is not None:
            yield from _operands(decides)
        for _, body in ast.iter_fields(parent):
            for index, child in enumerate(body if isinstance(body, list) else ()):
                if _refuses(child):
                    yield ast.unparse(child), partial(body.__setitem__, index, ast.Pass())


def _operands(decides: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    for parent in ast.walk(decides):
        if isinstance(parent, ast.BoolOp):
            neutral = ast.Constant(isinstance(parent.op, ast.And))
            for index, operand in enumerate(parent.values):
                text = f"{ast.unparse(operand)}  OF  {ast.unparse(parent)}"
                yield text, partial(parent.values.__setitem__, index, neutral)


def _refuses(child: object) -> bool:
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Call):
        called = child.value.func
        return not (isinstance(called, ast.Attribute) and called.attr in _NOTES)
    return isinstance(child, ast.Raise) and child.exc is not None


def _rows(table: ast.expr | None) -> Iterator[tuple[str, Callable[[], None]]]:
    lists: list[list[Any]] = [table.elts] if isinstance(table, ast.Tuple) else []
    if isinstance(table, ast.Dict):
        lists = [table.keys, table.values]
    for index, row in enumerate(lists[0]):
        if isinstance(table, ast.Dict) and isinstance(pair := table.values[index], ast.Tuple):
            # Key -> (what is wanted, predicate): everything is.
            always = ast.parse("lambda value: True", mode="eval").body
            yield ast.unparse(row), partial(pair.elts.__setitem__, 1, always)
        else:
            yield ast.unparse(row), partial(_drop, lists, index)


def _drop(lists: list[list[Any]], index: int) -> None:
    for one in lists:
        del one[index]


class _Copy(MetaPathFinder, Loader):
    """Imports the package under another name, one of its modules changed."""

    def __init__(self, changed: Refusal) -> None:
        self.changed = {changed.module: changed.code}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] != _COPY:
            return None
        return spec_from_loader(name, self, is_package=name == _COPY)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__.partition(".")[2]
        if name:  # `__init__` only says where names are
            exec(self.changed.get(name, _CODES[name]), module.__dict__)


def reader_without(refusal: Refusal) -> dict[str, ModuleType]:
    """The modules of the package, by name, without that refusal."""
    finder = _Copy(refusal)
    sys.meta_path.insert(0, finder)
    try:
        return {name: importlib.import_module(f"{_COPY}.{name}") for name in PARTS}
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == _COPY]:
            del sys.modules[name]
