"""The loop: batches, updates, log, checkpoints. It knows nothing of what is trained."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch

from gcodec.errors import OutputError, TrainingDiverged
from gcodec.files import why
from gcodec_train import _checkpoint, _log
from gcodec_train._export import data_list, export
from gcodec_train._recipe import check_tables
from gcodec_train._state import NotFinite, State
from gcodec_train._task import Inputs, Plan, Task

__all__ = ["Outcome", "train"]

_CHECKPOINT = "checkpoint.safetensors"
_LOG = "log.jsonl"
_PLOT = "loss.png"
_MODEL = "model"
_LOG_EVERY = 50
_SAVE_SECONDS = 120.0

#: Called as report(step, steps, figures) with each line of the log.
Report = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Outcome:
    """Where a training stands: updates made, updates planned, the last line of the log, the model's folder."""

    step: int
    steps: int
    figures: dict[str, float]
    model: Path


@dataclass
class Interrupts:
    """Whether Ctrl-C or SIGTERM came; while `held`, they wait until the step is done, the second one does not."""

    held: bool = False
    wanted: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.held or self.wanted:
            raise KeyboardInterrupt
        self.wanted = True


@contextmanager
def _interrupts() -> Iterator[Interrupts]:
    interrupts = Interrupts()
    # Python lets no other thread listen to signals.
    listening = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if listening else ()
    before = {number: signal.signal(number, interrupts) for number in numbers}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(
    trainer: type[Task],
    inputs: Inputs,
    out: Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    carry: Path | None = None,
    report: Report | None = None,
) -> Outcome:
    """Train, or go on training, until the plan's last step, for `minutes`, or for `steps` more steps.

    Written to `out` about every two minutes (less often what takes long) and at the end: checkpoint.safetensors, with
    which the same call goes on; model/, the exported average; log.jsonl; loss.png if matplotlib is installed. And to
    `carry`, if given, a small checkpoint (see `gcodec_train._checkpoint`), from which the training goes on where it is
    ahead of `out`.

    On the CPU the result depends on recipe and photographs alone, however often the training was interrupted. Ctrl-C and
    SIGTERM end the step, save, and raise KeyboardInterrupt; a second one does not wait.

    Raises RecipeError, CheckpointError, OutputError, ImageError for photographs that cannot be used, and
    TrainingDiverged, which leaves what was saved before as it was.
    """
    start = time.monotonic()
    plan = inputs.plan
    if trainer.tables is not None:
        check_tables(inputs.recipe, {**trainer.tables, "plan": Plan}, inputs.source)
    try:
        out.mkdir(parents=True, exist_ok=True)
        inputs.cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(out, why(error)) from error
    with _interrupts() as interrupts:
        run = _Run(_built(trainer, inputs), inputs, out, carry, report)
        run.resume()
        interrupts.held = True
        last = plan.steps if steps is None else min(plan.steps, run.state.step + steps)
        until = start + 60 * minutes if minutes is not None else float("inf")
        run.train(last, until, interrupts)
        if interrupts.wanted:
            raise KeyboardInterrupt
    return Outcome(run.state.step, plan.steps, run.figures, out / _MODEL)


def _built(trainer: type[Task], inputs: Inputs) -> Task:
    torch.manual_seed(inputs.recipe["seed"])
    task = trainer(inputs)
    task.network.to(inputs.device).train()
    return task


@dataclass
class _Run:
    """One call of `train`: the state, where it is written, and what has been logged."""

    task: Task
    inputs: Inputs
    out: Path
    carry: Path | None
    report: Report | None
    data: tuple[str, ...] = ()
    saved: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = State(self.task, self.inputs.plan)
        self._sums: dict[str, float] = {}
        self._count, self._since = 0, time.monotonic()
        self._plot = True

    def resume(self) -> None:
        """Go on from what was saved: the small checkpoint, where it is ahead of the exact one."""
        checkpoint, log, recipe = self.out / _CHECKPOINT, self.out / _LOG, self.inputs.recipe
        here = _checkpoint.checkpoint_step(checkpoint)
        if self.carry is not None and _checkpoint.carry_step(self.carry) > here:
            self.data = _checkpoint.load_carry(self.carry, self.state, recipe, log).data
        elif here >= 0:
            self.data = _checkpoint.load_checkpoint(checkpoint, self.state, recipe).data
        self.saved = self.state.step
        _log.forget_after(log, self.state.step)
        self.figures = _newest(log)
        photographs = data_list(self.inputs)
        if photographs is not None:
            digest = hashlib.sha256(photographs.encode()).hexdigest()
            # A set that was left and taken up again is the present one, not another.
            self.data = (*(d for d in self.data if d != digest), digest)

    def train(self, last: int, until: float, interrupts: Interrupts) -> None:
        """Take steps until `last`, time or an interrupt; save."""
        state, plan = self.state, self.inputs.plan
        self._since = time.monotonic()
        # A model can take minutes to export. The state is written on its own, so that no more than it is lost.
        checkpoint, model = _NowAndThen(self.save_state), _NowAndThen(self.save_model)
        while state.step < last and not interrupts.wanted:
            if time.monotonic() + checkpoint.took + model.took >= until:
                break
            self._step()
            due = state.step % plan.evaluate == 0 or state.step == plan.steps
            if due or state.step % _LOG_EVERY == 0 or state.step == last:
                self._log(evaluate=due)
            self.inputs.progress("training", state.step, plan.steps)
            checkpoint()
            model()
        self.save_state()
        self.save_model()

    def _step(self) -> None:
        plan, device = self.inputs.plan, self.inputs.device
        rng = np.random.default_rng((self.inputs.recipe["seed"], self.state.step))
        # Dropout and the like, should a library's network have it, draw from here.
        torch.manual_seed(int(rng.integers(2**62)))
        with torch.autocast(device.type, torch.bfloat16, enabled=plan.precision == "bfloat16"):
            losses = self.task.losses(self.state.network, self.state.step, rng)
        try:
            figures = self.state.update(losses)
        except NotFinite as error:
            raise TrainingDiverged(self.state.step, error.what, self.saved) from error
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def _log(self, *, evaluate: bool) -> None:
        """Log the means since the last line, and figures on held-out data."""
        now = time.monotonic()
        figures = {name: value / self._count for name, value in self._sums.items()}
        figures["seconds"] = (now - self._since) / self._count
        if evaluate:
            with torch.inference_mode():
                held_out = self.task.evaluate(self.state.average)
            figures |= {_log.HELD_OUT + name: value for name, value in held_out.items()}
        self._sums, self._count, self._since = {}, 0, time.monotonic()
        self.figures |= figures
        _log.append(self.out / _LOG, self.state.step, figures)
        if self.report:
            self.report(self.state.step, self.inputs.plan.steps, figures)

    def _about(self) -> _checkpoint.About:
        state = self.state
        return _checkpoint.About(state.step, state.since, self.inputs.recipe, self.data)

    def save_state(self) -> None:
        """Write what the same call goes on from."""
        _checkpoint.save_checkpoint(self.out / _CHECKPOINT, self.state, self._about())
        self.saved = self.state.step
        if self.carry is not None:
            _checkpoint.save_carry(self.carry, self.state, self._about(), self.out / _LOG)

    def save_model(self) -> None:
        """Write the exported average, and the plot."""
        export(self.task, self.state, self._about(), self.figures, self.out / _MODEL)
        if self._plot and not _log.plot(self.out / _LOG, self.out / _PLOT):
            self._plot = False
            warnings.warn(f"no {_PLOT}: pip install matplotlib", stacklevel=2)


class _NowAndThen:
    """Calls `work` every two minutes, less often where it takes more than a tenth of that.

    took   seconds that the last call took.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work, self._last, self.took = work, time.monotonic(), 0.0

    def __call__(self) -> None:
        begun = time.monotonic()
        if begun - self._last > max(_SAVE_SECONDS, 10 * self.took):
            self._work()
            self._last = time.monotonic()
            self.took = self._last - begun


def _newest(log: Path) -> dict[str, float]:
    """Return the last value of each figure in a log."""
    return {k: v for line in _log.read(log) for k, v in line.items() if k != "step"}
