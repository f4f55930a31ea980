"""What may change in a source file: every small fault that a test should notice (`mutants`)."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

#: Operators and what stands in their place.
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_NAMES = {
    "min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "any": "all", "all": "any", "rint": "floor",
    "round": "int", "sorted": "list", "sin": "cos", "cos": "sin",
}  # fmt: skip
#: No test is asked to notice what is only said, nor what only type checkers read.
_SAID = {"warn", "warning", "debug", "info", "echo", "secho", "print"}
_TYPES = {"annotation", "returns", "type_params"}
_PASSED = ("__all__", "if TYPE_CHECKING", "dataclass(", "field(")
#: Without an accelerator nothing is on another device.
_KEPT = {"device"}


class Mutant(NamedTuple):
    """One change: in `file`, the text from `start` to `stop`, offsets in characters, becomes `after`."""

    file: str
    line: int
    before: str
    after: str
    nth: int
    start: int
    stop: int

    @property
    def key(self) -> str:
        """What names it from run to run, whatever stands above it: nth tells apart changes that read alike."""
        return f"{self.file} | {self.before} -> {self.after} | {self.nth}"


def mutants(file: str, source: str) -> list[Mutant]:
    """Every mutant of a file, in the order of the text."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, column: int) -> int:  # ast counts columns in bytes of UTF-8
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    found = []
    for node in _nodes(ast.parse(source)):
        for new in _changes(node):
            assert isinstance(node, ast.expr | ast.stmt)
            start = offset(node.lineno, node.col_offset)
            stop = offset(node.end_lineno or 0, node.end_col_offset or 0)
            text = new if isinstance(new, str) else ast.unparse(new)
            if isinstance(new, ast.Compare | ast.BoolOp | ast.BinOp | ast.UnaryOp | ast.IfExp):
                text = f"({text})"
            before = " ".join(source[start:stop].split())
            found.append((start, stop, text, node.lineno, before))
    alike: Counter[tuple[str, str]] = Counter()
    result = []
    for start, stop, text, line, before in sorted(found):
        alike[before, text] += 1
        result.append(Mutant(file, line, before, text, alike[before, text], start, stop))
    return result


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes whose change could matter; of a raise, the raise itself and not its text."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in _TYPES or isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert):
            continue
        if name == "keywords" and ast.unparse(node).startswith("zip("):  # strict is a check
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Import | ast.ImportFrom):
                continue
            if not ast.unparse(child).startswith(_PASSED) and not _said(child):
                yield from _nodes(child)


def _said(node: ast.AST) -> bool:
    """Whether a statement only logs, warns or prints."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in _SAID


def _changes(node: ast.AST) -> Iterator[ast.AST | str]:
    """What may stand in the place of `node`."""

    def other(**fields: object) -> ast.AST:
        new = copy.copy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    match node:
        case ast.Compare(ops=[op]) if type(op) in _SWAPS:
            yield other(ops=[_SWAPS[type(op)]()])
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _SWAPS:
            yield other(op=_SWAPS[type(op)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=float() as value):
            yield ast.Constant(value * 1.25 or 1.0)
        case ast.Name(id=name) if name in _NAMES:
            yield ast.Name(_NAMES[name])
        case ast.Attribute(attr=name) if name in _NAMES:
            yield other(attr=_NAMES[name])
        case ast.Call(func=func, keywords=[_, *_] as keywords) if ast.unparse(func) != "zip":
            for each in (k for k in keywords if k.arg not in _KEPT):
                yield other(keywords=[k for k in keywords if k is not each])
        case ast.IfExp(body=body, orelse=orelse):
            yield other(body=orelse, orelse=body)
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign():
            yield "pass"
        case ast.Break():
            yield "continue"
        case ast.Continue():
            yield "break"
