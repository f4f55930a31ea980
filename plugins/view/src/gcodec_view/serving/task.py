"""What a page asks for, whoever wrote it, and what the server allows."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from types import NoneType
from typing import TYPE_CHECKING, Any

from gcodec.cli.run_options import RunOptions
from gcodec.errors import UsageError
from gcodec.options import check_kinds
from gcodec_view.serving.frames import read_frame

if TYPE_CHECKING:
    from gcodec.pipeline.ratecontrol import Target
    from gcodec.progress import Progress
    from gcodec.run import Run

__all__ = ["Allowed", "Task"]

_TARGETS = {"bytes", "bpp", "quality"}
_LONGEST = 200


@dataclass(frozen=True)
class Allowed:
    """What a job may take.

    pixels   of a picture, width times height.
    memory   bytes of data of its process; None: whatever there is.
    seconds  from its start to its end.
    how      where networks run.
    """

    pixels: int
    memory: int | None
    seconds: float
    how: RunOptions

    @property
    def roomy(self) -> bool:
        """Whether a job has room for torch, needed or not: it takes 0.15 GiB of data."""
        return self.memory is None or self.memory >= 1 << 30

    def table(self) -> dict[str, Any]:
        """Return what `read` makes the same of, anywhere on this machine."""
        folders = [str(path.absolute()) for path in self.how.folders]
        return asdict(self) | {"how": asdict(self.how) | {"folders": folders}}

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Allowed:
        how = RunOptions(**table["how"] | {"folders": tuple(map(Path, table["how"]["folders"]))})
        return cls(table["pixels"], table["memory"], table["seconds"], how)

    def run(self, progress: Progress) -> Run:
        """Return how a job runs."""
        from gcodec_formats import Limits

        run = self.how.run(progress=progress)
        return replace(run, limits=Limits(pixels=self.pixels))


@dataclass(frozen=True)
class Task:
    """Encode and decode a picture, or decode a file.

    name       of the picture or the file, without folders.
    source     its bytes.
    embedding  None: the source is a .gcx file.
    target     "bytes", "bpp" or "quality" -> what `gcodec.Target` takes.
    options, settings  of the embedding and of the reconstructor.
    metrics    what is measured.
    """

    name: str
    source: bytes
    embedding: str | None
    options: Mapping[str, Any]
    target: Mapping[str, Any]
    reconstructor: str
    settings: Mapping[str, Any]
    metrics: Sequence[str]

    @classmethod
    def read(cls, sent: bytes) -> Task:
        """Return the task in a frame that may be anybody's. Raises UsageError and InvalidArgument."""
        try:
            frame = read_frame(io.BytesIO(sent))
        except ValueError as error:
            raise UsageError(f"what was sent is no task: {error}") from error
        if frame is None:
            raise UsageError("what was sent is no task: it is cut short")
        given: dict[str, Any] = {
            key: frame.table.get(key) for key in cls.__annotations__ if key != "source"
        }
        if unknown := sorted(frame.table.keys() - given.keys()):
            raise UsageError(f"a task has no {unknown[0]!r:.60}")
        check_kinds(str, name=given["name"], reconstructor=given["reconstructor"])
        check_kinds(str, NoneType, embedding=given["embedding"])
        check_kinds(dict, **{key: given[key] for key in ("options", "target", "settings")})
        check_kinds(list, metrics=given["metrics"])
        given["name"] = re.split(r"[/\\]", given["name"])[-1][-_LONGEST:] or "picture"
        return cls(source=frame.data, **given)

    @property
    def stem(self) -> str:
        return PurePath(self.name).stem

    def aim(self) -> Target:
        """Return the target. Raises UsageError."""
        from gcodec.pipeline.ratecontrol import Target

        if unknown := sorted(self.target.keys() - _TARGETS):
            raise UsageError(f"a target is bytes, bpp or quality, not {unknown[0]!r:.60}")
        return Target(**self.target)
