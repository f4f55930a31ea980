"""Work for the processes of an evaluation, which import it by name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


def double(task: Any) -> dict[str, Any]:
    """Say twice the number, and where; end the process on "die"."""
    if task == "die":
        os._exit(3)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    said = {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"], "cores": cores}
    return {"value": 2 * task, **said}


def sleep(path: Path) -> dict[str, Any]:
    """Leave the process's number, and take a minute."""
    path.write_text(str(os.getpid()))
    time.sleep(60)
    return {}
