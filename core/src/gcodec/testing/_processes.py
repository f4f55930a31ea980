"""Fresh processes: what a receiver is, and what damaged input may kill without harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

__all__ = ["other_threads", "run_gcodec", "run_python", "run_tasks"]

#: Seconds after which a process counts as hanging. No test depends on how fast it is.
_PATIENCE = 300.0


def other_threads() -> int:
    """Another number of threads than the numeric libraries of this process have: 1 or 2."""
    return 2 if int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1) == 1 else 1


def run_python(
    *words: str,
    threads: int | None = None,
    patience: float = _PATIENCE,
    stdin: str = "",
) -> CompletedProcess[str]:
    """Run this interpreter with `words` as its arguments, on this process's import path.

    threads: for the numeric libraries. Raises subprocess.TimeoutExpired after `patience` seconds.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment |= dict.fromkeys(names, str(threads))
    return subprocess.run(
        [sys.executable, *words],
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def run_gcodec(*words: str | Path) -> CompletedProcess[str]:
    """Run the command ``gcodec`` with `words` in a fresh process."""
    return run_python("-m", "gcodec", *map(str, words))


def run_tasks(
    tasks: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    threads: int | None = None,
    patience: float = _PATIENCE,
) -> list[Any]:
    """Have `gcodec.testing._worker` do `tasks` in one fresh process; return its answer to each.

    Fails the test, with what the process was doing, if it ends in any other way than well and in time.
    """
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    order = json.dumps({"tasks": list(tasks), "result": str(result)})
    try:
        done = run_python(
            "-m", "gcodec.testing._worker", threads=threads, patience=patience, stdin=order
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stderr or b"").decode(errors="replace")
        raise AssertionError(f"no end within {patience:g} s; last seen:\n{_tail(said)}") from None
    assert done.returncode == 0, f"status {done.returncode}; last seen:\n{_tail(done.stderr)}"
    answers: list[Any] = json.loads(result.read_text("utf-8"))
    return answers


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-30:])
