"""--tries, --judge and --metric: several files of a picture, of which the one that decodes best is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.plugin_options import Named, plugin_option
from gcodec.cli.run_options import Command, with_options
from gcodec.errors import UsageError
from gcodec.plugin import ReconstructorSpec

if TYPE_CHECKING:
    from gcodec.pipeline.trying import Trials

__all__ = ["tries_options"]


def tries_options(command: Command) -> Command:
    """Add them; the command gets them as `trials`, a Trials or None. One that has --suggest has its judge by default."""

    @wraps(command)
    def gathered(
        *args: Any,
        tries: int,
        judge: Named[ReconstructorSpec] | None,
        metric: str | None,
        **others: Any,
    ) -> Any:
        suggested: Named[ReconstructorSpec] | None = others.get("suggest")
        trials = _trials(tries, judge or suggested, metric, bool(judge or metric))
        return command(*args, trials=trials, **others)

    return with_options(_OPTIONS, gathered)


_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--tries",
        type=click.IntRange(1),
        default=1,
        help="Files to make of a picture: each is decoded, and the one nearest to it is kept. [default: 1]",
    ),
    plugin_option("--judge", "Reconstructor that decodes what is tried"),
    click.option(
        "--metric",
        metavar="NAME",
        help="What tells which is nearest. [default: the first of lpips, ms_ssim and psnr that can be had]",
    ),
)


def _trials(
    tries: int, judge: Named[ReconstructorSpec] | None, metric: str | None, meant: bool
) -> Trials | None:
    """Return what the options say; `meant` whether --judge or --metric was given. Raises UsageError."""
    if tries == 1:
        if meant:
            raise UsageError("--judge and --metric are for --tries of 2 or more, as --tries 8")
        return None
    if judge is None:
        raise UsageError("--tries needs a reconstructor that decodes them, as --judge latent_flow")

    from gcodec.pipeline.trying import Trials

    return Trials(tries, judge.spec.name, judge.options, metric)
