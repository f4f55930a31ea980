"""One run: a plan made or found, shards that are missing made, a summary."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from gcodec.errors import OutputError, UsageError
from gcodec.progress import Progress
from gcodec_batch._engine import Engine, EngineError, Means, locked
from gcodec_batch._plan import (
    GONE,
    STATE,
    Inputs,
    InputsChanged,
    Plan,
    Shard,
    Work,
    cut,
    read_plan,
    stamped,
    write_plan,
)
from gcodec_batch._remote import names_at
from gcodec_batch._rows import tables
from gcodec_batch._shard import (
    Made,
    discard,
    in_flight,
    lost_files,
    made,
    output_errors,
    reopen,
    replaced,
    rows_of,
    table_of,
)
from gcodec_batch._sources import ROWS, Item, find, some

__all__ = ["Outcome", "Request", "batch"]

_TAR_SIZE = 1000
#: Shards of a tree, of which nobody sees more than the rows: small enough to share out, few enough to list.
_TREE_SHARDS, _TREE_SIZE = 64, 1000


@dataclass(frozen=True)
class Request:
    """What is asked for; retry, update: as on the command line."""

    source: str
    dest: Path
    work: Work
    retry: bool = False
    update: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a plan.

    shards  what each shard says of itself, in the order of the plan.
    now     inputs that were done by this run.
    others  names that were passed over.
    """

    plan: Plan
    shards: Sequence[Made]
    now: int
    others: tuple[str, ...]

    @property
    def count(self) -> int:
        """Inputs in all."""
        return self.plan.total

    @property
    def failed(self) -> int:
        """Inputs that failed, by this run or before."""
        return sum(one.failed for one in self.shards)

    def failures(self, limit: int) -> list[dict[str, Any]]:
        """The first rows of inputs that failed."""
        found: list[dict[str, Any]] = []
        for number, one in enumerate(self.shards):
            if one.failed and len(found) < limit:
                rows = rows_of(self.plan, self.plan.shard(number))
                found += [row for row in rows if row["status"] != "success"]
        return found[:limit]


def batch(request: Request, engine: Engine, means: Means, progress: Progress) -> Outcome:
    """Make every shard that is not whole.

    Raises ImageError where the source holds nothing, InputsChanged, UsageError where the destination was begun with other
    work, OutputError and EngineError.
    """
    folder = request.dest
    with ExitStack() as stack:
        make = stack.enter_context(engine(means))
        wanted = _wanted(request.work.verb)
        look = partial(find, request.source, wanted, folder, request.work.upload)
        # Where nothing was begun, and the source holds nothing, nothing is left; another run is noticed before a long look.
        found = None if (folder / STATE).exists() else look()
        stack.enter_context(locked(folder))
        stack.enter_context(output_errors(folder))
        found = found or look()
        _tell_of(found.others, request.source)
        plan = _plan(request, found.items)
        whole: dict[int, Made] = {}
        missing = []
        before_now = 0
        folders = {plan.folder, plan.state}
        uploaded = _uploaded(plan)
        for shard in plan.shards():
            one = made(plan, shard)
            if one and uploaded is not None and shard.name not in uploaded:
                discard(plan, shard)
                one = None
            if one and (again := _again(plan, shard, one, request.retry)):
                reopen(plan, shard, again)
                one = None
            if one is None:
                missing.append(shard.number)
                before_now += in_flight(plan, shard.number)[0]
                folders |= {(plan.folder / name).parent for name in shard.inputs.outputs}
            else:
                whole[shard.number] = one
                before_now += one.count
        done = 0
        counting = threading.Lock()

        def tell(more: int) -> None:
            nonlocal done
            with counting:
                done += more
                progress(request.work.verb, before_now + done, plan.total)

        progress(request.work.verb, before_now, plan.total)
        _sweep(plan, folders)
        if missing:
            try:
                make(plan, missing, tell)
            finally:
                _sweep(plan, folders)  # of workers that died
        for number in missing:
            if (one := made(plan, plan.shard(number))) is None:
                raise EngineError(f"shard {number:05d} is not whole; run the same command again")
            whole[number] = one
        _check_uploaded(plan)
        if not request.work.tars:
            _gather_rows(plan)
        return Outcome(plan, [whole[n] for n in range(len(plan))], done, tuple(found.others))


def _again(plan: Plan, shard: Shard, one: Made, retry: bool) -> set[int]:
    """Inputs of a finished shard that are to be done again: whose files are gone, or that failed where that is asked for."""
    again = lost_files(plan, shard)
    if retry and one.failed:
        rows = rows_of(plan, shard)
        again |= {index for index, row in enumerate(rows) if row["status"] != "success"}
    return again


def _plan(request: Request, items: list[Item]) -> Plan:
    """The plan of the destination, made if there is none, held against what is asked for."""
    folder, work = request.dest, request.work
    plan = read_plan(folder)
    if plan is None:
        _check_empty(folder, work)
        shards = cut(items, work, _size(request, items))
        _check_free(folder, work, [*_outputs(shards), ROWS])
        return write_plan(folder, request.source, _settled(work), shards)
    if plan.work != work:
        other = _difference(vars(plan.work), vars(work))
        raise UsageError(
            f"{folder} was begun with other options ({other}); take the same, or another destination"
        )
    known: dict[str, Item] = {}
    now = {item.name: item for item in items}
    for inputs in (shard.inputs for shard in plan.shards()):
        for item, output in zip(inputs.items, inputs.outputs, strict=True):
            known[item.name] = item
            if item.name in now:
                now[item.name] = stamped(work, now[item.name], output, item.companion)
    new = [item for item in items if item.name not in known]
    changed = [name for name, item in now.items() if name in known and known[name] != item]
    gone = [name for name, item in known.items() if name not in now and item.stamp != GONE]
    if not (new or changed or gone):
        return plan
    if not request.update:
        names = [item.name for item in new]
        raise InputsChanged(folder, names, changed, gone, bool(work.companions))
    others = {name: now[name] for name in changed}
    return _updated(request, plan, new, others, set(gone))


def _updated(
    request: Request, plan: Plan, new: list[Item], changed: dict[str, Item], gone: set[str]
) -> Plan:
    """A plan with further shards for what is new, and shards reopened for what has changed. What is gone keeps its row, and
    is known to be gone.
    """
    shards: list[Inputs] = []
    for shard in plan.shards():
        names = [item.name for item in shard.inputs.items]
        if made(plan, shard) is not None:
            reopen(plan, shard, {n for n, name in enumerate(names) if name in changed})
        elif changed.keys() & set(names):
            (plan.state / f"{shard.name}.journal").unlink(missing_ok=True)
        items = [
            replace(item, stamp=GONE) if item.name in gone else changed.get(item.name, item)
            for item in shard.inputs.items
        ]
        shards.append(Inputs(items, shard.inputs.outputs))
    taken = {name for shard in shards for name in shard.outputs}
    size = _size(request, new)
    more = cut(new, request.work, size, len(shards), taken)
    _check_free(request.dest, request.work, _outputs(more))
    return write_plan(request.dest, request.source, plan.work, shards + more)


def _settled(work: Work) -> Work:
    """The same, with the precision that its pictures have on whatever machine makes them. A file has it in any."""
    if work.verb == "encode":
        return work
    from gcodec.models.precision import settled

    how = work.settings["session"]
    return replace(work, precision=settled(how["dtype"], how["device"]))


def _size(request: Request, items: list[Item]) -> int:
    if request.work.shard_size:
        return request.work.shard_size
    if request.work.tars:
        return _TAR_SIZE
    return max(1, min(_TREE_SIZE, len(items) // _TREE_SHARDS))


def _uploaded(plan: Plan) -> set[str] | None:
    """Names of shards that lie at the URL, all their files, None where there is no URL."""
    if not plan.work.upload:
        return None
    names = names_at(plan.work.upload)
    of_suffix = (
        {name.removesuffix(suffix) for name in names if name.endswith(suffix)}
        for suffix in (".tar", ".parquet", "_stats.json")
    )
    return set.intersection(*of_suffix)


def _check_uploaded(plan: Plan) -> None:
    uploaded = _uploaded(plan)
    if uploaded is not None:
        lost = [shard.name for shard in plan.shards() if shard.name not in uploaded]
        if lost:
            raise OutputError(
                plan.work.upload, f"a worker put shard {lost[0]} there, and it is not there"
            )


def _check_empty(folder: Path, work: Work) -> None:
    """Refuse to mix shards with files of others, which a reader of the folder would take for shards."""
    if work.tars:
        names = names_at(work.upload) if work.upload else {path.name for path in folder.iterdir()}
        strange = sorted(name for name in names if name[:1].isdigit() and name.endswith(".tar"))
        if strange:
            hint = ", or the --state of that run" if work.upload else ""
            raise OutputError(
                work.upload or folder,
                f"it holds {strange[0]}, of another run; name an empty folder{hint}",
            )


def _outputs(shards: Sequence[Inputs]) -> list[str]:
    return [output for shard in shards for output in shard.outputs]


def _check_free(folder: Path, work: Work, outputs: Sequence[str]) -> None:
    """Refuse to write a file of a tree over one that no run has made: an input, or somebody else's."""
    if work.tars or all(path.name == STATE for path in folder.iterdir()):
        return
    above = {str(name) for output in outputs for name in PurePosixPath(output).parents}
    taken = (name for name in outputs if os.path.lexists(folder / name))
    files = (name for name in sorted(above) if (folder / name).is_file())
    for name in chain(taken, files):
        raise OutputError(folder, f"{name} is there, and no run made it; name another folder")


def _sweep(plan: Plan, folders: Iterable[Path]) -> None:
    """Remove what killed workers left half done."""
    for folder in folders:
        with suppress(OSError):  # one that cannot be there holds nothing
            for path in folder.glob(".*.part"):
                path.unlink(missing_ok=True)
    for pattern in ("*.part", "plan.*"):
        for path in plan.state.glob(pattern):
            path.unlink(missing_ok=True)


def _gather_rows(plan: Plan) -> None:
    """Put the rows of a tree together, in rows.parquet."""
    with replaced(plan.folder / ROWS) as stream, tables(stream) as write:
        for shard in plan.shards():
            write(table_of(plan, shard))


def _wanted(verb: str) -> Callable[[str], bool]:
    if verb != "encode":
        return lambda name: PurePosixPath(name).suffix.lower() == ".gcx"
    from gcodec.pictures import is_picture

    return lambda name: is_picture(Path(name))


def _tell_of(others: list[str], source: str) -> None:
    if others:
        warnings.warn(
            f"{source}: {len(others)} passed over, hidden, of another kind or no files: {some(others)}",
            stacklevel=2,
        )


def _difference(before: Any, now: Any, name: str = "") -> str:
    """The first value that is another, by the name of what it is of: bpp was 0.3, now 0.5."""
    if isinstance(before, tuple) and before and now:  # a plugin and its options
        before, now = ({name: plugin, **options} for plugin, options in (before, now))
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*before, *(key for key in now if key not in before)]:
            if before.get(key) != now.get(key):
                return _difference(before.get(key), now.get(key), str(key))
    return f"{name} was {before!r}, now {now!r}"
