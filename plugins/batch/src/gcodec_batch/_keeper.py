"""One process that makes shards, and its successors: one that dies is replaced, and an input that kills is given up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from gcodec.run import thread_variables
from gcodec_batch._engine import EngineError, Tell, output_error
from gcodec_batch._messages import read_message, write_message

__all__ = ["DEATHS", "Keeper"]

#: An input under which so many processes ended is given up.
DEATHS = 2


class Keeper:
    """Makes shards of the plan in `folder`, one at a time, in a process with so many threads.

    The process has its networks open from shard to shard. It ends with the one that keeps it, however that ends, and takes
    nothing with it but the input that it was at, which is begun again.
    """

    def __init__(self, folder: Path, threads: int, tell: Tell) -> None:
        self.folder, self.tell = folder, tell
        self.environment = os.environ | thread_variables(threads)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def make(self, number: int, deaths: Mapping[int, int] | None = None) -> None:
        """Make a shard, or what is missing of it. deaths: index -> processes that have ended under that input already.

        Raises OutputError where the destination cannot be written, EngineError where processes end before they have begun or
        when this one is stopped.
        """
        counts = dict(deaths or {})
        early = 0
        while True:
            process = self._process or self._start()
            at = self._shard(process, number, counts)
            if at is None:
                return
            status = self._end()
            if self._stopped:
                raise EngineError("stopped")
            if at >= 0:
                counts[at] = counts.get(at, 0) + 1
                continue
            early += 1
            if early >= DEATHS:
                raise EngineError(
                    f"a worker process ended twice before it began, with status {status}"
                )

    def stop(self) -> None:
        """End the process at once, from any thread; `make` raises."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _shard(
        self, process: subprocess.Popen[bytes], number: int, counts: Mapping[int, int]
    ) -> int | None:
        """Have a shard made. None when it is; the index of the input it was at, -1 for none, where the process ended."""
        given_up = [[index, count] for index, count in counts.items() if count >= DEATHS]
        answers = cast(BinaryIO, process.stdout)
        at = -1
        with suppress(BrokenPipeError):
            write_message(cast(BinaryIO, process.stdin), {"shard": number, "deaths": given_up})
            while (answer := read_message(answers)) is not None:
                match answer:
                    case ["begin", index, _]:
                        at = index
                    case ["end", *_]:
                        self.tell(1)
                    case ["made", *_]:
                        return None
                    case ["failed", "OutputError", text]:
                        raise output_error(self.folder, text)
                    case ["failed", _, text]:
                        raise EngineError(text)
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
            self._process = process
            if self._stopped:
                process.kill()
        with suppress(BrokenPipeError):
            write_message(cast(BinaryIO, process.stdin), {"folder": str(self.folder.absolute())})
        return process

    def _end(self) -> int:
        """End the process if there is one, and return its status."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return 0
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        return process.wait()
