"""The machine that an evaluation runs on, and how many processes may work on it at a time."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

from gcodec_eval._processes import Crew
from gcodec_eval._request import Request

__all__ = ["crew_for", "machine"]

#: Memory that one process at work may take, in GiB: a network, a 24-megapixel picture and what judges it.
_JOB_GIB = 3.0


def crew_for(request: Request) -> Crew:
    """Return how many processes work at a time, and how the cores are shared between them."""
    cores = _cores()
    free = _memory_gib("MemAvailable")
    most = cores if free is None else max(1, min(cores, int(free / _JOB_GIB)))
    jobs = request.jobs or most
    threads = request.threads or max(1, cores // jobs)
    shared = jobs > 1 and jobs * threads <= cores and hasattr(os, "sched_setaffinity")
    return Crew(jobs, threads, tuple(sorted(os.sched_getaffinity(0))) if shared else ())


def machine() -> dict[str, Any]:
    """Describe the machine by what times depend on; neither its name nor its user's."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "memory_gib": _memory_gib("MemTotal"),
        "python": platform.python_version(),
    }


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib(field: str) -> float | None:
    """Return a field of Linux' /proc/meminfo in GiB; None elsewhere."""
    found = _line("/proc/meminfo", rf"{field}:\s+(\d+) kB")
    return round(int(found) / 2**20, 1) if found else None


def _processor() -> str:
    return _line("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.processor()


def _line(file: str, pattern: str) -> str | None:
    """Return the group of the first line of a file that is `pattern`; None without such a file or line."""
    try:
        found = re.search(f"^{pattern}$", Path(file).read_text("utf-8"), re.MULTILINE)
    except OSError:
        return None
    return found[1].strip() if found else None
