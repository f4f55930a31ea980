"""`gcodec eval` in a process of its own, and plugins that fail or change on the way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import support

#: A reconstructor that fails in two ways, as third-party code may.
BROKEN = """
import os
from gcodec.interfaces import Reconstructor

class Raises(Reconstructor):
    def reconstruct(self, signals, size):
        raise ZeroDivisionError("a mistake")

class Dies(Reconstructor):
    def reconstruct(self, signals, size):
        os._exit(9)
"""
BROKEN_PLUGIN = """
from gcodec.plugin import ReconstructorSpec, hookimpl

GCODEC_INTERFACE = 1

@hookimpl
def gcodec_reconstructors():
    return [
        ReconstructorSpec(name, "for tests", f"broken_codecs:{name.title()}", (("preview",),))
        for name in ("raises", "dies")
    ]
"""


def evaluate(
    folder: Path, out: Path, *words: object, site: Sequence[Path], **environment: str
) -> subprocess.CompletedProcess[bytes]:
    more = words if "--metrics" in words else (*words, "--metrics", "psnr")
    more = more if "--jobs" in words else (*more, "--jobs", 1)
    return support.gcodec("eval", folder, "-o", out, *more, site=site, **environment)


def points(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "results.json").read_text())["points"]
    return found


def numbers(out: Path) -> list[dict[str, Any]]:
    """Return the points without what another run measures anew: times and memory."""
    anew = ("seconds", "parts", "peak", "threads")
    return [
        {k: v for k, v in point.items() if not any(word in k for word in anew)}
        for point in points(out)
    ]
