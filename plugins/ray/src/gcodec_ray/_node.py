"""What runs on a node: an actor that keeps one worker process, as the engine `processes` does here.

It is told of the next shard while it is at one, so that it waits for nobody between two.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gcodec.errors import GcodecError
from gcodec.files import why
from gcodec.models.devices import check_device
from gcodec_batch import Item, Keeper, read_item

__all__ = ["Node", "versions"]

#: Seconds after which a file that another machine made is not there; network file systems show it late.
_LATE = 5.0


class Node:
    """Makes shards of the plan in `folder`, one at a time.

    environment  GCODEC_* of whoever runs the command; a node has its own otherwise.
    seconds      that an input may take, None for as many as it likes.
    """

    def __init__(
        self, folder: str, threads: int, environment: Mapping[str, str], seconds: float | None
    ) -> None:
        os.environ.update(environment)
        self.folder = Path(folder)
        self._keeper = Keeper(self.folder, threads, self._tell, seconds)
        self._waiting: queue.SimpleQueue[tuple[int, Mapping[int, int]]] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._at = -1
        self._done: Counter[int] = Counter()
        self._whole: list[int] = []
        self._error: GcodecError | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def unfit(
        self, sign: str, wanted: Mapping[str, str], first: Any, folders: list[str], device: str
    ) -> str:
        """Say which node this is and what it lacks for the work, in a line; "" if nothing.

        sign    name of a file below the destination, which only this run has made.
        wanted  versions of distributions.
        first   name and place of an input that the driver could read, None if it could not.
        folders  of models and companions, that were named.
        device  that the networks are to run on.
        """
        lack = (
            _sight(self.folder, sign)
            or _other_version(wanted)
            or _folders(folders)
            or _source(first)
            or _device(device)
        )
        return f"{socket.gethostname()} {lack}" if lack else ""

    def work(self, shards: list[tuple[int, Mapping[int, int]]], seconds: float) -> list[Any]:
        """Have shards made, (number, deaths), after those that were given before.

        Comes back after so many seconds, or sooner if a shard is whole: [how many more inputs are done of which shard,
        shards that are whole, [class, text] of an error or None].
        """
        for shard in shards:
            self._waiting.put(shard)
        with self._changed:
            self._changed.wait_for(lambda: self._whole or self._error, seconds)
            done, whole = dict(self._done), self._whole
            self._done, self._whole = Counter(), []
        error = self._error
        return [done, whole, [type(error).__name__, str(error)] if error else None]

    def _serve(self) -> None:
        try:
            while True:
                self._at, deaths = self._waiting.get()
                self._keeper.make(self._at, deaths)
                with self._changed:
                    self._whole.append(self._at)
                    self._changed.notify_all()
        except GcodecError as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _tell(self, more: int) -> None:
        with self._changed:
            self._done[self._at] += more


def versions(names: Iterable[str]) -> dict[str, str]:
    """The version of each distribution here, "" where it is not installed."""
    found = dict.fromkeys(names, "")
    for name in found:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _sight(folder: Path, sign: str) -> str:
    until = time.monotonic() + _LATE
    while not (folder / sign).exists():
        if time.monotonic() > until:
            return f"does not see {folder}: every node needs the file system that it is on"
        time.sleep(0.2)
    try:
        own = folder / f"{sign}.{os.urandom(4).hex()}.part"
        own.touch()
        own.unlink()
    except OSError as error:
        return f"cannot write to {folder}: {why(error)}"
    return ""


def _other_version(wanted: Mapping[str, str]) -> str:
    for name, here in versions(wanted).items():
        if here != wanted[name]:
            return f"has {name} {here or 'not installed'}; {wanted[name]} is wanted, as here"
    return ""


def _folders(folders: list[str]) -> str:
    missing = [folder for folder in folders if not Path(folder).is_dir()]
    return f"does not see {missing[0]}: every node needs it" if missing else ""


def _source(first: Any) -> str:
    if first is None:
        return ""
    name, place = first
    try:
        read_item(Item(name, tuple(place), ""))
    except GcodecError as error:
        return f"does not see the source: {error}"
    return ""


def _device(name: str) -> str:
    try:
        check_device(name)
    except GcodecError as error:
        return f"cannot compute there: {error}"
    return ""
