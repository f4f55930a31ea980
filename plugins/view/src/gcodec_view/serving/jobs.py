"""One job at a time in a process of its own, and one more that waits; whoever comes beyond is told that it is busy.

The process of the next job may be started ahead, while nobody waits for it: what takes long to import is then imported. It
has seen no job before, and does one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from gcodec.pipeline.receiver import room
from gcodec.run import thread_variables
from gcodec_view.serving.frames import Frame, read_frame, write_frame
from gcodec_view.serving.task import Allowed

__all__ = ["Jobs"]

_POLL = 0.1

#: What does a job; its standard error is shown with GCODEC_TRACEBACK alone.
_COMMAND = [sys.executable, "-m", "gcodec_view.serving.job"]

#: Has it import torch before it hears of its job.
_AHEAD = "ahead"

#: What ends a job.
_LAST = ("made", "error")

Send = Callable[[Frame], None]
Gone = Callable[[], bool]


class _Started(NamedTuple):
    """A process that waits for its job, and what removes its room."""

    process: subprocess.Popen[bytes]
    leaving: ExitStack

    def end(self) -> None:
        """End it, and leave nothing."""
        _kill(self.process)
        _close(self.process)
        self.leaving.close()


class Jobs:
    """Whose turn it is. `ahead`: whether processes are started ahead, the first by `get_ready`."""

    def __init__(self, allowed: Allowed, ahead: bool = False) -> None:
        self.allowed = allowed
        self._ahead = ahead
        self._next: _Started | None = None
        self._places = threading.BoundedSemaphore(2)
        self._turn = threading.Lock()
        self._closed = threading.Event()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place for a task, while it is read and done; False where there is none."""
        free = self._places.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._places.release()

    def do(self, task: bytes, send: Send, gone: Gone) -> None:
        """Do a task, the frame of a page, and send what comes of it; the last frame is "made" or "error".

        send  raises OSError where nobody listens any more.
        gone  whether that is so; it is asked all the time, and ends the job.
        """
        if not self._turn.acquire(blocking=False):
            send(_progress("Waiting for another job to end"))
            while not self._turn.acquire(timeout=_POLL):
                if gone() or self._closed.is_set():
                    return
        try:
            if not self._closed.is_set():
                self._do(task, send, gone)
        finally:
            self._turn.release()
            self.get_ready()

    def get_ready(self) -> None:
        """Start the process of the next job, if that is to be done ahead and nobody is at it."""
        if not self._ahead or not self._turn.acquire(blocking=False):
            return
        try:
            if self._next is None and not self._closed.is_set():
                self._next = self._start()
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the job in progress, and wait until nothing is left of it. No other begins.

        Whoever is sent to must be gone, or listen.
        """
        self._closed.set()
        self._turn.acquire()
        if self._next is not None:
            self._next.end()
            self._next = None

    def _start(self) -> _Started:
        quiet = None if os.environ.get("GCODEC_TRACEBACK") else subprocess.DEVNULL
        threads = self.allowed.how.threads
        ahead = [_AHEAD] if self._ahead and self.allowed.roomy else []
        with ExitStack() as stack:
            alone = stack.enter_context(room())
            process = subprocess.Popen(
                [*_COMMAND, str(alone.folder.parent), *ahead],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=quiet,
                cwd=alone.folder,
                # Read where torch is imported ahead, before the job says how it is to run.
                env={**alone.environment, **(thread_variables(threads) if threads else {})},
                # Ctrl-C is for the server, which ends it.
                start_new_session=True,
            )
            return _Started(process, stack.pop_all())

    def _started(self) -> _Started:
        """The process that was started ahead, if it still lives, or another."""
        ready, self._next = self._next, None
        if ready is not None and ready.process.poll() is None:
            return ready
        if ready is not None:
            ready.end()
        return self._start()

    def _do(self, task: bytes, send: Send, gone: Gone) -> None:
        send(_progress("Starting"))
        started = self._started()
        process = started.process
        watch = _Watch(process, self.allowed.seconds, gone, self._closed)
        try:
            told = Frame({"allowed": self.allowed.table()}, task)
            last = self._relayed(process, told, send)
        finally:
            _kill(process)
            watch.end()
            started.end()
        if not last:
            send(Frame({"is": "error", "name": "Ended", "text": watch.why(process.returncode)}))

    def _relayed(self, process: subprocess.Popen[bytes], told: Frame, send: Send) -> bool:
        """Send what the process answers; whether it came to an end."""
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):
            write_frame(process.stdin, told)  # type: ignore[arg-type]
        while (frame := read_frame(process.stdout)) is not None:  # type: ignore[arg-type]
            send(frame)
            if frame.table["is"] in _LAST:
                return True
        return False


class _Watch:
    """Ends a process that takes too long, or that nobody waits for."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        seconds: float,
        gone: Gone,
        closed: threading.Event,
    ) -> None:
        self._process, self._seconds, self._gone, self._closed = process, seconds, gone, closed
        self._late = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def why(self, status: int) -> str:
        """Why the process said nothing at its end."""
        if self._late:
            limit = f"the {self._seconds:g} seconds that the server allows (--timeout)"
            return f"it took longer than {limit}; a smaller picture or fewer steps take less"
        memory = "; it may have run out of memory" if status < 0 else ""
        return f"its process ended with status {status}{memory}"

    def _run(self) -> None:
        until = time.monotonic() + self._seconds
        while not self._over.wait(_POLL):
            self._late = time.monotonic() > until
            if self._late or self._gone() or self._closed.is_set():
                _kill(self._process)
                return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, and wait for it."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def _progress(what: str) -> Frame:
    return Frame({"is": "progress", "what": what, "done": 0, "total": 0})
