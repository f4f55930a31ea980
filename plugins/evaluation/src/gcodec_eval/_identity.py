"""What decides a result, so that a journal can tell whether it has it: digests, versions and sources."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gcodec.registry import registry

__all__ = [
    "cores",
    "digest_of",
    "file_digest",
    "library",
    "machine",
    "memory_gib",
    "software",
]


def digest_of(identity: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a value as canonical JSON, hexadecimal."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def software(*specs: Any) -> dict[str, str]:
    """Return what the implementations of specs are: versions of gcodec, of their distributions and of what these
    require, and a digest of the Python sources beside each implementation (an editable install has one version for
    many states).
    """
    found = _versions("gcodec", extras=False) | {"gcodec sources": _core_sources()}
    for spec in specs:
        for plugin in registry().plugins:
            if spec in plugin.specs:
                found |= _versions(plugin.distribution, extras=True)
        package = spec.implementation.partition(":")[0].rpartition(".")[0]
        if package:
            found[f"{package} sources"] = _sources(package)
    return found


def library(name: str) -> dict[str, str]:
    """Return the version of a distribution, if it is installed."""
    try:
        return {name: version(name)}
    except PackageNotFoundError:
        return {}


def machine() -> dict[str, Any]:
    """Describe the machine by what times depend on; neither its name nor its user's."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": memory_gib("MemTotal"),
        "python": platform.python_version(),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_gib(field: str) -> float | None:
    """Return a field of Linux' /proc/meminfo in GiB; None elsewhere."""
    try:
        text = Path("/proc/meminfo").read_text("utf-8")
    except OSError:
        return None
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return round(int(found[1]) / 2**20, 1) if found else None


@cache
def _versions(distribution: str, *, extras: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in [distribution, *(requires(distribution) or ())]:
        name = re.split(r"[\s\[<>=!~;(]", line, maxsplit=1)[0]
        if extras or "extra ==" not in line:
            found |= library(name)
    return found


@cache
def _core_sources() -> str:
    return _sources("gcodec")


@cache
def _sources(package: str) -> str:
    """Return a digest of the Python files of a package, without importing it."""
    found = find_spec(package)
    places = [Path(place) for place in found.submodule_search_locations or ()] if found else []
    return "".join(_digest(place, sorted(place.rglob("*.py"))) for place in places)


def _digest(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor()
