"""Processes of this machine that make the shards of a plan, and are replaced when they die.

A thread for each process gives it one shard after another. A process that ends takes nothing with it but the input that
it was at, which is begun again; after `_DEATHS` ends it is given up.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from gcodec.errors import OutputError, WorkerError
from gcodec.run import thread_variables
from gcodec_batch._plan import Plan
from gcodec_batch._worker import read_message, write_message

__all__ = ["run"]

#: An input under which so many processes ended is given up.
_DEATHS = 2

#: Told of each input that is done: whether it went well.
Tell = Callable[[bool], None]


def run(plan: Plan, shards: Iterable[int], jobs: int, threads: int, tell: Tell) -> None:
    """Make shards in `jobs` processes with `threads` each.

    Raises OutputError where the destination cannot be written, WorkerError where processes end before they have begun.
    These, and Ctrl-C, end all processes at once; journals keep what is done.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in shards:
        waiting.put(number)
    crew = _Crew(plan, waiting, threads, tell)
    members = [threading.Thread(target=crew.work, daemon=True) for _ in range(jobs)]
    for member in members:
        member.start()
    try:
        for member in members:
            # In slices, so that Ctrl-C is heard on every system.
            while member.is_alive():
                member.join(0.2)
    finally:
        crew.stop()
    if crew.error is not None:
        raise crew.error


class _Crew:
    def __init__(
        self, plan: Plan, waiting: queue.SimpleQueue[int], threads: int, tell: Tell
    ) -> None:
        self.plan, self.waiting, self.tell = plan, waiting, tell
        self.environment = os.environ | thread_variables(threads)
        self.error: Exception | None = None
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def work(self) -> None:
        """One member: make shards until none waits."""
        process = None
        try:
            while not self._stopped:
                try:
                    number = self.waiting.get_nowait()
                except queue.Empty:
                    return
                process = self._made(process, number)
        except Exception as error:
            with self._lock:
                self.error = self.error or (None if self._stopped else error)
            self.stop()
        finally:
            if process is not None:
                self._end(process)

    def stop(self) -> None:
        """End all processes at once."""
        with self._lock:
            self._stopped = True
            processes = list(self._processes)
        for process in processes:
            process.kill()

    def _made(
        self, process: subprocess.Popen[bytes] | None, number: int
    ) -> subprocess.Popen[bytes]:
        deaths: dict[int, int] = {}
        early = 0
        while True:
            process = process or self._start()
            at = self._shard(process, number, deaths)
            if at is None:
                return process
            status = self._end(process)
            process = None
            if self._stopped:
                raise WorkerError(status, "stopped")
            if at < 0:
                early += 1
                if early >= _DEATHS:
                    raise WorkerError(status, "it ended before it began, twice")
            else:
                deaths[at] = deaths.get(at, 0) + 1

    def _shard(
        self, process: subprocess.Popen[bytes], number: int, deaths: dict[int, int]
    ) -> int | None:
        """Have a shard made. None when it is; the index of the input it was at, -1 for none, where the process ended."""
        assert process.stdin is not None and process.stdout is not None
        given_up = [[index, count] for index, count in deaths.items() if count >= _DEATHS]
        at = -1
        try:
            write_message(process.stdin, {"shard": number, "deaths": given_up})  # type: ignore[arg-type]
            while (answer := read_message(process.stdout)) is not None:  # type: ignore[arg-type]
                match answer:
                    case ["begin", index, _]:
                        at = index
                    case ["end", _, well]:
                        self.tell(well)
                    case ["made", *_]:
                        return None
                    case ["failed", "OutputError", text]:
                        raise OutputError(self.plan.folder, text.partition(": ")[2] or text)
                    case ["failed", _, text]:
                        raise WorkerError(0, text)
        except BrokenPipeError:
            pass
        return at

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gcodec_batch._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
            # Ctrl-C is for the one that started them, which ends them.
            start_new_session=True,
        )
        with self._lock:
            self._processes.add(process)
            stopped = self._stopped
        if stopped:
            process.kill()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            write_message(process.stdin, {"folder": str(self.plan.folder.absolute())})  # type: ignore[arg-type]
        return process

    def _end(self, process: subprocess.Popen[Any]) -> int:
        """End a process, and return its status."""
        with self._lock:
            self._processes.discard(process)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        return process.wait()
