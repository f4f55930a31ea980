"""`--report` of the commands that measure: they hand what they wrote to `gcodec report`, a command of gcodec-view."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stdout

import click

from gcodec.cli.common import check_output, shell_files

__all__ = ["report_option", "report_on"]


def _checked(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Say before the work that there is nothing to write the report with, or nowhere to write it."""
    if value is not None and not ctx.resilient_parsing:
        from gcodec.plugin import CommandSpec
        from gcodec.registry import registry

        registry().named(CommandSpec, "report")
        check_output(value, force=bool(ctx.params.get("force")))
    return value


report_option = click.option(
    "--report",
    metavar="OUT",
    callback=_checked,
    shell_complete=shell_files,
    help="Put all on one page too, an HTML file that works from a disk; needs gcodec-view.",
)


def report_on(output: str, sources: Iterable[str], *words: str, force: bool, as_json: bool) -> None:
    """Run ``gcodec report`` on folders or records, with more `words`. Raises what it does.

    as_json: standard output is a document of the command that calls.
    """
    cli = click.get_current_context().find_root().command
    words = ("report", "-o", output, *(["--force"] if force else []), *words, "--", *sources)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        cli.main(list(words), prog_name="gcodec", standalone_mode=False)
