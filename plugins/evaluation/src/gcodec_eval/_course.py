"""How a step of an evaluation gets its results: from the journal, and from fresh processes what that does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gcodec.progress import Progress
from gcodec_eval._identity import digest_of
from gcodec_eval._journal import Journal
from gcodec_eval._points import Row
from gcodec_eval._processes import Crew, work
from gcodec_eval._request import Request

__all__ = ["Course", "Job"]


@dataclass(frozen=True)
class Job:
    """A result that is wanted.

    identity  everything that decides it.
    task      what a process needs in order to find it.
    serves    whether a result from the journal will do: what else the task makes, a file say, may be gone since.
    taken     what is to be kept of a new result. Given for processes that are alone (`gcodec.pipeline.receiver`), which can
              lay nothing down themselves.
    """

    identity: Row
    task: Any
    serves: Callable[[Row], bool] = lambda known: True
    taken: Callable[[Row], Row] | None = None


@dataclass
class Course:
    """What every step needs; `done` of `total` results are there.

    networks  metric -> what it is taken with, None for one that cannot be had here.
    """

    request: Request
    folder: Path
    journal: Journal
    crew: Crew
    networks: Mapping[str, Any]
    progress: Progress
    total: int = 0
    done: int = 0

    def settle(self, function: Callable[[Any], Row], jobs: Sequence[Job | None]) -> list[Row]:
        """Return the result of each job, in their order, and {} for None; jobs of one identity share one result."""
        keys = [digest_of(job.identity) if job else "" for job in jobs]
        found: dict[str, Row] = {"": {}}
        missing: dict[str, Job] = {}
        for key, job in zip(keys, jobs, strict=True):
            known = self.journal.get(job.identity) if job else None
            if job and known is not None and job.serves(known):
                found[key] = known
            elif job:
                missing.setdefault(key, job)
        self._step(sum(key in found for key in keys))
        tasks = {key: job.task for key, job in missing.items()}
        alone = any(job.taken for job in missing.values())
        for key, result in work(function, tasks, self.crew, alone):
            taken = missing[key].taken
            found[key] = result = taken(result) if taken and "error" not in result else result
            # An unreachable size is a fact about the embedding; whatever else failed is worth another try.
            if result.get("error", {}).get("kind") in (None, "TargetTooSmall"):
                self.journal.add(missing[key].identity, result)
            self._step(keys.count(key))
        return [found[key] for key in keys]

    def _step(self, count: int) -> None:
        self.done += count
        self.progress("evaluating", self.done, self.total)
