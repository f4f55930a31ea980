"""What `gcodec mix` and `gcodec eval --keep` left in folders, as rows of one kind.

Files are looked for beside the record that names them, so that a folder may be moved or come from elsewhere, and a record
can ask for nothing that lies anywhere else. Only the original is looked for where the record says, or where the user does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gcodec.errors import UsageError
from gcodec.files import file_bytes
from gcodec.registry import registry
from gcodec_view._points import setting

__all__ = ["Row", "read"]

#: Options of decode that a record may hold.
_RECEIVING = {"--recon", "--model", "--via"}


@dataclass(frozen=True)
class Row:
    """A picture, coded and decoded; or why it was not.

    original        where it lies.
    embedding, reconstructor  as the user named them, options too: "flow:steps=4".
    target          as `eval` says it, "0.3 bpp"; "" where nothing was said.
    values          metric -> value; None where it could not be had.
    seconds         "encode", "decode" -> seconds.
    encode_words, decode_words  what `gcodec encode` and `decode` are told to do the same again.
    file, decoded   the .gcx file and the picture; None where `error` says why there is none.
    """

    original: Path
    embedding: str
    reconstructor: str
    target: str
    error: str | None
    values: Mapping[str, float | None]
    seconds: Mapping[str, float]
    encode_words: Sequence[str]
    decode_words: Sequence[str]
    file: Path | None
    decoded: Path | None


def read(sources: Sequence[Path], originals: Path | None = None) -> list[Row]:
    """Return the rows of folders and of records by name, in their order.

    originals: a folder with the originals that do not lie where records say. Raises UsageError for what holds no record and
    for an original or a result that is not there, ImageError for what cannot be read.
    """
    rows: list[Row] = []
    for source in sources:
        found = [row for path in _documents(source) for row in _rows(path, originals)]
        if not found:
            raise UsageError(
                f"{source} holds nothing that `gcodec mix` or `gcodec eval --keep` wrote"
            )
        rows += found
    return rows


def _documents(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    results = source / "results.json"
    return [results] if results.exists() else sorted(source.glob("*.json"))


def _rows(path: Path, originals: Path | None) -> Iterator[Row]:
    try:
        document = json.loads(file_bytes(path))
    except ValueError:
        return
    if not isinstance(document, dict):
        return
    try:
        if isinstance(document.get("points"), list):
            for point in document["points"]:
                yield _of_eval(path.parent, point, document["conditions"]["series"], originals)
        elif {"input", "embedding", "reconstructor", "file"} <= document.keys():
            yield _of_mix(path.parent, document, originals)
    except (KeyError, TypeError, ValueError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else error
        raise UsageError(f"{path} is no record of this version: {why}") from error


def _of_mix(folder: Path, record: Mapping[str, Any], originals: Path | None) -> Row:
    return Row(
        original=_original(record["input"], originals),
        target="",
        seconds={
            side: float(sum(record[f"{side}_seconds"].values())) for side in ("encode", "decode")
        },
        encode_words=tuple(map(str, record["encode_words"])),
        decode_words=_receiving(record["decode_words"]),
        file=_beside(folder, record["file"]),
        decoded=_beside(folder, record["reconstruction"]),
        **_common(record),
    )


def _of_eval(
    folder: Path, point: Mapping[str, Any], series: Mapping[str, Any], originals: Path | None
) -> Row:
    failed = point["error"] is not None
    if not failed and not point.get("picture"):
        raise UsageError(f"{folder} has no decoded pictures; run `gcodec eval` with --keep")
    sending, receiving = series[f"{point['embedding']}+{point['reconstructor']}"]
    words = ["--embed", setting(sending["embedding"], sending["options"])]
    words += ["--quality", str(point["quality"])] if not failed else []
    words += ["--seed", str(sending["seed"])] if sending["seed"] else []
    seconds = {side: point[f"{side}_seconds"] for side in ("encode", "decode")}
    return Row(
        original=_original(point["image"], originals),
        target=str(point["target"]),
        encode_words=words,
        decode_words=["--recon", setting(receiving["reconstructor"], receiving["options"])],
        seconds={side: float(value) for side, value in seconds.items() if value is not None},
        file=None if failed else _beside(folder / "files", point["file"]),
        decoded=None if failed else _beside(folder / "pictures", point["picture"]),
        **_common(point),
    )


def _receiving(words: Sequence[str]) -> list[str]:
    """What a receiver is told, of a record that may be anybody's: nothing that says where to write."""
    if len(words) % 2 or words[:1] != ["--recon"] or not {*words[::2]} <= _RECEIVING:
        raise ValueError(f"decode_words: {words}")
    return [str(word) for word in words]


def _common(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "embedding": str(record["embedding"]),
        "reconstructor": str(record["reconstructor"]),
        "error": None if record["error"] is None else str(record["error"]),
        "values": {
            name: None if record[name] is None else float(record[name])
            for name in registry().metrics
            if name in record
        },
    }


def _beside(folder: Path, named: str) -> Path:
    path = folder / _last(named)
    if not path.is_file():
        raise UsageError(f"{path} is missing; it is named by a record beside it")
    return path


def _original(named: str, originals: Path | None) -> Path:
    places = [Path(named), *([originals / _last(named)] if originals else [])]
    for path in places:
        if path.is_file():
            return path
    raise UsageError(f"the original {named} is not there; --originals FOLDER says where it lies")


def _last(named: str) -> str:
    """The last part of a path of any system."""
    return re.split(r"[/\\]", named)[-1]
