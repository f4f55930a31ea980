"""The process that speaks to Ray: ``python -m gcodec_ray._driver``.

It is a process of its own because connecting to a cluster that is not there takes Ray minutes, and losing one ends the
process. First it hears {"address", "jobs", "threads", "gpu", "patience", "seconds"} and answers ["up"], then {"folder",
"shards", "sign", "versions", "environment"} and answers ["done", count] at least every few seconds, ["made"] at the end; or
["failed", class, text].
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gcodec.errors import GcodecError
from gcodec_batch import DEATHS, EngineError, Plan, in_flight, made, output_error, parent, read_item
from gcodec_ray._node import Node

__all__: list[str] = []

#: Memory of a worker with the networks of `base`, and of the actor that keeps it.
_BYTES = 700 << 20
#: Actors that died before they could begin, one after another: something is wrong with all.
_EARLY = 3
#: Seconds between looks at what the cluster has, which may grow and shrink.
_LOOK = 5.0


def main() -> None:
    """Serve until the standard input ends."""
    messages, answer = parent()
    asked = messages.get()
    import ray

    try:
        try:
            ray.init(asked["address"], log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EngineError(
                f"the cluster at {asked['address']} cannot be used: {_line(error)}"
            ) from error
        if not _room(asked):
            raise EngineError(_no_room(asked))
        answer(["up"])
        _Run(messages.get(), asked, answer).make()
        answer(["made"])
    except GcodecError as error:
        answer(["failed", type(error).__name__, str(error)])
    messages.get()  # until the parent has heard it


def _demand(asked: Mapping[str, Any]) -> dict[str, float]:
    """What Ray sets aside for one worker, by its names of resources."""
    gpu = {"GPU": 1.0} if asked["gpu"] else {}
    return {"CPU": asked["threads"] or 1, "memory": _BYTES, **gpu}


def _room(asked: Mapping[str, Any]) -> int:
    """How many workers the nodes that are alive could have if nobody else were there."""
    import ray

    wanted = _demand(asked).items()
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return sum(int(min(has.get(name, 0) // amount for name, amount in wanted)) for has in alive)


def _no_room(asked: Mapping[str, Any]) -> str:
    import ray

    demand = ", ".join(
        f"{amount / (1 << 30):.1f} GB" if name == "memory" else f"{amount:g} {name}"
        for name, amount in _demand(asked).items()
    )
    has, free = ray.cluster_resources(), ray.available_resources()
    there = ", ".join(
        f"{free.get(name, 0):g} of {has.get(name, 0):g} {name}" for name in ("CPU", "GPU")
    )
    return f"no node at {asked['address']} has room for a worker of {demand}; free are {there}"


@dataclass
class _Slot:
    """An actor: whether it was seen to be fit, and the shards that it has, in their order."""

    actor: Any
    fit: bool = False
    numbers: list[int] = field(default_factory=list)


class _Run:
    def __init__(
        self, job: Mapping[str, Any], asked: Mapping[str, Any], answer: Callable[[Any], None]
    ) -> None:
        self.job, self.asked, self.answer = job, asked, answer
        self.plan = Plan(Path(job["folder"]))
        self.waiting = deque(job["shards"])
        self.slots: dict[Any, _Slot] = {}  # by what each is being waited for
        self.left: dict[int, int] = {}  # inputs of shards that were begun
        self.deaths: dict[int, dict[int, int]] = {}  # shard -> index -> actors that died there
        self.early = 0
        self.first = self._first()

    def make(self) -> None:
        """Have all shards made. Raises EngineError, OutputError."""
        import ray

        room, looked, well = 0, 0.0, time.monotonic()
        while self.waiting or any(slot.numbers for slot in self.slots.values()):
            if time.monotonic() - looked > _LOOK:
                room, looked = self.asked["jobs"] or _room(self.asked), time.monotonic()
            busy = sum(bool(slot.numbers) for slot in self.slots.values())
            while len(self.slots) < min(room, busy + len(self.waiting)):
                self._add()
            if self.slots:
                done, _ = ray.wait(list(self.slots), timeout=1.0)
                for ref in done:
                    self._hear(ref, self.slots.pop(ref))
            else:
                time.sleep(1.0)
            self.answer(["done", 0])
            if any(slot.fit for slot in self.slots.values()):
                well = time.monotonic()
            elif time.monotonic() - well > self.asked["patience"]:
                raise EngineError(_no_room(self.asked))

    def _first(self) -> list[Any] | None:
        """Name and place of an input of this run, if this machine can read it."""
        item = self.plan.shard(self.waiting[0]).inputs.items[0]
        try:
            read_item(item)
        except GcodecError:
            return None
        return [item.name, item.place]

    def _add(self) -> None:
        import ray

        demand = _demand(self.asked)
        kept = ray.remote(Node).options(
            num_cpus=demand["CPU"],
            num_gpus=demand.get("GPU", 0),
            memory=demand["memory"],
            max_restarts=0,
            max_task_retries=0,
        )
        threads = self.asked["threads"] or 1
        place, environment = str(self.plan.state.parent), self.job["environment"]
        actor = kept.remote(place, threads, environment, self.asked["seconds"])
        settings = self.plan.work.settings
        how = settings["session"]
        companions = (given["companions"] for given in settings.values() if "companions" in given)
        wanted = (self.job["sign"], self.job["versions"], self.first)
        folders = [*how.get("models", ()), *companions]
        ref = actor.unfit.remote(*wanted, folders, how.get("device", "cpu"))
        self.slots[ref] = _Slot(actor)

    def _hear(self, ref: Any, slot: _Slot) -> None:
        import ray

        try:
            found = ray.get(ref)
        except ray.exceptions.RayActorError as error:
            with suppress(Exception):  # one that cannot be reached may still live
                ray.kill(slot.actor)
            self._died(slot, error)
            return
        except ray.exceptions.RayError as error:
            raise EngineError(f"a worker failed: {_line(error)}") from error
        if not slot.fit:
            if found:
                raise EngineError(f"node {found}")
            slot.fit, self.early = True, 0
        else:
            self._reported(slot, *found)
        self._next(slot)

    def _reported(
        self, slot: _Slot, done: Mapping[int, int], whole: list[int], error: list[str] | None
    ) -> None:
        for number, more in done.items():
            self.left[number] -= more
        for number in whole:
            slot.numbers.remove(number)
        self.answer(["done", sum(done.values()) + self._rest(whole)])
        if error is not None:
            kind, text = error
            if kind == "OutputError":
                raise output_error(self.plan.folder, text)
            raise EngineError(text)

    def _rest(self, whole: list[int]) -> int:
        """Inputs of whole shards that a worker did and could not tell."""
        return sum(self.left.pop(number) for number in whole)

    def _next(self, slot: _Slot) -> None:
        """Let an actor go on, with a shard to go on with, or go."""
        import ray

        seconds = max(1.0, len(self.slots) / 100)
        fresh = []
        # A second one only while there are enough for all.
        while self.waiting and len(slot.numbers) < (
            2 if len(self.waiting) > len(self.slots) else 1
        ):
            number = self.waiting.popleft()
            if number not in self.left:
                done, _ = in_flight(self.plan, number)
                self.left[number] = len(self.plan.shard(number).inputs.items) - done
            slot.numbers.append(number)
            fresh.append((number, self.deaths.get(number, {})))
        if slot.numbers:
            self.slots[slot.actor.work.remote(fresh, seconds)] = slot
        else:
            ray.kill(slot.actor)

    def _died(self, slot: _Slot, error: Exception) -> None:
        """An actor is gone, alone or with its node: what it was at is begun again, at once and elsewhere."""
        if not slot.fit:
            self.early += 1
            if self.early >= _EARLY:
                raise EngineError(f"workers cannot begin: {_line(error)}")
        whole = [n for n in slot.numbers if made(self.plan, self.plan.shard(n)) is not None]
        self.answer(["done", self._rest(whole)])
        again = [number for number in slot.numbers if number not in whole]
        if again:
            self._blame(again[0], error)
        self.waiting.extendleft(reversed(again))

    def _blame(self, number: int, error: Exception) -> None:
        """Count a death under the input that the shard was at."""
        _, at = in_flight(self.plan, number)
        counts = self.deaths.setdefault(number, {})
        index = -1 if at is None else at
        counts[index] = counts.get(index, 0) + 1
        if at is None and counts[index] >= DEATHS:
            raise EngineError(f"workers died as they wrote shard {number:05d}: {_line(error)}")


def _line(error: object) -> str:
    """The last line of what Ray says, which is the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


if __name__ == "__main__":
    main()
