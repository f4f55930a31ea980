"""What a source holds, and the bytes of one thing of it.

A source is a folder, a pattern (photos/**/*.jpg, shards/{00000..00007}.tar), a .tar, a .parquet or a URL of fsspec. Tars are
read as WebDataset does: members of one name up to the first dot are one sample, of which one is the picture. Parquet files
hold pictures as Hugging Face's `datasets` writes them: a column of struct<bytes, path>, or of bytes.
"""

from __future__ import annotations

import glob
import os
import re
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias

from gcodec.errors import ImageError
from gcodec.files import file_bytes, why
from gcodec_batch._remote import address_of, filesystem, is_url, of_cloud, open_any, part_of

__all__ = ["Found", "Item", "find", "read_beside", "read_item", "some", "stamp_of"]

#: Where bytes are, in words that MessagePack keeps: its kind, then what `_READERS` takes.
Place: TypeAlias = tuple[Any, ...]

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


#: What a run leaves in its destination, which is another run's source, and holds no picture.
ROWS = "rows.parquet"
_LEFT = re.compile(rf"(?:.*/)?(?:{re.escape(ROWS)}|\d{{5,}}(?:\.parquet|_stats\.json))")


#: Names of files passed over that are said.
_NAMED = 5


@dataclass(frozen=True)
class Item:
    """One input.

    name       what people call it, with slashes, below the source: a/photo.png, or 00000.tar/000000017.jpg.
    place      where its bytes are.
    stamp      changes when they do: size and time of the file that they are in.
    beside     other members of the same sample of a tar: suffix with its dot -> place.
    companion  the stamp of its companion, "" where it has none.
    """

    name: str
    place: Place
    stamp: str
    beside: tuple[tuple[str, Place], ...] = ()
    companion: str = ""


@dataclass(frozen=True)
class Found:
    """Items in the order of their names, and names of files that were passed over."""

    items: list[Item]
    others: list[str]


def find(
    source: str, wanted: Callable[[str], bool], dest: Path | None = None, url: str = ""
) -> Found:
    """Return every input of a source whose name is `wanted`; hidden files, names that are not and pipes are `others`.

    Where `dest` or `url` is a folder in the source, what is there is neither: it is what the run itself makes.

    A tar that ends too early gives what is whole of it, and an item that says so when it is read. Raises ImageError where
    the source cannot be looked at or holds nothing that is wanted.
    """
    found, others = [], []
    for name, path, stamp in _files(source, dest, url):
        hidden = _is_hidden(name)
        suffix = PurePosixPath(name).suffix.lower()
        if not hidden and stamp and suffix in _CONTAINERS:
            inside = _CONTAINERS[suffix](name, path, stamp, wanted)
            found += inside.items
            others += inside.others or ([] if inside.items or _LEFT.fullmatch(name) else [name])
        elif _LEFT.fullmatch(name):
            continue
        elif hidden or not stamp or not wanted(name):
            others.append(name)
        else:
            found.append(Item(name, ("file", path), stamp))
    if not found:
        passed = f"; passed over: {some(sorted(others))}" if others else ""
        raise ImageError(source, f"nothing in it can be taken{passed}")
    found.sort(key=lambda item: item.name.encode())
    return Found(found, sorted(others))


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def read_item(item: Item) -> bytes:
    """Return the bytes of an input. Raises ImageError."""
    return _read(item.place, item.name)


def read_beside(item: Item) -> dict[str, bytes]:
    """Return what stands beside it in its sample: suffix -> bytes. Raises ImageError."""
    return {suffix: _read(place, item.name + suffix) for suffix, place in item.beside}


def _read(place: Place, name: str) -> bytes:
    kind, *where = place
    try:
        with of_cloud(where[0]):
            return _READERS[kind](*where)
    except OSError as error:
        raise ImageError(name, f"cannot be read: {error.strerror or error}") from error


def _files(source: str, dest: Path | None, url: str) -> Iterator[tuple[str, str, str]]:
    """Name below the source, path or URL, and stamp of every file, "" of a pipe, a socket or a device."""
    for text in _expanded(source):
        yield from _remote(text, dest, url) if is_url(text) else _local(text, dest)


def _expanded(source: str) -> Iterable[str]:
    """shards/{00..02}.tar -> three words."""
    match = _RANGE.search(source)
    if match is None or Path(source).exists():
        return [source]
    first, last = match.groups()
    return [
        word
        for number in range(int(first), int(last) + 1)
        for word in _expanded(
            f"{source[: match.start()]}{number:0{len(first)}d}{source[match.end() :]}"
        )
    ]


def _local(source: str, dest: Path | None) -> Iterator[tuple[str, str, str]]:
    top = Path(source)
    if top.is_dir():
        paths: Iterable[Path] = _walk(top)
    elif top.exists() or not glob.has_magic(source):
        top, paths = top.parent, [top]
    else:
        fixed = Path(*_until_magic(Path(source).parts))
        top, paths = fixed, sorted(Path(p) for p in glob.glob(source, recursive=True))  # noqa: PTH207
    own = _within(dest, top)
    for path in paths:
        if own in path.parents:
            continue
        try:
            about = path.stat()
        except OSError as error:
            if len(path.parts) and path == Path(source):
                raise ImageError(source, f"cannot be read: {error.strerror}") from error
            yield _below(path, top), str(path.absolute()), "?"  # said when it is read
            continue
        if not stat.S_ISDIR(about.st_mode):
            yield _below(path, top), str(path.absolute()), stamp_of(about)


def stamp_of(about: os.stat_result) -> str:
    """The stamp of a file, "" of what is none."""
    return f"{about.st_size}:{about.st_mtime_ns}" if stat.S_ISREG(about.st_mode) else ""


def _within(dest: Path | None, top: Path) -> Path | None:
    """A folder as a path below another, None where it is not in it."""
    try:
        below = dest.resolve().relative_to(top.resolve()) if dest else Path()
    except ValueError:
        return None
    return top / below if below.parts else None


def _below(path: Path, top: Path) -> str:
    return _text(path.relative_to(top).as_posix())


def _text(name: str) -> str:
    """A name that rows can hold: what is not Unicode in it is written out."""
    return name.encode(errors="backslashreplace").decode()


def _is_hidden(name: str) -> bool:
    """Whether a name is hidden, is in a folder that is, or leads out of where it stands: ../photo.png."""
    return any(part.startswith(".") and part != "." for part in re.split(r"[/\\]", name))


def _until_magic(parts: tuple[str, ...]) -> Iterator[str]:
    for part in parts[:-1]:
        if glob.has_magic(part):
            return
        yield part


def _walk(top: Path) -> Iterator[Path]:
    try:
        with os.scandir(top) as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise ImageError(str(top), f"cannot be read: {error.strerror}") from error
    for entry in entries:
        # Links to folders are not followed: they may lead in a circle.
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _remote(source: str, dest: Path | None, url: str) -> Iterator[tuple[str, str, str]]:
    try:
        with of_cloud(source):
            fs, path = filesystem(source)
            if glob.has_magic(path):
                found = fs.glob(path, detail=True)
            elif fs.isdir(path):
                found = fs.find(path, detail=True)
            else:
                found = {path: fs.info(path)}
            top = path if fs.isdir(path) else str(PurePosixPath(path).parent)
    except FileNotFoundError as error:
        raise ImageError(source, "nothing is there") from error
    except OSError as error:
        raise ImageError(source, f"cannot be listed: {why(error)}") from error
    while glob.has_magic(top):
        top = str(PurePosixPath(top).parent)
    whole = f"{fs.unstrip_protocol(top).rstrip('/')}/"
    folders = (f"{url.rstrip('/')}/", f"file://{dest.resolve()}/" if dest else "/")
    own = tuple(folder for folder in folders if folder.startswith(whole) and folder != whole)
    for name, about in sorted(found.items()):
        if about.get("type") == "directory" or fs.unstrip_protocol(name).startswith(own):
            continue
        address = address_of(fs, name, source)
        stamp = (
            about.get("ETag")
            or about.get("mtime")
            or about.get("LastModified")
            or about.get("CRC")
            or ""
        )
        below = str(PurePosixPath(name).relative_to(top))
        regular = about.get("type") != "other"
        yield below, address, f"{about.get('size')}:{stamp}" if regular else ""


def _tar(name: str, path: str, stamp: str, wanted: Callable[[str], bool]) -> Found:
    """The samples of a tar; what is cut off, or no tar at all, is an item that says so.

    Of two members of one name the first is taken.
    """
    samples: dict[str, dict[str, Place]] = {}
    others = []
    reason = ""
    try:
        with of_cloud(path), open_any(path) as stream:
            archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115
            for member in archive:
                if not member.isfile():
                    continue
                inside = _text(member.name)
                key, suffix = _sample(inside)
                if _is_hidden(inside) or suffix in samples.get(key, ()):
                    others.append(f"{name}/{inside}")
                    continue
                place = ("part", path, member.offset_data, member.size)
                samples.setdefault(key, {})[suffix] = place
            reason = _end_of(stream, archive.offset)
    except (tarfile.TarError, OSError) as error:
        reason = f"no sound tar: {error}"
    items = [_picture_of(name, key, parts, stamp, wanted) for key, parts in samples.items()]
    made = [item for item in items if item is not None]
    end = [Item(f"{name}/~", ("broken", reason), stamp)] if reason else []
    return Found([*made, *end], others)


def _end_of(stream: BinaryIO, offset: int) -> str:
    """Why a tar that was read up to `offset` is not whole: a tar cut between two members looks whole to every reader."""
    stream.seek(offset)
    trailer = stream.read(2 * tarfile.BLOCKSIZE)
    if len(trailer) == 2 * tarfile.BLOCKSIZE and not any(trailer):
        return ""
    return "the tar is cut short: it does not end in two blocks of zeros"


def _sample(name: str) -> tuple[str, str]:
    folder, _, last = name.rpartition("/")
    stem, dot, suffix = last.partition(".")
    return f"{folder}/{stem}" if folder else stem, dot + suffix


def _picture_of(
    name: str,
    key: str,
    parts: Mapping[str, Place],
    stamp: str,
    wanted: Callable[[str], bool],
) -> Item | None:
    picture = next((suffix for suffix in parts if wanted(key + suffix)), None)
    if picture is None:
        return None
    beside = tuple((suffix, place) for suffix, place in parts.items() if suffix != picture)
    return Item(f"{name}/{key}{picture}", parts[picture], stamp, beside)


def _parquet(name: str, path: str, stamp: str, wanted: Callable[[str], bool]) -> Found:
    """Each row of a parquet file that has a column of pictures, whatever they are called."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with of_cloud(path), open_any(path) as stream:
            file = pq.ParquetFile(stream)
            column = _image_column(file.schema_arrow)
            if column is None:  # rows of another run, say
                return Found([], [])
            items = [
                Item(f"{name}/{group:04d}-{row:06d}", ("row", path, column, group, row), stamp)
                for group in range(file.num_row_groups)
                for row in range(file.metadata.row_group(group).num_rows)
            ]
    except (pa.ArrowException, OSError) as error:
        items = [Item(f"{name}/~", ("broken", f"no sound parquet file: {error}"), stamp)]
    return Found(items, [])


def _image_column(schema: Any) -> str | None:
    import pyarrow as pa

    for field in schema:
        kind = field.type
        if pa.types.is_struct(kind) and {"bytes", "path"} <= {f.name for f in kind}:
            return str(field.name)
    for field in schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            return str(field.name)
    return None


@lru_cache(maxsize=1)
def _group(path: str, column: str, group: int) -> Any:
    """The pictures of a row group; the last is kept, for rows come in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_any(path) as stream:
            file = pq.ParquetFile(stream, pre_buffer=False)
            return file.read_row_group(group, [column], use_threads=False).column(0)
    except pa.ArrowException as error:
        raise OSError(f"no sound parquet file: {error}") from error


def _row(path: str, column: str, group: int, row: int) -> bytes:
    value = _group(path, column, group)[row].as_py()
    data = value.get("bytes") if isinstance(value, dict) else value
    if not data:
        raise OSError("the row holds no bytes")
    return bytes(data)


def _part(path: str, offset: int, size: int) -> bytes:
    data = part_of(path, offset, size)
    if len(data) != size:
        raise OSError("the tar is cut short")
    return data


def _whole(path: str) -> bytes:
    if not is_url(path):
        return file_bytes(path)
    fs, inner = filesystem(path)
    data: bytes = fs.cat_file(inner)
    return data


def _broken(reason: str) -> bytes:
    raise OSError(reason)


_CONTAINERS: dict[str, Callable[..., Found]] = {".tar": _tar, ".parquet": _parquet}
_READERS: dict[str, Callable[..., bytes]] = {
    "file": _whole,
    "part": _part,
    "row": _row,
    "broken": _broken,
}
