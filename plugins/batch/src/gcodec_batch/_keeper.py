"""One process that makes shards, and its successors: one that dies is replaced, and an input that kills is given up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, cast

from gcodec.run import thread_variables
from gcodec_batch._engine import EngineError, Tell, output_error
from gcodec_batch._messages import read_message, write_message

__all__ = ["DEATHS", "Keeper"]

#: An input under which so many processes ended is given up.
DEATHS = 2
_DEAD = f"WorkerError: {DEATHS} processes ended while they worked on it; it may need more memory than there is"

#: Seconds beyond its own that the first input of a process has, for the networks that are opened then.
_OPENING = 60.0


class _At(NamedTuple):
    """What a process was at when it ended: "begin" or "together" and which input, or "" for nothing; whether time was up."""

    word: str
    place: int
    late: bool


class Keeper:
    """Makes shards of the plan in `folder`, one at a time, in a process with so many threads.

    The process has its networks open from shard to shard. It ends with the one that keeps it, however that ends, and takes
    nothing with it but the input that it was at, which is begun again.

    seconds  that an input may take, None for as many as it likes; then it is given up, and the process with it.
    """

    def __init__(
        self, folder: Path, threads: int, tell: Tell, seconds: float | None = None
    ) -> None:
        self.folder, self.tell, self.seconds = folder, tell, seconds
        self.environment = os.environ | thread_variables(threads)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._opening = 0.0
        self._late: tuple[str, int] | None = None

    def make(self, number: int, deaths: Mapping[int, int] | None = None) -> None:
        """Make a shard, or what is missing of it. deaths: index -> processes that have ended under that input already.

        Raises OutputError where the destination cannot be written, EngineError where processes end before they have begun or
        when this one is stopped.
        """
        alone = Counter(deaths or {})
        together: Counter[int] = Counter()  # by the first of a group
        late: set[int] = set()
        early = 0
        while True:
            process = self._process or self._start()
            hopeless = {index: _DEAD for index, count in alone.items() if count >= DEATHS}
            hopeless |= dict.fromkeys(late, f"TimeoutError: not done in {self.seconds} s")
            apart = [index for index, count in together.items() if count >= DEATHS]
            at = self._shard(process, number, hopeless, apart)
            if at is None:
                return
            status = self._end()
            if self._stopped:
                raise EngineError("stopped")
            match at:
                case _At("begin", index, late=True):
                    late.add(index)
                case _At("together", index, late=True):
                    together[index] = DEATHS
                case _At("begin", index):
                    alone[index] += 1
                case _At("together", index):
                    together[index] += 1
                case _:
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
        self,
        process: subprocess.Popen[bytes],
        number: int,
        hopeless: Mapping[int, str],
        apart: Sequence[int],
    ) -> _At | None:
        """Have a shard made. None when it is; what it was at where the process ended."""
        answers = cast(BinaryIO, process.stdout)
        word, at = "", 0
        timer: threading.Timer | None = None
        job = {"shard": number, "hopeless": [*hopeless.items()], "apart": apart}
        try:
            write_message(cast(BinaryIO, process.stdin), job)
            while (answer := read_message(answers)) is not None:
                if timer is not None:
                    timer.cancel()
                match answer:
                    case ["begin" | "together" as word, at, count]:
                        timer = self._timer(process, (word, at), count)
                    case ["end", *_]:
                        self._opening = 0.0
                        self.tell(1)
                    case ["made", *_]:
                        return None
                    case ["failed", "OutputError", text]:
                        raise output_error(self.folder, text)
                    case ["failed", _, text]:
                        raise EngineError(text)
        except BrokenPipeError:
            pass
        finally:
            if timer is not None:
                timer.cancel()
        return _At(word, at, self._late == (word, at))

    def _timer(
        self, process: subprocess.Popen[bytes], at: tuple[str, int], count: int
    ) -> threading.Timer | None:
        """What ends the process when so many inputs have had their time. `at`: what it is at, and may just leave."""
        if self.seconds is None:
            return None

        def end() -> None:
            self._late = at
            process.kill()

        timer = threading.Timer(self._opening + self.seconds * count, end)
        timer.daemon = True
        timer.start()
        return timer

    def _start(self) -> subprocess.Popen[bytes]:
        self._opening, self._late = _OPENING, None
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
