"""What is done to one input: bytes in, files and facts out."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gcodec.cli.common import json_text
from gcodec.errors import GcodecError, OutputError
from gcodec_batch._plan import Work, companion_of
from gcodec_batch._sources import Item, read_beside, read_item

if TYPE_CHECKING:
    from gcodec.pipeline.decoding import Decoded, Received
    from gcodec.pipeline.session import Session

__all__ = ["COLUMNS", "Result", "done", "done_together", "lost", "unnamed"]

T = TypeVar("T")
#: A file's bytes, and what its row says of it.
Made = tuple[bytes, dict[str, Any]]

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
    one = _One(work, item, key)
    made = one.tried(partial(_VERBS[work.verb], work, session, item, key))
    return made if isinstance(made, Result) else one.result(made)


def done_together(
    work: Work, session: Session, several: Sequence[tuple[Item, str, bytes | None]]
) -> list[Result]:
    """Do the work on inputs whose pictures are made at once: (item, key, its bytes if they are known). Raises as `done`.

    Where that cannot be, for want of memory say, each is done alone, and its row says so.
    """
    ones = [_One(work, item, key) for item, key, _ in several]
    received = [
        one.tried(partial(_received, work, session, item, data))
        for one, (item, _, data) in zip(ones, several, strict=True)
    ]
    found = _finished(session, [one for one in received if not isinstance(one, Result)], ones)
    if isinstance(found, str):
        del received
        alone = [done(work, session, item, key) for item, key, _ in several]
        return [_warned(result, found) for result in alone]
    pictures = iter(found)
    results = []
    for one, failed in zip(ones, received, strict=True):
        if isinstance(failed, Result):
            results.append(failed)
            continue
        made = one.tried(partial(_AFTER[work.verb], work, session, next(pictures)))
        results.append(made if isinstance(made, Result) else one.result(made))
    return results


def _finished(
    session: Session, received: Sequence[Received], ones: Sequence[_One]
) -> list[Decoded] | str:
    """The pictures, or why they cannot be made at once; what it took and what was warned of is all of theirs."""
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            return session.finish(received)
    except Exception as error:
        return f"done alone: together it was {type(error).__name__}: {_line(error)}"
    finally:
        for one in ones:
            one.seconds += (time.perf_counter() - start) / len(ones)
            one.heard += [_line(each.message) for each in heard]


@dataclass
class _One:
    """One input on its way to a row: seconds that it took until now, and what was warned of."""

    work: Work
    item: Item
    key: str
    seconds: float = 0.0
    heard: list[str] = field(default_factory=list)

    def tried(self, call: Callable[[], T]) -> T | Result:
        """What a call returns, or the row that says why it does not."""
        start = time.perf_counter()
        try:
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                return call()
        except OutputError:
            raise
        except GcodecError as error:
            reason = f"{type(error).__name__}: {_line(error)}"
        except MemoryError:
            reason = "MemoryError: out of memory"
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            defect = f"(a defect: {where.name}, line {where.lineno})"
            reason = f"{type(error).__name__}: {_line(error)} {defect}"
        finally:
            self.seconds += time.perf_counter() - start
            self.heard += [_line(one.message) for one in heard]
        return Result(_row(self.key, self.item, "failed", reason, self.seconds))

    def result(self, made: Made) -> Result:
        """What became of it, with what stands beside it in its sample."""
        beside = self.tried(lambda: read_beside(self.item) if self.work.tars else {})
        if isinstance(beside, Result):
            return beside
        data, facts = made
        row = _row(self.key, self.item, "success", "", self.seconds) | facts
        row["bytes"], row["digest"] = len(data), hashlib.sha256(data).hexdigest()
        row["warning"] = "; ".join(dict.fromkeys(self.heard))
        files = {self.work.suffix: data}
        if self.work.tars:
            files[".json"] = _about(row, beside.pop(".json", b""))
            files |= {suffix: other for suffix, other in beside.items() if suffix not in files}
        return Result(row, files)


def lost(item: Item, key: str, reason: str) -> Result:
    """The row of an input that is given up."""
    return Result(_row(key, item, "failed", reason, 0.0))


def unnamed(result: Result, reason: str) -> Result:
    """The row of an input whose output cannot have its name here."""
    failed = {"status": "failed", "error": f"OutputError: {_line(reason)}"}
    return Result({**result.row, **dict.fromkeys(_OF_FILE), **failed})


def _warned(result: Result, text: str) -> Result:
    """The same, with one warning more in its row."""
    before = result.row["warning"]
    return replace(result, row={**result.row, "warning": f"{before}; {text}" if before else text})


def _encoded(work: Work, session: Session, picture: Any, beside: Path | None = None) -> Made:
    from gcodec.pipeline.ratecontrol import Target
    from gcodec.pipeline.trying import Trials

    name, options = work.embed
    settings = _settings(work, "encode", beside)
    target = Target(**settings.pop("target"))
    if "trials" in settings:
        settings["trials"] = Trials(**settings["trials"])
    made = session.encode(picture, name, target=target, options=options, **settings)
    return made.data, {**_size(made.data), "quality": made.quality}


def _received(work: Work, session: Session, item: Item, data: bytes | None = None) -> Received:
    name, options = work.recon or (None, {})
    data = read_item(item) if data is None else data
    settings = _settings(work, "decode", companion_of(work, item, ""))
    return session.receive(data, name, options=options, **settings)


def _settings(work: Work, what: str, beside: Path | None) -> dict[str, Any]:
    """Further arguments for an input, its companion among them."""
    settings = dict(work.settings[what])
    return settings | {"companions": [beside]} if beside else settings


def _saved(work: Work, session: Session, made: Decoded) -> Made:
    from gcodec.pipeline.decoding import save_decoded

    stream = BytesIO()
    save_decoded(made, stream, format=work.format)
    _, height, width = made.picture.pixels.shape
    return stream.getvalue(), {"width": width, "height": height}


def _decoded(work: Work, session: Session, item: Item, key: str) -> Made:
    (made,) = session.finish([_received(work, session, item)])
    return _AFTER[work.verb](work, session, made)


def _size(data: bytes) -> dict[str, Any]:
    import gcodec_formats as gcx

    size = gcx.read(data).header.size
    return {"width": size.width, "height": size.height}


#: Verb -> what it makes of a decoded picture.
_AFTER: dict[str, Callable[[Work, Any, Any], Made]] = {
    "decode": _saved,
    "transcode": lambda work, session, made: _encoded(work, session, made.picture),
}
_VERBS: dict[str, Callable[[Work, Any, Item, str], Made]] = {
    "encode": lambda work, session, item, key: _encoded(
        work, session, read_item(item), companion_of(work, item, key)
    ),
    "decode": _decoded,
    "transcode": _decoded,
}


def _row(key: str, item: Item, status: str, error: str, seconds: float) -> dict[str, Any]:
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
