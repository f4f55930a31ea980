"""The engine as gcodec-batch knows it: it starts the driver, and gives it up when it is silent. Imports no Ray."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import IO, Any, BinaryIO, cast

from gcodec.errors import UsageError
from gcodec_batch import (
    EngineError,
    Make,
    Means,
    Plan,
    Tell,
    output_error,
    read_message,
    write_message,
)
from gcodec_ray._node import versions

__all__ = ["engine"]

#: Seconds for the first packet of a cluster's address to be answered.
_REACH = 5.0
#: Distributions of which nodes need the same version as this machine.
_ALIKE = ("gcodec", "gcodec-formats", "gcodec-batch", "gcodec-ray", "gcodec-base")


@contextmanager
def engine(means: Means) -> Iterator[Make]:
    """The nodes of the cluster at `means.address`, or at RAY_ADDRESS.

    Raises UsageError, EngineError, and ModuleNotFoundError without Ray.
    """
    address = means.address or os.environ.get("RAY_ADDRESS", "")
    if ":" in means.device:
        kind = means.device.partition(":")[0]
        raise UsageError(f"each worker is given a device of its own: --device {kind}")
    _check(address)
    if find_spec("ray") is None:
        raise ModuleNotFoundError(name="ray")
    with tempfile.TemporaryFile() as said, _Driver(address, said, means.patience) as driver:
        driver.say(
            {
                "address": address,
                "jobs": means.jobs,
                "threads": means.threads,
                "gpu": means.device != "cpu",
                "patience": means.patience,
                "seconds": means.seconds,
            }
        )
        driver.hear("up", lambda _: None)
        yield driver.make


def _check(address: str) -> None:
    """Raise UsageError for what is no address, EngineError where nobody answers."""
    if not address:
        raise UsageError(
            "--engine ray wants the --address HOST:PORT of a cluster, which `ray status` shows; gcodec starts none"
        )
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal() and 0 < int(port) < 1 << 16) or "/" in host:
        raise UsageError(
            f"{address!r} is no address of a cluster; it is HOST:PORT of its head, 6379 unless it was started with another"
            " port, and the command runs on a machine of the cluster"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError(f"nobody answers at {address}: {reason}") from error


class _Driver:
    """The process that speaks to Ray. What it prints goes to `said`; silent for `patience` seconds, it is ended."""

    def __init__(self, address: str, said: IO[bytes], patience: float) -> None:
        self.address, self.said, self.patience = address, said, patience

    def __enter__(self) -> _Driver:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gcodec_ray._driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            start_new_session=True,  # Ctrl-C is for the one that started it
        )
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Ray ends what a driver has started when it is gone.
        self._process.kill()
        self._process.wait()
        self._listener.join(_REACH)  # one that still reads aborts this process as it ends
        with suppress(BrokenPipeError):
            cast(BinaryIO, self._process.stdin).close()

    def _listen(self) -> None:
        with cast(BinaryIO, self._process.stdout) as answers:
            while (answer := read_message(answers)) is not None:
                self._answers.put(answer)
        self._answers.put(None)

    def say(self, message: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):  # `hear` says why
            write_message(cast(BinaryIO, self._process.stdin), message)

    def hear(self, last: str, tell: Tell, plan: Plan | None = None) -> None:
        """Listen until the word `last`. Raises EngineError, OutputError."""
        while True:
            try:
                answer = self._answers.get(timeout=self.patience + 5)
            except queue.Empty:
                raise EngineError(f"the cluster at {self.address} does not answer") from None
            match answer:
                case [word] if word == last:
                    return
                case ["done", more]:
                    tell(more)
                case ["failed", "OutputError", text] if plan is not None:
                    raise output_error(plan.folder, text)
                case ["failed", _, text]:
                    raise EngineError(text)
                case None:
                    raise EngineError(f"the cluster at {self.address} was lost: {self._reason()}")

    def make(self, plan: Plan, shards: Sequence[int], tell: Tell) -> None:
        """Have shards made. Raises EngineError, OutputError."""
        sign = plan.state / f"seen.{os.urandom(8).hex()}.part"
        try:
            sign.touch()
            wanted = versions((*_ALIKE, *_of_plugins(plan)))
            self.say(
                {
                    "folder": str(plan.folder.absolute()),
                    "shards": list(shards),
                    "sign": str(sign.relative_to(plan.folder)),
                    "versions": {name: found for name, found in wanted.items() if found},
                    "environment": {k: v for k, v in os.environ.items() if k.startswith("GCODEC_")},
                }
            )
            self.hear("made", tell, plan)
        finally:
            sign.unlink(missing_ok=True)

    def _reason(self) -> str:
        self.said.seek(0)
        lines = self.said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else f"the driver ended with {self._process.wait()}"


def _of_plugins(plan: Plan) -> Iterator[str]:
    """The distributions of the work's plugins."""
    from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
    from gcodec.registry import registry

    work = plan.work
    judge = work.settings.get("encode", {}).get("trials", {}).get("judge")
    for kind, name in (
        (EmbeddingSpec, next(iter(work.embed), None)),
        (ReconstructorSpec, next(iter(work.recon), None)),
        (ReconstructorSpec, judge),
    ):
        if name:
            found = registry().distribution_of(registry().named(kind, name))
            if found:
                yield found
