"""Fresh processes: what a receiver is, and what damaged input may kill without harm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from gcodec.pipeline.receiver import Room, room
from gcodec.run import thread_variables

__all__ = ["ANSWERS", "other_threads", "run_gcodec", "run_python", "run_tasks"]

#: What the worker writes its answers to, in its working folder.
ANSWERS = "answers.json"

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
    alone: Room | None = None,
    cwd: Path | None = None,
) -> CompletedProcess[str]:
    """Run this interpreter with `words` as its arguments, on this process's import path.

    threads: for the numeric libraries. cwd: where it runs, if not here. alone: whose it is besides, if not ours; the hash
    seed and the time zone are then others, too. Raises subprocess.TimeoutExpired after `patience` seconds.
    """
    paths = [str(Path(path).absolute()) for path in sys.path if path]
    environment = dict(os.environ if alone is None else alone.environment)
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    if alone is not None:
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        environment |= {"PYTHONHASHSEED": seed, "TZ": "KIT-13:45"}
    if threads is not None:
        environment |= thread_variables(threads)
    return subprocess.run(
        [sys.executable, *words],
        input=stdin,
        env=environment,
        cwd=cwd if alone is None else alone.folder,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def run_gcodec(*words: str | Path, cwd: Path | None = None) -> CompletedProcess[str]:
    """Run the command ``gcodec`` with `words` in a fresh process."""
    return run_python("-m", "gcodec", *map(str, words), cwd=cwd)


def run_tasks(
    tasks: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    threads: int | None = None,
    patience: float = _PATIENCE,
) -> list[Any]:
    """Have `gcodec.testing._worker` do `tasks` in one fresh process that is alone; return its answer to each.

    folder: takes the arrays that the process leaves, under the names that the tasks give them.
    Fails the test, with what the process was doing, if it ends in any other way than well and in time.
    """
    with room() as alone:
        try:
            done = run_python(
                *("-m", "gcodec.testing._worker"),
                threads=threads,
                patience=patience,
                stdin=json.dumps(list(tasks)),
                alone=alone,
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode(errors="replace")
            raise AssertionError(
                f"no end within {patience:g} s; last seen:\n{_tail(said)}"
            ) from None
        assert done.returncode == 0, f"status {done.returncode}; last seen:\n{_tail(done.stderr)}"
        answers: list[Any] = json.loads((alone.folder / ANSWERS).read_text("utf-8"))
        for array in alone.folder.glob("*.np[yz]"):
            shutil.move(array, folder / array.name)
    return answers


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-30:])
