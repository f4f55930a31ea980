"""Making one shard: input by input into a journal, then its files, then the sign that it is whole.

    00000.tar           KEY.gcx and KEY.json of every success, in the order of the plan (outputs in tars)
    00000.parquet       a row for every input
    00000_stats.json    written last: a shard without it is not whole, whatever else lies there

With a URL the same files go there, in this order, and the tar does not stay here. A tree has its pictures at their places
instead of the tar, and rows and stats in the state folder. Killed at any moment, the next call goes on after the last whole
record, and writes what an unbroken run would have written, but for the times.
"""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gcodec.cli.common import json_text
from gcodec.errors import OutputError
from gcodec.files import atomic_write, why
from gcodec_batch._groups import groups
from gcodec_batch._journal import Journal
from gcodec_batch._plan import Plan, Shard
from gcodec_batch._remote import open_any, put
from gcodec_batch._rows import table, tables
from gcodec_batch._verbs import Result, done, done_together, lost, unnamed

if TYPE_CHECKING:
    from gcodec.pipeline.session import Session

__all__ = [
    "Made",
    "discard",
    "in_flight",
    "lost_files",
    "make",
    "made",
    "output_errors",
    "reopen",
    "replaced",
    "rows_of",
    "table_of",
]

#: Told before ("begin") and after ("end") each input, and before a group ("together", its first input that is not done):
#: the word, its index, and of how many inputs it tells; with "end" whether it went well.
Tell = Callable[[str, int, int], None]

_GROUP = 4096

#: What a file system answers to a name that it cannot have; others are of the destination as a whole.
_NAMES = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


@dataclass(frozen=True)
class Made:
    """How many inputs a shard has, and how many of them failed."""

    count: int
    failed: int


def made(plan: Plan, shard: Shard) -> Made | None:
    """What a finished shard says of itself, None where it is not whole. Raises OutputError."""
    if not _file(plan, shard, ".parquet").is_file():
        return None
    if plan.work.tars and not plan.work.upload and not _ends(_file(plan, shard, ".tar")):
        return None
    try:
        stats = json.loads(_file(plan, shard, "_stats.json").read_text("utf-8"))
        return Made(int(stats["count"]), int(stats["failed"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(_file(plan, shard, "_stats.json")) from error


def make(
    plan: Plan,
    number: int,
    session: Session,
    tell: Tell = lambda *_: None,
    hopeless: Mapping[int, str] | None = None,
    apart: Collection[int] = (),
) -> Made:
    """Make a shard, or what is missing of it.

    hopeless  inputs that are given up: index -> why.
    apart     inputs that are done alone, and so are those that would be read beside them: processes ended there.

    Raises OutputError where the destination cannot be written; the journal keeps what is done. So it does where another
    worker has begun the same shard since: that one was told that this one is dead.
    """
    with output_errors(plan.folder):
        shard = plan.shard(number)
        if (before := made(plan, shard)) is not None:
            # Of a worker that died between its last file and this.
            _journal(plan, shard).unlink(missing_ok=True)
            return before
    items, outputs = shard.inputs.items, shard.inputs.outputs
    given_up = hopeless or {}
    alone = frozenset({*apart, *given_up})

    def write(index: int, result: Result) -> None:
        result = _written(plan, outputs[index], result)
        journal.append([index, dict(result.row), dict(result.files) if plan.work.tars else {}])
        places[index] = len(journal) - 1
        tell("end", index, result.row["status"] == "success")

    with output_errors(plan.folder), closing(Journal(_journal(plan, shard))) as journal:
        journal.take()
        places = {
            index: n
            for index, n in _places(journal).items()
            if _there(plan, shard, index, journal[n][1])
        }
        for group in groups(plan.work, items, places, alone, partial(tell, "together")):
            missing = [index for index in group if index not in places]
            if len(group) == 1:
                for index in missing:
                    tell("begin", index, 1)
                    if index in given_up:
                        write(index, lost(items[index], outputs[index], given_up[index]))
                    else:
                        write(index, done(plan.work, session, items[index], outputs[index]))
            else:
                tell("together", missing[0], len(group))
                several = [(items[index], outputs[index], data) for index, data in group.items()]
                results = done_together(plan.work, session, several)
                for index, result in zip(group, results, strict=True):
                    if index in missing:
                        write(index, result)
        found = made(plan, shard)  # by another
        if found is None:
            if not journal.ours:
                raise OutputError(plan.folder, f"another worker has begun shard {shard.name} again")
            found = _finish(plan, shard, journal, places)
    _journal(plan, shard).unlink(missing_ok=True)
    return found


def in_flight(plan: Plan, number: int) -> tuple[int, int | None]:
    """How many inputs of an unfinished shard are done, and the index of the one that a worker is at, or was at when it died.

    None where all are done and only files are to be written.
    """
    shard = plan.shard(number)
    with output_errors(plan.folder):
        done = _places(Journal(_journal(plan, shard)))
    return len(done), next((n for n in range(len(shard.inputs.items)) if n not in done), None)


def _places(journal: Journal) -> dict[int, int]:
    """Index of an input -> number of its record."""
    return {journal[n][0]: n for n in range(len(journal))}


def rows_of(plan: Plan, shard: Shard) -> list[dict[str, Any]]:
    """The rows of a finished shard."""
    rows: list[dict[str, Any]] = table_of(plan, shard).to_pylist()
    return rows


def table_of(plan: Plan, shard: Shard, columns: list[str] | None = None) -> Any:
    """The rows of a finished shard, or some columns of them, as a table of Arrow. Raises OutputError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _file(plan, shard, ".parquet")
    try:
        with path.open("rb") as stream:  # pyarrow may take a path for a URL
            # In this thread alone: one of Arrow's that lets go of the stream as this process ends aborts it.
            return pq.ParquetFile(stream, pre_buffer=False).read(columns, use_threads=False)
    except pa.ArrowException as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> OutputError:
    again = "remove it, and the same command makes its shard again"
    return OutputError(path, f"what a run wrote there cannot be read; {again}")


def discard(plan: Plan, shard: Shard) -> None:
    """Make a finished shard one of which nothing is done."""
    with output_errors(plan.folder):
        _file(plan, shard, "_stats.json").unlink()


def lost_files(plan: Plan, shard: Shard) -> set[int]:
    """Inputs of a finished shard whose files of a tree are no longer there."""
    if plan.work.tars:
        return set()
    rows = table_of(plan, shard, ["status", "bytes"]).to_pylist()
    return {index for index, row in enumerate(rows) if not _there(plan, shard, index, row)}


def reopen(plan: Plan, shard: Shard, again: Collection[int]) -> None:
    """Make a finished shard unfinished, without the inputs that are to be done `again`."""
    if not again:
        return
    rows = rows_of(plan, shard)
    path = _journal(plan, shard)
    with output_errors(plan.folder):
        partial = path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")
        with closing(Journal(partial)) as journal:
            files = _tar_files(plan, shard)
            for index, row in enumerate(rows):
                if index not in again:
                    journal.append([index, row, files.get(row["key"], {})])
            journal.sync()
        partial.replace(path)
        _file(plan, shard, "_stats.json").unlink()


def _there(plan: Plan, shard: Shard, index: int, row: dict[str, Any]) -> bool:
    """Whether what an input has made is where it belongs: a power cut may take files that a journal speaks of."""
    if plan.work.tars or row["status"] != "success":
        return True
    try:
        return (plan.folder / shard.inputs.outputs[index]).stat().st_size == int(row["bytes"])
    except FileNotFoundError:
        return False


def _written(plan: Plan, output: str, result: Result) -> Result:
    """Write a file of a tree, and return what became of it."""
    if plan.work.tars or not result.files:
        return result
    path = plan.folder / output
    plan.state.stat()  # a destination that has vanished is not made anew, with one file in it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as stream:
            stream.write(next(iter(result.files.values())))
    except (OSError, OutputError) as error:
        cause = error.__cause__ if isinstance(error, OutputError) else error
        if not isinstance(cause, OSError) or cause.errno not in _NAMES:
            raise
        return unnamed(result, f"{output} cannot be a name here: {cause.strerror}")
    return result


def _finish(plan: Plan, shard: Shard, journal: Journal, places: dict[int, int]) -> Made:
    """Write what the journal holds as the shard's files, the sign last."""
    order = [places[index] for index in range(len(shard.inputs.items))]
    if plan.work.tars:
        with _whole(_file(plan, shard, ".tar")) as stream, _archive(stream) as tar:
            for _, row, files in map(journal.__getitem__, order):
                for suffix, data in files.items():
                    _add(tar, row["key"] + suffix, data)
    counts: Counter[str] = Counter()
    seconds = 0.0
    with _whole(_file(plan, shard, ".parquet")) as stream, tables(stream) as write:
        for at in range(0, len(order), _GROUP):
            rows = [journal[place][1] for place in order[at : at + _GROUP]]
            write(table(rows))
            if not plan.work.tars:
                _sync(plan.folder / row["key"] for row in rows if row["status"] == "success")
            counts.update(row["error"].partition(":")[0] or "success" for row in rows)
            seconds += sum(row["seconds"] for row in rows)
    found = Made(len(order), len(order) - counts["success"])
    stats = {
        "count": found.count,
        "successes": counts["success"],
        "failed": found.failed,
        "status_dict": dict(sorted(counts.items())),
        "seconds": round(seconds, 3),
    }
    sign = f"{json_text(stats)}\n".encode()
    if plan.work.upload:
        for suffix in (".tar", ".parquet"):
            put(_file(plan, shard, suffix), _url(plan, shard, suffix))
        put(sign, _url(plan, shard, "_stats.json"))
        _file(plan, shard, ".tar").unlink()
    with _whole(_file(plan, shard, "_stats.json")) as stream:
        stream.write(sign)
    return found


def _file(plan: Plan, shard: Shard, suffix: str) -> Path:
    folder = plan.folder if plan.work.tars else plan.state
    return folder / f"{shard.name}{suffix}"


def _url(plan: Plan, shard: Shard, suffix: str) -> str:
    return f"{plan.work.upload.rstrip('/')}/{shard.name}{suffix}"


def _journal(plan: Plan, shard: Shard) -> Path:
    return plan.state / f"{shard.name}.journal"


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears whole or not at all, in place of an earlier one.

    Raises OutputError where something else is: whoever writes to a pipe may wait for ever for one who reads.
    """
    if path.exists() and not path.is_file():
        raise OutputError(
            path, "something that is no file is there, and no run made it; move it away"
        )
    with atomic_write(path, force=True) as stream:
        yield stream


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file in the place of `replaced`, on the disk before the next one begins."""
    with replaced(path) as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _sync(paths: Iterable[Path]) -> None:
    """Wait until the disk has files of a tree, whose shard is about to be called whole."""
    for path in paths:
        with path.open("r+b") as stream:  # Windows syncs only what could be written
            os.fsync(stream.fileno())


def _ends(path: Path) -> bool:
    """Whether there is a tar with its end, which one that was cut has not."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 2 * tarfile.BLOCKSIZE))
        return size > 0 and size % tarfile.RECORDSIZE == 0 and not any(stream.read())


@contextmanager
def _archive(stream: IO[bytes]) -> Iterator[tarfile.TarFile]:
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        yield tar


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(
        name
    )  # time 0, mode 0644, nobody's: the same bytes whenever it is made
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _tar_files(plan: Plan, shard: Shard) -> dict[str, dict[str, bytes]]:
    """Key -> suffix -> bytes of the shard's tar."""
    found: dict[str, dict[str, bytes]] = {}
    if plan.work.tars:
        uploaded = plan.work.upload
        path = _url(plan, shard, ".tar") if uploaded else str(_file(plan, shard, ".tar"))
        with open_any(path) as whole, tarfile.open(fileobj=whole, mode="r:") as tar:
            for member in tar:
                key, dot, suffix = member.name.partition(".")
                stream = tar.extractfile(member)
                assert stream is not None
                found.setdefault(key, {})[dot + suffix] = stream.read()
    return found


@contextmanager
def output_errors(folder: Path) -> Iterator[None]:
    """Whatever the file system says is about the destination."""
    try:
        yield
    except OSError as error:
        raise OutputError(folder, why(error)) from error
