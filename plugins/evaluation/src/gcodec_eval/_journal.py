"""The journal of an evaluation: what has been found, one JSON object a line, appended as it is found.

    {"key": SHA-256 of the identity, "identity": {...}, "result": {...}}

A value that JSON cannot hold, as the PSNR of equal pictures, is the text "inf".

The identity is everything that decides the result, so an entry is good for ever and for any later request. A line that
was cut short by the end of a process is dropped; times and peak memory are those of the machine that found them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gcodec.cli.common import json_text
from gcodec.errors import OutputError
from gcodec.files import why
from gcodec_eval._identity import digest_of

__all__ = ["JOURNAL", "Journal", "open_journal"]

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Journal:
    """Entries by key, and the file that new ones go to."""

    path: Path
    entries: dict[str, dict[str, Any]]
    stream: BinaryIO

    def get(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the result of this identity, if it is known."""
        entry = self.entries.get(digest_of(identity))
        return entry["result"] if entry else None

    def add(self, identity: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keep a result. Raises OutputError."""
        key = digest_of(identity)
        entry = {"key": key, "identity": dict(identity), "result": dict(result)}
        try:
            self.stream.write(json_text(entry, indent=None).encode() + b"\n")
            self.stream.flush()
        except OSError as error:
            raise OutputError(self.path, why(error)) from error
        self.entries[key] = entry


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open the journal of a folder, which one process at a time may do.

    Raises OutputError where it cannot be written, is open in another process or holds anything but entries.
    """
    path = folder / JOURNAL
    try:
        stream = path.open("ab+")
    except OSError as error:
        raise OutputError(path, why(error)) from error
    with stream:
        _lock(stream, path)
        stream.seek(0)
        data = stream.read()
        whole = data.rfind(b"\n") + 1
        entries = {}
        for number, line in enumerate(data[:whole].splitlines(), 1):
            entry = _entry(line)
            if entry is None:
                raise OutputError(path, f"line {number} is no entry of a journal; remove it")
            entries[entry["key"]] = entry
        stream.truncate(whole)
        yield Journal(path, entries, stream)


def _entry(line: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        shape = {"key": str, "identity": dict, "result": dict}
        if isinstance(entry, dict) and all(isinstance(entry.get(k), t) for k, t in shape.items()):
            if isinstance(entry["result"].get("value"), str):
                entry["result"]["value"] = float(entry["result"]["value"])
            return entry
    return None


def _lock(stream: BinaryIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on this system; two writers would only repeat each other's work
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise OutputError(path, "another evaluation is writing to it") from error
