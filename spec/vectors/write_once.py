"""Vectors are written once: one that is there is never written again, whatever would be written now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["lines", "write"]

Question = TypeVar("Question")


def write(
    folder: Path, questions: Iterable[tuple[str, Question]], text: Callable[[Question], str]
) -> list[str]:
    """Write NAME.json with text(question) for each name that `folder` lacks; return the names written."""
    written = []
    for name, question in questions:
        path = folder / f"{name}.json"
        if not path.exists():
            path.write_text(text(question), encoding="utf-8", newline="\n")
            written.append(name)
    return written


def lines(facts: Mapping[str, Any]) -> str:
    """Return a JSON object with one key a line."""
    return json.dumps(facts).replace(', "', ',\n "') + "\n"
