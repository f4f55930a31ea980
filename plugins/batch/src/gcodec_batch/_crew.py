"""The engine `processes`: some processes of this machine, each of which takes one shard after another."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gcodec.errors import UsageError
from gcodec.models.devices import check_device
from gcodec_batch._engine import Make, Means, Tell
from gcodec_batch._keeper import Keeper
from gcodec_batch._plan import Plan

__all__ = ["engine"]

#: Resident memory of a worker with the networks of `base`, and then some.
_WORKER_BYTES = 600 << 20
#: Seconds that a process which was told to end may take for it.
_ENDING = 10.0


@contextmanager
def engine(means: Means) -> Iterator[Make]:
    """Processes here: one a core, as far as memory goes, unless something else is said. Raises UsageError for an
    address, and for a device that is not here.
    """
    if means.address is not None:
        raise UsageError("--address is for engines of a cluster, such as --engine ray")
    check_device(means.device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = cores or 1
    jobs = means.jobs or max(1, min(cores, _free_bytes() // _WORKER_BYTES))
    threads = means.threads or max(1, cores // jobs)

    def make(plan: Plan, shards: Sequence[int], tell: Tell) -> None:
        few = range(min(jobs, len(shards)))
        _make(shards, [Keeper(plan.folder, threads, tell, means.seconds) for _ in few])

    yield make


def _make(shards: Sequence[int], keepers: Sequence[Keeper]) -> None:
    """Errors, and Ctrl-C, end all processes at once; journals keep what is done."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in shards:
        waiting.put(number)
    errors: queue.SimpleQueue[Exception] = queue.SimpleQueue()

    def stop() -> None:
        for keeper in keepers:
            keeper.stop()

    def work(keeper: Keeper) -> None:
        try:
            with keeper:
                while True:
                    keeper.make(waiting.get_nowait())
        except queue.Empty:
            return
        except Exception as error:
            errors.put(error)  # the first is the cause, others are of those that it stopped
            stop()

    members = [threading.Thread(target=work, args=(k,), daemon=True) for k in keepers]
    for member in members:
        member.start()
    try:
        for member in members:
            # In slices, so that Ctrl-C is heard on every system.
            while member.is_alive():
                member.join(0.2)
    finally:
        stop()
        for member in members:
            member.join(_ENDING)  # one that still reads from its process aborts this one as it ends
    if not errors.empty():
        raise errors.get()


def _free_bytes() -> int:
    try:
        return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return _WORKER_BYTES
