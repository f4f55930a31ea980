"""Words that others chose, made fit to be shown."""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(text: str) -> str:
    """Files and plugins choose some of the words: no line breaks, and nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
