"""Fresh processes that share the cores between them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gcodec.pipeline.receiver import enter, furnish
from gcodec.run import thread_variables

__all__ = ["Crew", "work"]

Key = TypeVar("Key")
Task = TypeVar("Task")


@dataclass(frozen=True)
class Crew:
    """How many processes, and threads for each.

    cores: those that the processes share out evenly, each keeping to its own; () lets all run anywhere.
    """

    jobs: int
    threads: int
    cores: tuple[int, ...] = ()


def work(
    function: Callable[[Task], dict[str, Any]],
    tasks: Mapping[Key, Task],
    crew: Crew,
    alone: bool = False,
) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Yield (key, function(task)) in the order of completion, from processes started for these tasks.

    alone: each process has a room of its own (`gcodec.pipeline.receiver`) and only what its tasks carry.
    A task whose process ends under it (out of memory, a crash of native code) yields {"error": ...}; the others are
    unharmed. Whoever stops iterating, by Ctrl-C too, ends the processes at once.
    """
    waiting = dict(tasks)
    jobs = min(crew.jobs, len(waiting))
    while waiting:
        broken = False
        with _rooms(alone) as rooms, _executor(crew, jobs, rooms) as executor:
            with _no_interrupts():
                futures = {executor.submit(function, task): key for key, task in waiting.items()}
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    broken = True
                    continue
                except OSError as error:  # from a task that reads on its way what it carries
                    result = {"error": {"kind": type(error).__name__, "text": str(error)}}
                del waiting[futures[future]]
                yield futures[future], result
        if broken and jobs == 1:
            # Alone at work, in the order given: the first that is not finished is the one that broke it.
            key = next(iter(waiting))
            del waiting[key]
            text = "its process ended before it was done; it may have run out of memory"
            yield key, {"error": {"kind": "WorkerError", "text": text}}
        jobs = 1


@contextlib.contextmanager
def _rooms(alone: bool) -> Iterator[str | None]:
    """A folder for the processes' rooms."""
    if not alone:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="gcodec-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextlib.contextmanager
def _executor(crew: Crew, jobs: int, rooms: str | None) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    turn = context.Value("i", 0)
    executor = ProcessPoolExecutor(jobs, context, _start, (crew, turn, rooms))
    try:
        yield executor
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back; processes started meanwhile inherit that for good, and leave it to this one to end them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(crew: Crew, turn: Any, rooms: str | None) -> None:
    """Make a new process keep to its share, and end when the one that started it ends."""
    os.dup2(2, 1)  # what a plugin prints is no part of the table or the JSON
    if rooms is not None:
        enter(furnish(Path(rooms) / str(os.getpid())))
    os.environ.update(thread_variables(crew.threads))
    if (
        "torch" in sys.modules
    ):  # imported by the caller's main module, which a spawned process imports
        sys.modules["torch"].set_num_threads(crew.threads)
    if crew.cores:
        with turn.get_lock():
            mine, turn.value = turn.value, turn.value + 1
        first = mine * crew.threads % len(crew.cores)
        os.sched_setaffinity(0, crew.cores[first : first + crew.threads])
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
