"""What is done to one input: bytes in, files and facts out."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gcodec.cli.common import json_text
from gcodec.errors import GcodecError, OutputError
from gcodec_batch._plan import Work
from gcodec_batch._sources import Item, read_beside, read_item

if TYPE_CHECKING:
    from gcodec.pipeline.session import Session

__all__ = ["COLUMNS", "Result", "done", "lost", "unnamed"]

#: Column -> type of Arrow. Every input has a row, whatever became of it.
COLUMNS = {
    "key": "string",
    "source": "string",
    "status": "string",
    "error": "string",
    "warning": "string",
    "width": "int32",
    "height": "int32",
    "bytes": "int64",
    "digest": "string",
    "quality": "float64",
    "seconds": "float64",
}
_OF_FILE = ("width", "height", "bytes", "digest", "quality")


@dataclass(frozen=True)
class Result:
    """A row, and the files that the input made: suffix -> bytes, the result first; none where it failed."""

    row: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)


def done(work: Work, session: Session, item: Item, key: str) -> Result:
    """Do the work on one input. Whatever is wrong with it becomes its row.

    Raises OSError, which is of the output or of this machine, and what ends a process.
    """
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            data, facts = _VERBS[work.verb](work, session, read_item(item))
        beside = read_beside(item) if work.tars else {}
    except OutputError:
        raise
    except GcodecError as error:
        return Result(_row(key, item, "failed", f"{type(error).__name__}: {_line(error)}", start))
    except MemoryError:
        return Result(_row(key, item, "failed", "MemoryError: out of memory", start))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = (
            f"{type(error).__name__}: {_line(error)} (a defect: {where.name}, line {where.lineno})"
        )
        return Result(_row(key, item, "failed", text, start))
    row = _row(key, item, "success", "", start) | facts
    row["bytes"], row["digest"] = len(data), hashlib.sha256(data).hexdigest()
    row["warning"] = "; ".join(dict.fromkeys(_line(one.message) for one in heard))
    files = {work.suffix: data}
    if work.tars:
        files[".json"] = _about(row, beside.pop(".json", b""))
        files |= {suffix: other for suffix, other in beside.items() if suffix not in files}
    return Result(row, files)


def lost(item: Item, key: str, deaths: int) -> Result:
    """The row of an input under which so many processes ended."""
    text = f"WorkerError: {deaths} processes ended while they worked on it; it may need more memory than there is"
    return Result(_row(key, item, "failed", text, time.perf_counter()))


def unnamed(result: Result, reason: str) -> Result:
    """The row of an input whose output cannot have its name here."""
    failed = {"status": "failed", "error": f"OutputError: {_line(reason)}"}
    return Result({**result.row, **dict.fromkeys(_OF_FILE), **failed})


def _encode(work: Work, session: Session, data: bytes) -> tuple[bytes, dict[str, Any]]:
    from gcodec.pipeline.ratecontrol import Target

    name, options = work.embed
    settings = dict(work.settings["encode"])
    target = Target(**settings.pop("target"))
    made = session.encode(data, name, target=target, options=options, **settings)
    return made.data, {**_size(made.data), "quality": made.quality}


def _decode(work: Work, session: Session, data: bytes) -> tuple[bytes, dict[str, Any]]:
    from gcodec.pipeline.decoding import save_decoded

    made = _decoded(work, session, data)
    stream = BytesIO()
    save_decoded(made, stream, format=work.format)
    return stream.getvalue(), _size(data)


def _transcode(work: Work, session: Session, data: bytes) -> tuple[bytes, dict[str, Any]]:
    from gcodec.pipeline.ratecontrol import Target

    name, options = work.embed
    settings = dict(work.settings["encode"])
    target = Target(**settings.pop("target"))
    picture = _decoded(work, session, data).picture
    made = session.encode(picture, name, target=target, options=options, **settings)
    return made.data, {**_size(made.data), "quality": made.quality}


def _decoded(work: Work, session: Session, data: bytes) -> Any:
    name, options = work.recon or (None, {})
    return session.decode(data, name, options=options, **work.settings["decode"])


def _size(data: bytes) -> dict[str, Any]:
    import gcodec_formats as gcx

    size = gcx.read(data).header.size
    return {"width": size.width, "height": size.height}


_VERBS: dict[str, Callable[[Work, Any, bytes], tuple[bytes, dict[str, Any]]]] = {
    "encode": _encode,
    "decode": _decode,
    "transcode": _transcode,
}


def _row(key: str, item: Item, status: str, error: str, start: float) -> dict[str, Any]:
    seconds = time.perf_counter() - start
    row = {"key": key, "source": item.name, "status": status, "error": error, "warning": ""}
    return row | dict.fromkeys(_OF_FILE) | {"seconds": seconds}


def _about(row: Mapping[str, Any], original: bytes) -> bytes:
    """The sample's .json: what was there before, and the row but for its time, so that a run repeats byte for byte."""
    try:
        before = json.loads(original) if original else {}
    except ValueError:
        before = {}
    about = {name: value for name, value in row.items() if name != "seconds"}
    merged = {**before, **about} if isinstance(before, dict) else {"original": before, **about}
    return json_text(merged, indent=None).encode()


def _line(error: object) -> str:
    text = " ".join(str(error).split()) or "no reason given"
    return text.encode(errors="backslashreplace").decode()  # paths may be no Unicode
