"""``gcodec train``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import Number, json_option, print_json

if TYPE_CHECKING:
    import torch

    from gcodec.progress import Progress

#: Seconds between two lines where standard error is no terminal.
_LINE_SECONDS = 20.0


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder of training photographs.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for checkpoint, model and log; the same command goes on from it.",
)
@click.option("--minutes", type=Number(0), help="Stop after so many, saving included.")
@click.option("--steps", type=click.IntRange(0), help="Stop after so many steps of this run.")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Put a value, written as in TOML, over the recipe's: plan.steps=200. May be repeated.",
)
@click.option(
    "--carry",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for a small checkpoint to take along (8 files, 64 MiB at most), and to go on from.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what is derived from the photographs. [default: OUT/cache]",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where to train: cpu, cuda, cuda:1, mps; auto takes a GPU if there is one.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.")
@json_option
def command(
    recipe: Path,
    data: Path,
    out: Path,
    minutes: float | None,
    steps: int | None,
    settings: tuple[str, ...],
    carry: Path | None,
    cache: Path | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train what RECIPE, a TOML file, describes, or go on training it.

    OUT receives checkpoint.safetensors, model/ (the moving average, ready for --models), log.jsonl and loss.png. Ctrl-C and
    SIGTERM save first. On the CPU the result depends on recipe and photographs alone, however often it was interrupted. A
    photograph that cannot be read is named and passed over, and the exit status is then 21.
    """
    from gcodec.border import of_plugin
    from gcodec.errors import OutputError, PartlyFailed
    from gcodec.plugin import TrainerSpec
    from gcodec.registry import load_object, registry
    from gcodec_train import Inputs, load_recipe

    values = load_recipe(recipe, settings)
    spec = registry().named(TrainerSpec, values["task"])
    if out.resolve().is_relative_to(data.resolve()):
        # loss.png would be a photograph of the next run.
        raise OutputError(out, f"it lies in the folder of the photographs, {data}; name another")
    if threads is not None:
        # Read when torch and its libraries are first loaded, which nothing has done yet.
        from gcodec.run import thread_variables

        os.environ.update(thread_variables(threads))
    # First what may lack torch, in one line.
    trainer = load_object(spec.name, spec.implementation)
    from gcodec_train import train
    from gcodec_train.photos import present

    chosen = _device(device)
    start = time.monotonic()
    with of_plugin(spec, (OSError,)), _shown() as (progress, report):
        inputs = Inputs(values, data, cache or out / "cache", chosen, str(recipe), progress)
        done = train(trainer, inputs, out, minutes=minutes, steps=steps, carry=carry, report=report)
    if as_json:
        seconds = round(time.monotonic() - start, 3)
        found = {"task": spec.name, "step": done.step, "steps": done.steps, "seconds": seconds}
        print_json({**found, "figures": done.figures, "model": str(done.model)})
    else:
        rest = "" if done.step == done.steps else "; the same command goes on"
        click.echo(f"{done.model}: step {done.step} of {done.steps}{rest}")
    photos = present(inputs.cache)
    if photos is not None and photos.unread:
        raise PartlyFailed(len(photos.unread), len(photos) + len(photos.unread), "images")


def _device(name: str) -> torch.device:
    """Return the device, and set what makes training on it quick."""
    import numpy
    import torch

    from gcodec.models.devices import torch_device

    if name == "auto":
        mps = torch.backends.mps.is_available()
        name = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    device = torch_device(name)
    if device.type == "cpu":
        # Vanishing gradients and moments would cost a hundred times the time of others. NumPy looks for the smallest
        # numbers once, and warns where they are gone.
        for kind in (numpy.float32, numpy.float64):
            numpy.finfo(kind)
        torch.set_flush_denormal(True)
    else:
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    return device


@contextmanager
def _shown() -> Iterator[tuple[Progress, Callable[[int, int, dict[str, float]], None]]]:
    """Show progress on standard error: bars with the time left on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        with _bars() as shown:
            yield shown
        return
    said = [time.monotonic()] * 2

    def progress(what: str, done: int, total: int) -> None:
        if what != "training" and time.monotonic() - said[0] > _LINE_SECONDS:
            said[0] = time.monotonic()
            click.echo(f"{what}: {done} of {total}", err=True)

    def report(step: int, steps: int, figures: dict[str, float]) -> None:
        important = step == steps or any("." in name for name in figures)
        if important or time.monotonic() - said[1] > _LINE_SECONDS:
            said[1] = time.monotonic()
            click.echo(_line(step, steps, figures), err=True)

    yield progress, report


@contextmanager
def _bars() -> Iterator[tuple[Progress, Callable[[int, int, dict[str, float]], None]]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                # What was done in earlier runs says nothing about the speed of this one.
                tasks[what] = bar.add_task(what, total=total, completed=done)
            bar.update(tasks[what], completed=done)

        def report(step: int, steps: int, figures: dict[str, float]) -> None:
            bar.console.print(_line(step, steps, figures), highlight=False, soft_wrap=True)

        yield progress, report


def _line(step: int, steps: int, figures: dict[str, float]) -> str:
    return f"step {step} of {steps}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items())
