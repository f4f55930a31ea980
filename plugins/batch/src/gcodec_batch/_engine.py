"""Engines: what makes the shards of a plan, on this machine or on others.

An engine is an entry point of the group `GROUP`: a function that takes `Means` and gives, as a context manager, a function
that makes shards. It is entered before the source is looked at and anything is written, so that a cluster that is not there
is known at once, and left when the run is over, by whatever. Nobody else is at work on the destination meanwhile.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gcodec.border import needed
from gcodec.errors import (
    GcodecError,
    OutputError,
    PluginError,
    UnknownPlugin,
    UnusablePlugin,
    WorkerError,
)
from gcodec.files import why
from gcodec_batch._plan import STATE, Plan, begun
from gcodec_batch._remote import is_url

if TYPE_CHECKING:
    from gcodec.pipeline.session import Session

__all__ = [
    "Engine",
    "EngineError",
    "Make",
    "Means",
    "Tell",
    "engine",
    "engines",
    "locked",
    "opened",
    "output_error",
]

GROUP = "gcodec_batch.engines"
#: Engines of distributions of ours, for whoever has not installed them.
_ELSEWHERE = {"ray": "gcodec-ray"}


class EngineError(WorkerError):
    """What an engine works with is not there or went away: processes, nodes, a cluster. What is done is kept."""

    def __init__(self, reason: str) -> None:
        self.status, self.output = 0, reason
        GcodecError.__init__(self, reason)


@dataclass(frozen=True)
class Means:
    """What a run may work with.

    jobs      processes at work at a time, None for as many as suit.
    threads   of each, None for as many as suit.
    address   of a cluster, None where none was named.
    device    torch's name for where networks run.
    patience  seconds after which a cluster that does not answer, or has no room, is given up.
    seconds   that an input may take before it is given up, None for as many as it likes.
    """

    jobs: int | None = None
    threads: int | None = None
    address: str | None = None
    device: str = "cpu"
    patience: float = 60.0
    seconds: float | None = None


#: Told that so many more inputs are done, from any thread.
Tell: TypeAlias = Callable[[int], None]
#: Makes the shards of these numbers, in any order, and returns when all are whole. Raises OutputError and EngineError.
Make: TypeAlias = Callable[[Plan, Sequence[int], Tell], None]
Engine: TypeAlias = Callable[[Means], AbstractContextManager[Make]]


def output_error(folder: Path, text: str) -> OutputError:
    """A worker's words as an error of the destination: of the URL or the place in it that they name, else of the folder."""
    place, _, reason = text.removeprefix("cannot write ").partition(": ")
    if Path(place).is_relative_to(within := folder.absolute()):
        place = str(folder / Path(place).relative_to(within))
    else:
        place = place if is_url(place) else str(folder)
    return OutputError(place, reason or text)


def engines() -> dict[str, EntryPoint]:
    """The engines that are installed, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def engine(name: str) -> Engine:
    """Return an engine by its name. Raises UnknownPlugin, UnusablePlugin."""
    installed = engines()
    if name not in installed:
        there = ", ".join(sorted(installed))
        raise UnknownPlugin(
            "engine of batch",
            name,
            package=_ELSEWHERE.get(name),
            advice=f"there are {there}",
        )
    return _loaded(installed[name])


def _loaded(point: EntryPoint) -> Engine:
    try:
        found: Engine = point.load()
    except Exception as error:  # a stranger's module may raise anything
        reason = needed(error, *_owner(point)) or f"{type(error).__name__}: {error}"
        raise UnusablePlugin(point.name, reason) from error

    @contextmanager
    def entered(means: Means) -> Iterator[Make]:
        with ExitStack() as stack:
            with _blame(point):
                make = stack.enter_context(found(means))

            def blamed(plan: Plan, shards: Sequence[int], tell: Tell) -> None:
                with _blame(point):
                    make(plan, shards, tell)

            yield blamed

    return entered


@contextmanager
def _blame(point: EntryPoint) -> Iterator[None]:
    """What an engine must not raise is its fault, not gcodec's."""
    try:
        yield
    except (GcodecError, OSError):
        raise
    except Exception as error:
        if lacking := needed(error, *_owner(point)):
            raise UnusablePlugin(point.name, lacking) from error
        owner = "".join(_owner(point)) or point.value
        reason = f"{type(error).__name__}: {error}"
        raise PluginError("engine", point.name, owner, reason) from error


def _owner(point: EntryPoint) -> tuple[str, ...]:
    """The distribution of an engine, if it is known."""
    return (point.dist.name,) if point.dist else ()


def opened(plan: Plan) -> Session:
    """Return a session for the plan's work; networks are opened when they are first needed, and stay open."""
    from gcodec.pipeline.session import Session

    how = dict(plan.work.settings["session"])
    if plan.work.precision:
        how["dtype"] = plan.work.precision
    return Session(**how)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a destination alone; where no run was begun in it, nothing stays of this.

    Raises OutputError where another run has it, or where it cannot be made.
    """
    state = folder / STATE
    new = [state, *(above for above in state.parents if not above.exists())]
    path = state / "lock"
    lock = _taken(path, folder)
    try:
        yield
    finally:
        if not begun(folder):
            with suppress(OSError):  # somebody else's file is in it
                path.unlink()
                for made in new:
                    made.rmdir()
        os.close(lock)


def _taken(path: Path, folder: Path) -> int:
    """An open file at `path` that nobody else has locked. Raises OutputError about `folder`."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(folder, why(error)) from error
        try:
            _lock(lock, folder)
            # Whoever had it may have removed it meanwhile: that is a lock on nothing.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), path.stat()):
                    return lock
        except OutputError:
            os.close(lock)
            raise
        os.close(lock)


def _lock(lock: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no flock
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(folder, "another run is at work on it; wait for it") from error
    except OSError:
        # A file system without locks. Two runs would do everything twice; what they write is the same.
        warnings.warn(
            f"{folder}: its file system has no locks; see to it that no other run is at work on it",
            stacklevel=2,
        )
