"""What `compress` returns besides bytes follows from the size of the picture: nested lists of strings, and shapes.

    strings   lists, with None where a string stands: [[None], [None]]
    shape     lists and dictionaries, with "h4" for four rows a unit of the picture, "w4" for columns, and plain numbers

A unit is as many pixels a side as pictures are padded to multiples of. So no shape travels in a file, and no file asks for
tensors of any size it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["PROBES", "filled", "fitted", "leaves", "shaped", "skeleton"]

#: Pictures, in units of rows and columns, from which the rule is told: their rows are as 1 to 3, their columns as 2 to 1.
PROBES = ((1, 2), (3, 1))


def leaves(tree: Any) -> Iterator[bytes]:
    """The strings of nested lists, in order. Raises ValueError for anything else in there."""
    if isinstance(tree, (list, tuple)):
        for part in tree:
            yield from leaves(part)
    elif isinstance(tree, (bytes, bytearray)):
        yield bytes(tree)
    else:
        raise ValueError(f"`strings` holds a {type(tree).__name__}")


def skeleton(tree: Any) -> Any:
    """The same lists with None for each string."""
    return [skeleton(part) for part in tree] if isinstance(tree, (list, tuple)) else None


def filled(tree: Any, strings: Iterator[bytes]) -> Any:
    """Nested lists of a skeleton with its strings put in."""
    return [filled(part, strings) for part in tree] if isinstance(tree, list) else next(strings)


def fitted(first: Any, second: Any) -> Any:
    """The rule that gives both shapes, those of the two `PROBES`. Raises ValueError where there is none."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return {str(key): fitted(first[key], second[key]) for key in first}
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return [fitted(*pair) for pair in zip(first, second, strict=True)]
    a, b = int(first), int(second)
    if a == b:
        return a
    if b == 3 * a:
        return f"h{a}"
    if a == 2 * b:
        return f"w{b}"
    raise ValueError(f"its shape does not follow from the picture's size: {a}, then {b}")


def shaped(rule: Any, rows: int, columns: int) -> Any:
    """The shape of a picture of so many units."""
    if isinstance(rule, dict):
        return {key: shaped(part, rows, columns) for key, part in rule.items()}
    if isinstance(rule, list):
        parts = [shaped(part, rows, columns) for part in rule]
        return tuple(parts) if all(isinstance(part, int) for part in parts) else parts
    return {"h": rows, "w": columns}[rule[0]] * int(rule[1:]) if isinstance(rule, str) else rule
