"""The command ``gcodec``. Nothing here imports NumPy or torch; commands import what they need when they run."""

from __future__ import annotations

import contextlib
import copy
import errno
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

import click

from gcodec.cli._words import one_line
from gcodec.errors import (
    CLOSED_PIPE_EXIT_STATUS,
    DEFECT_EXIT_STATUS,
    INTERRUPTED_EXIT_STATUS,
    GcodecError,
    OutputError,
    PartlyFailed,
    UnusablePlugin,
)
from gcodec.files import why

if TYPE_CHECKING:
    from gcodec.plugin import CommandSpec

__all__ = ["cli", "main"]

#: Command of the core -> module that defines it under the name `command`; the first line of help stands here so that
#: ``--help`` imports none of them.
_COMMANDS = {
    "encode": ("_encode", "Encode a picture to a .gcx file."),
    "decode": ("_decode", "Decode a .gcx file to a picture."),
    "mix": ("_mix", "Encode, decode in a fresh process, and measure."),
    "info": ("_info", "Show what a .gcx file holds, byte by byte."),
    "verify": ("_verify", "Prove that this machine decodes stage 1 as the sender did."),
    "plugins": ("_plugins", "List installed plugins, broken ones with their error."),
    "matrix": ("_matrix", "List every embedding x reconstructor pair with its path."),
    "models": ("_models", "List installed models with digest, licence and place."),
    "new-plugin": ("_new_plugin", "Write a new plugin that works, to start from."),
    "check-plugin": (
        "_check_plugin",
        "Test all that a plugin offers by the suites of gcodec.testing.",
    ),
}

#: Registered commands of other distributions: package to import, distribution to install, help. They are listed even where
#: they are missing.
_ELSEWHERE = {
    "batch": (
        "gcodec_batch",
        "gcodec-batch",
        "Encode, decode or transcode a data set; goes on where it was stopped.",
    ),
    "doctor": (
        "gcodec_doors",
        "gcodec-doors",
        "Say what is installed, what is missing and what is wrong.",
    ),
    "eval": (
        "gcodec_eval",
        "gcodec-eval",
        "Measure rate and distortion over a folder of pictures.",
    ),
    "report": (
        "gcodec_view",
        "gcodec-view",
        "Put what mix or eval wrote on one page: pictures, bytes, curves.",
    ),
    "serve": (
        "gcodec_view",
        "gcodec-view",
        "Encode and decode pictures in the browser, on this machine.",
    ),
    "train": (
        "gcodec_train",
        "gcodec-train",
        "Train a model from a recipe, or go on training it.",
    ),
    "train-data": (
        "gcodec_train",
        "gcodec-train",
        "Make a set of training photographs small enough to take along.",
    ),
    "view": (
        "gcodec_view",
        "gcodec-view",
        "Show files in the browser: the picture, and what every byte is for.",
    ),
}

#: Distributions with plugins that have no other commands, as their folders are called: those of the registry, whose import
#: would take longer than --help.
_OURS = frozenset(
    f"gcodec{name}"
    for name in (
        *("", "_base", "_batch", "_classic", "_compressai", "_diffc", "_diffusers", "_diffusion"),
        *("_doors", "_eval", "_flow", "_ldm", "_light", "_lossless", "_ntc"),
        *("_posterior", "_ray"),
        *("_text_sketch", "_train", "_view"),
    )
)


#: How printing fails: full disks, and a standard output that was closed.
_PRINTING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)


class _Commands(click.Group):
    """The core's commands and those of plugins; a command's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, _ in _listed()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _COMMANDS:
            own: click.Command = import_module(f"gcodec.cli.{_COMMANDS[cmd_name][0]}").command
            return own
        from gcodec.plugin import CommandSpec
        from gcodec.registry import load_object, registry

        if cmd_name not in _ELSEWHERE and cmd_name not in registry().commands:
            return None
        spec = registry().named(CommandSpec, cmd_name)
        found = load_object(spec.name, spec.implementation)
        if not isinstance(found, click.Command):
            raise UnusablePlugin(spec.name, f"{spec.implementation} is no click.Command")
        return _guarded(spec, found)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click would end with status 1; a shell's own tools that lose their reader end with 128 + SIGPIPE.
            raise click.exceptions.Exit(CLOSED_PIPE_EXIT_STATUS) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(_listed())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in {*_COMMANDS, *_ELSEWHERE}:
            known = self.list_commands(ctx)
            if args[0] not in known:
                from gcodec.errors import UnknownPlugin
                from gcodec.plugin import CommandSpec
                from gcodec.registry import registry

                with contextlib.suppress(UnknownPlugin):
                    registry().named(CommandSpec, args[0])  # claimed by two, say: the error says so
                import difflib

                close = difflib.get_close_matches(args[0], known)
                hint = f"; did you mean {' or '.join(close)}?" if close else ""
                ctx.fail(f"there is no command '{args[0]}'{hint}")
        return super().resolve_command(ctx, args)


def _guarded(spec: CommandSpec, command: click.Command) -> click.Command:
    """Return a plugin's command whose defects are that plugin's."""
    from gcodec.border import of_plugin

    def invoke(ctx: click.Context) -> Any:
        # Full disks and click's own ends are told apart where every command's are.
        with of_plugin(spec, (OSError, click.ClickException, click.Abort, click.exceptions.Exit)):
            # Of the context's own command: one that takes plugins' options has them there.
            return type(command).invoke(ctx.command, ctx)

    made = copy.copy(command)
    vars(made)["invoke"] = invoke
    return made


def _listed() -> list[tuple[str, str]]:
    """Return every command with its line of help."""
    rows = [(name, text) for name, (_, text) in _COMMANDS.items()]
    for name, (package, distribution, text) in _ELSEWHERE.items():
        missing = "" if find_spec(package) else f" Missing: pip install {distribution}"
        rows.append((name, text + missing))
    if _strangers():
        from gcodec.registry import registry

        rows += [(s.name, s.summary) for n, s in registry().commands.items() if n not in _ELSEWHERE]
    return rows


def _strangers() -> bool:
    """Whether a distribution of others has plugins: only then can there be commands that are not known here.

    Importing importlib.metadata and every plugin would double the time of ``--help``.
    """
    for folder in sys.path:
        try:
            with os.scandir(folder or ".") as entries:
                found = [e for e in entries if e.name.endswith(".dist-info")]
        except OSError:
            continue
        if any(e.name.partition("-")[0] not in _OURS and _has_plugins(e.path) for e in found):
            return True
    return False


def _has_plugins(about: str) -> bool:
    # Not by pathlib, which takes 8 ms to import.
    try:
        with open(f"{about}/entry_points.txt", encoding="utf-8") as stream:  # noqa: PTH123
            return "[gcodec]" in stream.read()
    except (OSError, ValueError):
        return False


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"gcodec {version('gcodec')}")
        ctx.exit()


def _switch_off(ctx: click.Context, param: click.Parameter, names: Sequence[str]) -> None:
    """Do without plugins, here and in every process that this one starts."""
    if not names or ctx.resilient_parsing:
        return
    from gcodec.registry import DISABLE, registry, switches_off

    os.environ[DISABLE] = ",".join(filter(None, [os.environ.get(DISABLE), *names]))
    registry.cache_clear()
    for name in (word for text in names for word in text.split(",")):
        if not switches_off(name, registry().plugins):
            raise click.BadParameter(
                f"nothing that can be switched off is called '{name}'; `gcodec plugins` lists what is installed"
            )


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done; 2-19 and 22 it cannot be done, see the README of gcodec; 20 damaged or foreign file; "
    "21 done in part; 70 a defect; 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version.",
)
@click.option(
    "--without",
    metavar="NAME",
    multiple=True,
    expose_value=False,
    is_eager=True,
    callback=_switch_off,
    help="Do as if this were not installed: a distribution, a plugin, or DISTRIBUTION:NAME for one thing that it offers. May"
    " be repeated.",
)
def cli() -> None:
    """Generative image compression: any embedding, decoded by any reconstructor, through a real file."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: one line on failure and a distinct status, never a traceback.

    ``GCODEC_TRACEBACK=1`` shows where a failure came from.
    """
    _open_streams()
    warnings.showwarning = _show_warning
    words = list(sys.argv[1:] if args is None else args)
    try:
        result = cli.main(words or ["--help"], prog_name="gcodec", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        # What failed in part has told its reasons.
        if os.environ.get("GCODEC_TRACEBACK") and not isinstance(error, PartlyFailed):
            raise
        _fail(error)
    sys.exit(result if isinstance(result, int) else 0)


def _open_streams() -> None:
    """Give standard streams that were closed something that cannot be used.

    Otherwise the next file to be opened would take a stream's number, and whatever prints would print into it. Reading or
    printing then fails as on a broken disk, except that nobody is told what goes to standard error.
    """
    for number, (name, way, mode) in enumerate(
        (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))
    ):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, way)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"gcodec: warning: {one_line(str(message))}", err=True)


def _fail(error: BaseException) -> NoReturn:
    status, text = _explain(error)
    if text:
        click.echo(f"gcodec: {one_line(text)}", err=True)
    try:
        if status != INTERRUPTED_EXIT_STATUS:
            sys.stdout.flush()
            sys.exit(status)
    except OSError:
        pass
    # Python would otherwise complain while it flushes what a closed pipe or a full disk does not take.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _explain(error: BaseException) -> tuple[int, str]:
    """Return exit status and one line for anything that can end a command."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code, ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return 2, f"{error.format_message()} (see {error.ctx.command_path} --help)"
    if isinstance(error, click.ClickException):
        return 2, error.format_message()
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED_EXIT_STATUS, "interrupted"
    if isinstance(error, GcodecError):
        return error.exit_status, str(error)
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE_EXIT_STATUS, ""
    if isinstance(error, OSError) and error.errno in _PRINTING:
        # Whatever else writes raises OutputError.
        reason = "it is closed" if error.errno == errno.EBADF else why(error)
        return OutputError.exit_status, str(OutputError("standard output", reason))
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1, ""
    if isinstance(error, MemoryError):
        return DEFECT_EXIT_STATUS, "out of memory"
    text = " ".join(str(error).split())
    hint = "this is a defect; GCODEC_TRACEBACK=1 shows where"
    return DEFECT_EXIT_STATUS, f"{type(error).__name__}: {text} ({hint})"
