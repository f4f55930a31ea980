"""What an engine, of this machine or of a cluster, needs besides a plan: an open session, and the lock of a destination."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gcodec.errors import OutputError
from gcodec_batch._plan import STATE, Plan

if TYPE_CHECKING:
    from gcodec.pipeline.session import Session

__all__ = ["locked", "opened"]


def opened(plan: Plan) -> Session:
    """Return a session for the plan's work; networks are opened when they are first needed, and stay open."""
    from gcodec.pipeline.session import Session

    return Session(**plan.work.settings["session"])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a destination alone. Raises OutputError where another run has it, or where it cannot be made.

    The lock file is never removed: whoever waited for a removed one would hold a lock on nothing.
    """
    state = folder / STATE
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    try:
        import fcntl
    except ImportError:  # Windows has no flock
        fcntl = None  # type: ignore[assignment]
    try:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputError(folder, "another run is at work on it; wait for it") from error
        yield
    finally:
        os.close(lock)
