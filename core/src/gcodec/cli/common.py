"""What several commands share: streams, tables, JSON and progress."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli._words import one_line
from gcodec.errors import ImageError, OutputError, UsageError
from gcodec.files import (
    atomic_write,
    check_not_input,
    check_writable,
    file_bytes,
    read_bounded,
    why,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from gcodec.pictures import Picture
    from gcodec.progress import Progress
    from gcodec.run import Run

STREAM = "-"

#: The standard streams by the names that a system has for them, besides any file that standard output goes to.
_STDIN = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_STDOUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


class Number(click.FloatRange):
    """A finite number in a range: to click, NaN is in every range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


def shell_files(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Leave completion to the shell, which knows its files: `shell_complete` of what is not a `Place` or a `click.Path`."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


class Place(click.ParamType[str]):
    """A file, or "-" for a standard stream, which ``/dev/stdin`` and ``/dev/stdout`` mean too."""

    name = "file"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value or "\0" in value:
            self.fail("a file needs a name", param, ctx)
        streams = _STDIN if isinstance(param, click.Argument) else _STDOUT
        return STREAM if value in streams else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """As `shell_files`."""
        return shell_files(ctx, param, incomplete)


#: The argument IN of a command.
source_argument = click.argument("source", metavar="IN", type=Place())

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
# Eager: known when other options are looked at, wherever it stands.
force_option = click.option(
    "--force", is_flag=True, is_eager=True, help="Overwrite existing output."
)


def read_bytes(path: str) -> bytes:
    """Return the contents of a file, or of standard input for "-". Raises ImageError, for endless streams too."""
    if path != STREAM:
        return file_bytes(path)
    try:
        return read_bounded(sys.stdin.buffer, "standard input")
    except OSError as error:
        raise ImageError("standard input", f"cannot be read: {error.strerror}") from error


def beside(paths: Iterable[str]) -> list[str | bytes]:
    """Files that are read by their names, so that errors have these; standard input is read here."""
    return [read_bytes(path) if path == STREAM else path for path in paths]


def load_picture(path: str, run: Run) -> Picture:
    """Return the picture in a file, or on standard input for "-". Raises ImageError."""
    from gcodec.pictures import load_image

    return load_image(read_bytes(STREAM) if path == STREAM else Path(path), limits=run.limits)


def write_bytes(path: str, data: bytes, *, force: bool) -> None:
    """Write a whole file at once, or standard output for "-". Raises OutputError, OutputExists."""
    if path == STREAM:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError("standard output", why(error)) from error
        return
    with atomic_write(Path(path), force=force) as stream:
        stream.write(data)


def check_output(path: str, *, force: bool, inputs: Iterable[str] = ()) -> None:
    """Refuse early what could not be written after minutes of work, or is one of `inputs`.

    Raises OutputError, OutputExists.
    """
    if path != STREAM:
        check_not_input(path, inputs)
        check_writable(path, force=force)
    elif sys.stdout.isatty():
        raise UsageError("a picture or file is not written to a terminal; redirect it or use -o")


def output_for(
    source: str, output: str | None, suffix: str, *, force: bool, inputs: Iterable[str] = ()
) -> str:
    """Return where to write: as asked, otherwise beside `source` with another suffix.

    Raises what `check_output` does for `source` and further `inputs`, and ImageError where `source` is a folder.
    """
    if source != STREAM and Path(source).is_dir():
        raise ImageError(source, "it is a folder; name a file")
    if output is None:
        output = STREAM if source == STREAM else str(Path(source).with_suffix(suffix))
    check_output(output, force=force, inputs=(source, *inputs))
    return output


def tell(output: str, report: Mapping[str, Any], line: str, *, as_json: bool) -> None:
    """Say what was written, on standard error where standard output is the result itself."""
    click.echo(json_text(report) if as_json else line, err=output == STREAM)


def print_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json_text(value))


#: From here on a binary64 does not hold every integer.
_ROUNDED = 1 << 53


def json_text(value: object, indent: int | None = 2) -> str:
    """Return a JSON document. A number that not every reader of JSON can hold is a text.

    As the PSNR of equal pictures, "inf", or a seed beyond 2^53, which JavaScript would round: "18446744073709551615".
    """
    import json

    return json.dumps(_plain(value), indent=indent, allow_nan=False, default=str)


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= _ROUNDED:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns; numbers stand to the right. Plain text, so that it can be piped and costs no import."""
    texts = [[one_line(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *texts]) for i in range(len(header))]
    right = [
        bool(rows)
        and all(
            isinstance(row[i], (int, float)) or _numeric(texts[n][i]) for n, row in enumerate(rows)
        )
        for i in range(len(header))
    ]
    for row in [list(header), *texts]:
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _numeric(text: str) -> bool:
    return text in ("", "-") or text.lstrip("+-").replace(".", "", 1).isdigit()


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Round wall times to milliseconds, for people and for JSON."""
    return {name: round(value, 3) for name, value in seconds.items()}


@contextmanager
def progress_bar(enabled: bool = True) -> Iterator[Progress]:
    """Show progress on standard error if it is a terminal; otherwise show nothing and import nothing."""
    from gcodec.progress import silent

    if not (enabled and sys.stderr.isatty()):
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show
