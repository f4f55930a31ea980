"""Files at URLs, by fsspec: s3://, gs://, https:// and whatever else it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from gcodec.errors import GcodecError, OutputError, UnusablePlugin, UsageError
from gcodec.files import why

__all__ = [
    "address_of",
    "filesystem",
    "is_url",
    "names_at",
    "of_cloud",
    "open_any",
    "part_of",
    "put",
]

#: Kind of URL -> the extra of this distribution that brings its library.
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}


def is_url(text: str) -> bool:
    """Whether this is a URL rather than a path."""
    return "://" in text


def filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the path there. Raises UnusablePlugin, UsageError, OSError."""
    try:
        import fsspec
    except ImportError as error:
        raise UnusablePlugin(
            "batch", "URLs need fsspec: pip install 'gcodec-batch[remote]'"
        ) from error
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        scheme = url.rpartition("::")[2].partition("://")[0]
        extra = f": pip install 'gcodec-batch[{_EXTRAS[scheme]}]'" if scheme in _EXTRAS else ""
        raise UnusablePlugin("batch", f"{url}: {error}{extra}") from error
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a URL that lacks what its kind needs, an archive that is none
        raise UsageError(f"{url}: {_said(error)}") from error
    return fs, path


@contextmanager
def of_cloud(path: str) -> Iterator[None]:
    """Raise OSError for whatever the library of a cloud raises about a URL."""
    try:
        yield
    except (GcodecError, OSError, MemoryError):
        raise
    except Exception as error:
        if not is_url(path):
            raise
        raise OSError(_said(error)) from error


def open_any(path: str) -> BinaryIO:
    """Open a file at a path or a URL for reading. Raises OSError."""
    if is_url(path):
        fs, inner = filesystem(path)
        stream: BinaryIO = fs.open(inner, "rb")
        return stream
    return Path(path).open("rb")


def part_of(path: str, offset: int, size: int) -> bytes:
    """Bytes of a file at a path or a URL, fewer where it ends before. Raises OSError.

    Of a URL no more is asked for: fsspec's files read 5 MB ahead.
    """
    if is_url(path):
        fs, inner = filesystem(path)
        data: bytes = fs.cat_file(inner, start=offset, end=offset + size)
        return data
    with Path(path).open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)


def address_of(fs: Any, name: str, source: str) -> str:
    """The URL of what a file system calls `name`, of the one that `filesystem` returned for `source`."""
    address = str(fs.unstrip_protocol(name))
    words = source.split("::")
    first = next(number for number, word in enumerate(words) if is_url(word))
    # filecache::zip://photos::some.zip: caches, what is in the archive, where that is
    caches, inside, archive = words[:first], words[first], words[first + 1 :]
    lost = address.startswith(f"{inside.partition('://')[0]}://")
    return "::".join([*caches, address, *(archive if lost else ())])


def names_at(url: str) -> set[str]:
    """The names of what lies at a URL, none where nothing does. Raises OutputError."""
    try:
        fs, path = filesystem(url)
    except OSError as error:
        raise OutputError(url, why(error)) from error
    try:
        fs.invalidate_cache()
        found = fs.ls(path, detail=False)
    except FileNotFoundError:
        return set()
    except Exception as error:  # libraries of clouds raise what they like
        raise OutputError(url, f"it cannot be listed: {_said(error)}") from error
    return {str(name).rstrip("/").rpartition("/")[2] for name in found}


def put(data: Path | bytes, url: str) -> None:
    """Have a file, or bytes, at a URL: whole when this returns, as its size says. Raises OutputError."""
    try:
        fs, path = filesystem(url)
        if isinstance(data, bytes):
            size = len(data)
            fs.pipe_file(path, data)
        else:
            size = data.stat().st_size
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(data), path)
        there = fs.size(path)
    except GcodecError:
        raise
    except Exception as error:
        raise OutputError(url, _said(error)) from error
    if there != size:
        raise OutputError(url, f"{there} bytes arrived of {size}")


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return why(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
