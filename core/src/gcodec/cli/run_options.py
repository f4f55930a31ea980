"""Options that several commands share: how to run and how large a file may be, handed over as one value each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import Place, force_option, json_option, shell_files

if TYPE_CHECKING:
    from gcodec.progress import Progress
    from gcodec.run import Run

__all__ = [
    "RunOptions",
    "companion_option",
    "output_option",
    "run_options",
    "seed_option",
    "target_options",
    "via_option",
    "with_options",
    "writing_options",
]

Command = Callable[..., Any]


@dataclass(frozen=True)
class RunOptions:
    """What the options say; a `Run` for this process, or words for another one."""

    device: str
    dtype: str
    threads: int | None
    folders: tuple[Path, ...]
    memory: str = "plenty"

    def run(self, *, seed: int = 0, progress: Progress | None = None) -> Run:
        """Return the Run that is asked for."""
        from gcodec.models import ModelStore
        from gcodec.progress import silent
        from gcodec.run import Run, thread_variables

        if self.threads is not None:
            # Read when torch and its libraries are first loaded, which nothing has done yet.
            os.environ.update(thread_variables(self.threads))
        return Run(
            device=self.device,
            dtype=self.dtype,
            seed=seed,
            models=ModelStore.installed(self.folders),
            progress=progress or silent,
            memory=self.memory,
        )

    def as_arguments(self) -> list[str]:
        """Return the command line that says the same in any working folder."""
        words = ["--device", self.device, "--dtype", self.dtype]
        words += ["--memory", self.memory] if self.memory != "plenty" else []
        words += ["--threads", str(self.threads)] if self.threads else []
        for folder in self.folders:
            words += ["--models", str(folder.absolute())]
        return words


_RUN = (
    click.option(
        "--device",
        default="cpu",
        show_default=True,
        help="Where networks run: cpu, cuda, cuda:1, mps.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        show_default=True,
        help="Precision of networks; it never decides what bits mean. auto: float32, or for pictures whatever of it and"
        " bfloat16 is the faster here.",
    ),
    click.option(
        "--memory",
        type=click.Choice(["plenty", "low", "least"]),
        default="plenty",
        show_default=True,
        help="What large networks may take: low slices attention and tiles autoencoders, least keeps layers on the CPU.",
    ),
    click.option("--threads", type=click.IntRange(1), help="CPU threads for networks."),
    click.option(
        "--models",
        "folders",
        multiple=True,
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="A folder with a model that a file may name; may be repeated.",
    ),
)

companion_option = click.option(
    "--companion",
    "companions",
    metavar="FILE",
    multiple=True,
    shell_complete=shell_files,
    help="A file that IN was made with, and that was left out of it (`gcodec encode --apart`). May be repeated.",
)

via_option = click.option(
    "--via", metavar="ADAPTER", help="An adapter that signals must come by, of `gcodec plugins`."
)

_TARGET = (
    click.option(
        "--quality",
        type=float,
        help="0 to 1, higher is better. [default: the method's own, mostly 0.5]",
    ),
    click.option("--bpp", type=float, help="Bits per pixel that the whole file may have at most."),
    click.option(
        "--bytes", "max_bytes", type=int, help="Bytes that the whole file may have at most."
    ),
)


def output_option(
    metavar: str, help: str, default: str | None = None
) -> Callable[[Command], Command]:
    """Add -o, --output."""
    shown = default is not None
    return click.option(
        "-o",
        "--output",
        metavar=metavar,
        type=Place(),
        default=default,
        show_default=shown,
        help=help,
    )


def seed_option(
    help: str = "Key of the common randomness. [default: 0]",
) -> Callable[[Command], Command]:
    """Add --seed."""
    return click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, help=help)


def writing_options(command: Command) -> Command:
    """Add --force, --json (`as_json`) and what `run_options` adds: all that commands which write have in common."""
    return force_option(json_option(run_options(command)))


def run_options(command: Command) -> Command:
    """Add --device, --dtype, --memory, --threads and --models; the command gets them as `how`, a RunOptions."""

    @wraps(command)
    def gathered(
        *args: Any,
        device: str,
        dtype: str,
        memory: str,
        threads: int | None,
        folders: Any,
        **others: Any,
    ) -> Any:
        how = RunOptions(device, dtype, threads, tuple(folders), memory)
        return command(*args, how=how, **others)

    return with_options(_RUN, gathered)


def target_options(command: Command) -> Command:
    """Add --quality, --bpp and --bytes; the command gets them as `target`, a Target."""

    @wraps(command)
    def gathered(
        *args: Any,
        quality: float | None,
        bpp: float | None,
        max_bytes: int | None,
        **others: Any,
    ) -> Any:
        from gcodec.pipeline.ratecontrol import Target

        return command(*args, target=Target(quality, bpp, max_bytes), **others)

    return with_options(_TARGET, gathered)


def with_options(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    """Add several, listed in this order: click lists the one that is applied last first."""
    for option in reversed(options):
        command = option(command)
    return command
