"""Digests of large files, remembered from process to process: hashing a pipeline of 30 GB takes half a minute.

A digest is known again where every file has the length, the time of its last change and the inode that it had. It is not
kept for files that have changed within the last seconds, which may go on changing without their time doing so, nor for small
ones. Under ``GCODEC_CACHE`` each folder has a file of its own; where that cannot be written nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gcodec.errors import OutputError
from gcodec.files import atomic_write

__all__ = ["cache_folder", "keep_text", "remembered"]

#: Bytes below which hashing is faster than remembering, and seconds for which a file must have been left alone.
_LEAST, _RESTED = 1 << 24, 2.0


def cache_folder() -> Path:
    """Return where what was fetched or computed is kept: ``GCODEC_CACHE``, else the user's cache folder.

    For a user without a home, as in a container, that is a folder which cannot be.
    """
    if chosen := os.environ.get("GCODEC_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "gcodec"
    except RuntimeError:
        return Path(os.devnull) / "gcodec"


def remembered(what: str, folder: Path, files: Sequence[str], compute: Callable[[], str]) -> str:
    """Return what `compute` returns of these files in a folder, as long as they are the same.

    what  names the digest: others of the same files are others.

    Raises OSError where a file cannot be read.
    """
    stats = [(name, (folder / name).stat()) for name in files]
    if sum(stat.st_size for _, stat in stats) < _LEAST:
        return compute()
    stamp = [what, *((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in stats)]
    key = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()
    place = hashlib.sha256(os.fsencode(folder.resolve()) + what.encode()).hexdigest()[:32]
    kept = cache_folder() / "digests" / place
    with suppress(OSError, ValueError):
        known, digest = kept.read_text("ascii").split()
        if known == key:
            return digest
    digest = compute()
    if time.time() - max(stat.st_mtime for _, stat in stats) > _RESTED:
        keep_text(kept, f"{key} {digest}\n")
    return digest


def keep_text(place: Path, text: str) -> None:
    """Write a file of the cache whole or not at all; not at all where it cannot be written."""
    with suppress(OSError, OutputError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(place, force=True) as stream:
            stream.write(text.encode())
