"""What runs on a node: an actor that keeps one worker process, as the engine `processes` does here."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gcodec.errors import GcodecError
from gcodec_batch import Item, Keeper, read_item

__all__ = ["Node", "versions"]

#: Seconds after which a file that another machine made is not there; network file systems show it late.
_LATE = 5.0


class Node:
    """Makes shards of the plan in `folder`, one at a time.

    environment  GCODEC_* of whoever runs the command; a node has its own otherwise.
    """

    def __init__(self, folder: str, threads: int, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)
        self.folder = Path(folder)
        self._keeper = Keeper(self.folder, threads, self._tell)
        self._changed = threading.Condition()
        self._done = 0
        self._thread: threading.Thread | None = None
        self._error: GcodecError | None = None

    def unfit(self, sign: str, wanted: Mapping[str, str], first: Any, models: list[str]) -> str:
        """Say which node this is and what it lacks for the work, in a line; "" if nothing.

        sign    name of a file below the destination, which only this run has made.
        wanted  versions of distributions.
        first   name and place of an input that the driver could read, None if it could not.
        models  folders that were named.
        """
        lack = (
            _sight(self.folder, sign) or _other_version(wanted) or _models(models) or _source(first)
        )
        return f"{socket.gethostname()} {lack}" if lack else ""

    def work(self, number: int | None, deaths: Mapping[int, int], seconds: float) -> list[Any]:
        """Begin a shard if there is a number; come back after so many seconds, or sooner if the shard is whole.

        Returns how many more inputs are done, whether the shard is whole, and [class, text] of an error, or None.
        """
        if number is not None:
            self._error = None
            self._thread = threading.Thread(target=self._make, args=(number, deaths), daemon=True)
            self._thread.start()
        assert self._thread is not None
        self._thread.join(seconds)
        whole = not self._thread.is_alive()
        with self._changed:
            more, self._done = self._done, 0
        error = self._error
        return [more, whole, [type(error).__name__, str(error)] if error else None]

    def _make(self, number: int, deaths: Mapping[int, int]) -> None:
        try:
            self._keeper.make(number, deaths)
        except GcodecError as error:
            self._error = error

    def _tell(self, more: int) -> None:
        with self._changed:
            self._done += more


def versions(names: Mapping[str, str]) -> dict[str, str]:
    """The version of each distribution here, "" where it is not installed."""
    found = dict.fromkeys(names, "")
    for name in names:
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
        return f"cannot write to {folder}: {error.strerror or error}"
    return ""


def _other_version(wanted: Mapping[str, str]) -> str:
    for name, here in versions(wanted).items():
        if here != wanted[name]:
            return f"has {name} {here or 'not installed'}; {wanted[name]} is wanted, as here"
    return ""


def _models(folders: list[str]) -> str:
    missing = [folder for folder in folders if not Path(folder).is_dir()]
    return f"does not see the models in {missing[0]}" if missing else ""


def _source(first: Any) -> str:
    if first is None:
        return ""
    name, place = first
    try:
        read_item(Item(name, tuple(place), ""))
    except GcodecError as error:
        return f"does not see the source: {error}"
    return ""
