"""The command under gcodec's own conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gcodec.testing import CommandConformance


class TestView(CommandConformance):
    name = "view"
    failing: ClassVar[Mapping[Sequence[str], int]] = {
        ("nowhere.gcx",): 7,
        ("nowhere.gcx", "--write", "page.html"): 7,
        ("--write", "nowhere/page.html"): 8,
        ("--no-browser", "--write", "page.html"): 2,
    }
