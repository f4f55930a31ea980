"""Writing files so that nobody ever finds half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gcodec.errors import ImageError, InvalidArgument, OutputError, OutputExists

__all__ = [
    "atomic_folder",
    "atomic_write",
    "check_not_input",
    "check_writable",
    "file_bytes",
    "read_bounded",
    "why",
]

#: No picture or file within the default limits comes near it.
_LARGEST_INPUT = 1 << 31

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOTDIR: "a part of its path is not a folder",
}


def why(error: OSError) -> str:
    """Return what the file system says, in words of people."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return error.strerror or " ".join(str(error).split()) or type(error).__name__


def read_bounded(stream: BinaryIO, name: str) -> bytes:
    """Read a stream to its end. Raises ImageError, naming it, for one longer than 2 GiB or without an end."""
    parts: list[bytes] = []
    length = 0
    # Asked for at once, so many bytes would be allocated for the smallest file.
    while part := stream.read(1 << 20):
        length += len(part)
        if length > _LARGEST_INPUT:
            raise ImageError(name, f"it is longer than {_LARGEST_INPUT >> 30} GiB")
        parts.append(part)
    return b"".join(parts)


def file_bytes(source: object) -> bytes:
    """Return the contents of a file: at a path, or bytes as they are.

    Raises ImageError where it cannot be read, InvalidArgument for what is neither.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not isinstance(source, str | Path):
        raise InvalidArgument(
            f"a file is given as a path or as bytes, not as {type(source).__name__}"
        )
    try:
        with Path(source).open("rb") as stream:
            return read_bounded(stream, str(source))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ImageError(str(source), f"cannot be read: {reason}") from error


def check_writable(path: str | Path, *, force: bool = False) -> None:
    """Say early that `atomic_write` would fail, before time is spent on what to write.

    Raises OutputExists where something is there and `force` is false, OutputError where the folder is missing or
    `path` is a folder.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise OutputError(path, "it is a folder")
        if not path.parent.is_dir():
            raise OutputError(path, f"the folder {path.parent} does not exist; create it first")
        if path.exists() and not force and not _is_device(path):
            raise OutputExists(path)
    except OSError as error:
        raise OutputError(path, why(error)) from error


def check_not_input(path: str | Path, inputs: Iterable[str | Path]) -> None:
    """Raise OutputError where `path` is one of the files or folders that are read, by whatever name or link."""
    for given in inputs:
        # What is not there, or cannot be looked at, is no input: reading it will say so.
        with contextlib.suppress(OSError, ValueError):
            if Path(path).samefile(given) and not _is_device(Path(path)):
                also = "" if str(path) == str(given) else f" {given} by another name"
                raise OutputError(path, f"it is the input{also}; name another output with -o")


@contextmanager
def atomic_write(path: str | Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """Open a binary file for writing that appears at `path` whole, or not at all.

    The bytes go to a temporary file in the same folder, which takes the name when the block ends; if the block is left by
    any exception, Ctrl-C included, the temporary file is removed and `path` is as it was. A symbolic link is followed, and
    devices and pipes are written directly.

    Raises OutputExists where something is there and `force` is false, OutputError for every failure of the file system
    inside the block.
    """
    check_writable(path, force=force)
    target = Path(path)
    if _is_device(target):
        with _as_output_error(target), target.open("wb") as device:
            yield device
        return
    target = target.resolve()
    partial = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.part")
    with _as_output_error(Path(path)):
        # "x" with the process's own mask, where tempfile would make a file that only its owner can read.
        file = partial.open("xb")
        try:
            with file:
                yield file
            if force:
                partial.replace(target)
            else:
                _rename_unless_exists(partial, target)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a path beside, where nothing is yet, to make a folder at: it becomes `path` whole, or nothing stays of it.

    Raises OutputExists where something is there, OutputError for every failure of the file system inside the block.
    """
    partial = path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}.part")
    with _as_output_error(path):
        if path.exists() or path.is_symlink():
            raise OutputExists(path)
        try:
            yield partial
            # Fails if someone else has put something there in the meantime, an empty folder aside.
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _rename_unless_exists(partial: Path, target: Path) -> None:
    """Give `partial` its name, atomically failing if someone else took it in the meantime."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise OutputExists(target) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        # No hard links here (FAT, some network drives): the check is then not atomic, the rename still is.
        if target.exists():
            raise OutputExists(target) from None
        partial.replace(target)


@contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # The reader of a pipe went away: whoever runs the process treats that in its own way.
        raise
    except OSError as error:
        raise OutputError(path, why(error)) from error


def _is_device(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.is_char_device() or path.is_block_device() or path.is_fifo()
    return False
