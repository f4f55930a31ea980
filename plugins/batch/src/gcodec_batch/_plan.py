"""What a run does, fixed when it begins: the work, and which inputs make which shard.

The plan lies in a folder of the destination, `STATE`, beside the journals; a run that goes on holds what it is asked for
against it, so that no shard is ever made of two kinds of work or of other inputs than the first time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from gcodec.errors import GcodecError, OutputError, UsageError
from gcodec_batch._journal import Journal
from gcodec_batch._sources import Item, stamp_of

__all__ = [
    "GONE",
    "Inputs",
    "InputsChanged",
    "Plan",
    "Shard",
    "Work",
    "begun",
    "companion_of",
    "cut",
    "read_plan",
    "stamped",
    "write_plan",
]

STATE = ".gcodec-batch"
#: Stamp of an input of which it is known that it is no longer there.
GONE = "gone"
_PLAN = "plan"
_VERSION = 2


class InputsChanged(UsageError):
    """The source no longer holds what the plan in `folder` says: `new`, `changed` and `gone` are names.

    companions  whether inputs have them, of which the changed are among `changed`.
    """

    def __init__(
        self,
        folder: Path,
        new: Sequence[str],
        changed: Sequence[str],
        gone: Sequence[str],
        companions: bool = False,
    ) -> None:
        self.folder, self.new, self.changed, self.gone = str(folder), new, changed, gone
        first = (*changed, *gone, *new)[0]
        what = "inputs or companions" if companions else "inputs"
        super().__init__(
            f"{folder} was begun with other {what}: {len(new)} are new, {len(changed)} changed, {len(gone)} gone"
            f" ({first} first); --update takes them in, another destination begins anew"
        )


@dataclass(frozen=True)
class Work:
    """What is done to each input; plain values, the same in every process.

    verb       "encode", "decode" or "transcode".
    embed      name, options; () where there is no stage 1.
    recon      name, options; () where there is no stage 2 and where the file's own suggestion is followed.
    settings   further arguments of `gcodec.encode` ("encode") and `gcodec.decode` ("decode"), and of `Session` ("session");
               of companions the folder.
    format     suffix of decoded pictures, with its dot.
    tars       whether outputs go into tars rather than into a tree of files.
    upload     URL that shards go to, "" where they stay beside the plan.
    together   how many pictures of one shape go through the networks of stage 2 at once.
    shard_size inputs of one shard, None for what suits.
    precision  `dtype` of `Session` as it was meant where the run began, "auto" too, for all who go on with it; "" of files.
    """

    verb: str
    embed: tuple[Any, ...]
    recon: tuple[Any, ...]
    settings: Mapping[str, Mapping[str, Any]]
    format: str
    tars: bool
    upload: str = ""
    together: int = 1
    shard_size: int | None = None
    precision: str = field(default="", compare=False)

    @property
    def suffix(self) -> str:
        """Suffix of what is made."""
        return self.format if self.verb == "decode" else ".gcx"

    @property
    def companions(self) -> str:
        """The folder of companions, "" where inputs have none."""
        return next((s["companions"] for s in self.settings.values() if "companions" in s), "")


@dataclass(frozen=True)
class Inputs:
    """The items of one shard, and the name of what each makes, without suffix in a tar and with it in a tree."""

    items: list[Item]
    outputs: list[str]


@dataclass(frozen=True)
class Shard:
    """A shard of a plan by its number."""

    number: int
    inputs: Inputs

    @property
    def name(self) -> str:
        """Five digits."""
        return f"{self.number:05d}"


class Plan:
    """The plan in `folder`. Raises OutputError where there is none, or one of another version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / STATE / _PLAN
        if not begun(folder):
            raise OutputError(folder, "there is no plan of `gcodec batch` in it")
        self._records = Journal(path)
        try:
            head = self._records[0]
            if head["version"] != _VERSION or len(self._records) != head["shards"] + 1:
                raise ValueError
            self.source: str = head["source"]
            self.total: int = head["total"]
            self.work = Work(**{k: _tuples(v) for k, v in head["work"].items()})
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise OutputError(
                folder, f"its plan is damaged or of another gcodec: {path}"
            ) from error

    def __len__(self) -> int:
        return len(self._records) - 1

    def shard(self, number: int) -> Shard:
        """Raises IndexError."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        rows = self._records[number + 1]
        items = [Item(row[0], tuple(row[1]), row[2], _beside(row[3]), row[5]) for row in rows]
        return Shard(number, Inputs(items, [row[4] for row in rows]))

    def shards(self) -> Iterator[Shard]:
        """Every shard in order; one is in memory at a time."""
        return map(self.shard, range(len(self)))

    @property
    def state(self) -> Path:
        """The folder of journals."""
        return self.folder / STATE


def begun(folder: Path) -> bool:
    """Whether a destination has a plan."""
    return (folder / STATE / _PLAN).is_file()


def read_plan(folder: Path) -> Plan | None:
    """Return the plan of a destination, None where nothing was begun. Raises OutputError."""
    return Plan(folder) if begun(folder) else None


def write_plan(folder: Path, source: str, work: Work, shards: Sequence[Inputs]) -> Plan:
    """Write a plan whole, or not at all. Raises OSError."""
    state = folder / STATE
    path = state / f"{_PLAN}.{os.urandom(4).hex()}"
    head = {
        "version": _VERSION,
        "source": source,
        "total": sum(len(shard.items) for shard in shards),
        "shards": len(shards),
        "work": asdict(work),
    }
    try:
        with closing(Journal(path)) as records:
            records.append(head)
            for shard in shards:
                pairs = zip(shard.items, shard.outputs, strict=True)
                records.append(
                    [[i.name, i.place, i.stamp, i.beside, o, i.companion] for i, o in pairs]
                )
            records.sync()
        path.replace(state / _PLAN)
    finally:
        for left in state.glob(f"{path.name}*"):
            left.unlink()
    return Plan(folder)


def cut(
    items: Sequence[Item], work: Work, size: int, first: int = 0, taken: set[str] | None = None
) -> list[Inputs]:
    """Cut items into shards of `size`, numbered from `first`, and stamp them with their companions.

    taken  names of outputs that others have.
    """
    if work.tars:
        names = [f"{first + at // size:05d}{at % size:05d}" for at in range(len(items))]
    else:
        names = _outputs(items, work.suffix, taken or set())
    known = [stamped(work, item, name) for item, name in zip(items, names, strict=True)]
    return [
        Inputs(known[at : at + size], names[at : at + size]) for at in range(0, len(known), size)
    ]


def companion_of(work: Work, item: Item, output: str) -> Path | None:
    """The companion of an input, None where there are none: it is called as the file is that it goes with."""
    if not work.companions:
        return None
    return Path(work.companions) / (output if work.verb == "encode" else item.name)


def stamped(work: Work, item: Item, output: str, before: str = "") -> Item:
    """The item with the stamp of its companion, or that of `before` where it is no longer there."""
    companion = companion_of(work, item, output)
    if companion is None:
        return item
    with suppress(OSError, ValueError):
        before = stamp_of(companion.stat())
    return replace(item, companion=before)


def _outputs(items: Sequence[Item], suffix: str, taken: set[str]) -> list[str]:
    """a/photo.png -> a/photo.gcx; where a/photo.jpg wants that too, each keeps its own suffix: a/photo.png.gcx."""
    short = [str(PurePosixPath(item.name).with_suffix(suffix)) for item in items]
    wanted = Counter(short)
    taken = taken | {str(above) for name in short for above in PurePosixPath(name).parents}
    chosen = [
        name if wanted[name] == 1 and name not in taken else f"{item.name}{suffix}"
        for item, name in zip(items, short, strict=True)
    ]
    if doubled := [name for name, times in Counter(chosen).items() if times > 1]:
        raise GcodecError(f"two inputs would make {min(doubled)}")
    return chosen


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _beside(rows: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    return tuple((suffix, tuple(place)) for suffix, place in rows)
