"""The loop: batches, updates, log, checkpoints. It knows nothing of what is trained."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gcodec.training._state import State
from gcodec.training._task import Inputs, Plan, Task

__all__ = ["train"]

_CHECKPOINT = "checkpoint.safetensors"
_LOG = "log.jsonl"
_MODEL = "model"
_LOG_EVERY = 50
_SAVE_SECONDS = 120.0


def train(
    make: Callable[[Inputs], Task],
    inputs: Inputs,
    out: Path,
    *,
    minutes: float | None = None,
    report: Callable[[int, int, dict[str, float]], None] | None = None,
) -> int:
    """Train, or go on training, until the plan's last step or for `minutes`; returns the step reached.

    Written to `out`: checkpoint.safetensors (with which the same call goes on), model/ (the exported average) and
    log.jsonl. `report` is told (step, steps, means of the losses) now and then. A KeyboardInterrupt is passed on after
    the state was saved.
    """
    recipe = inputs.recipe
    plan = Plan(**{k: tuple(v) if k == "betas" else v for k, v in recipe["plan"].items()})
    torch.manual_seed(recipe["seed"])
    task = make(inputs)
    task.network.to(inputs.device)
    state = State(task, plan)
    out.mkdir(parents=True, exist_ok=True)
    about = {"task": recipe["task"], "seed": recipe["seed"]}
    if (out / _CHECKPOINT).exists():
        state.load(out / _CHECKPOINT)
    start = saved = time.monotonic()
    until = start + 60 * minutes if minutes is not None else float("inf")

    def save() -> None:
        state.save(out / _CHECKPOINT, about)
        task.export(state.average, out / _MODEL)

    sums: dict[str, float] = {}
    count, since = 0, start
    try:
        while state.step < plan.steps and time.monotonic() < until:
            losses = _step(task, state, inputs, plan)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value
            count += 1
            if state.step % _LOG_EVERY == 0 or state.step == plan.steps:
                now = time.monotonic()
                means = {name: value / count for name, value in sums.items()}
                means["seconds"] = (now - since) / count
                sums, count, since = {}, 0, now
                if state.step % plan.evaluate < _LOG_EVERY or state.step == plan.steps:
                    means |= evaluate(task, state)
                    since = time.monotonic()
                _log(out / _LOG, state.step, means)
                if report:
                    report(state.step, plan.steps, means)
            if time.monotonic() - saved > _SAVE_SECONDS:
                save()
                saved = time.monotonic()
    finally:
        save()
    return state.step


def _step(task: Task, state: State, inputs: Inputs, plan: Plan) -> dict[str, float]:
    rng = np.random.default_rng((inputs.recipe["seed"], state.step))
    # Dropout and the like, should a library's network have it, draw from here.
    torch.manual_seed(int(rng.integers(2**62)))
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=plan.precision == "bfloat16"):
        losses = task.losses(state.network, state.step, rng)
    norm = state.update(losses["loss"])
    return {name: float(value.detach()) for name, value in losses.items()} | {"gradient": norm}


def evaluate(task: Task, state: State) -> dict[str, float]:
    """Figures of the moving average on held-out data, named "held_out.*"."""
    with torch.inference_mode():
        return {f"held_out.{k}": v for k, v in task.evaluate(state.average).items()}


def _log(path: Path, step: int, means: dict[str, Any]) -> None:
    line = {"step": step} | {name: float(f"{value:.5g}") for name, value in means.items()}
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
