"""``gcodec decode``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gcodec.cli.common import (
    STREAM,
    check_output,
    force_option,
    json_option,
    print_json,
    progress_bar,
    read_bytes,
    rounded,
)
from gcodec.cli.plugin_options import PluginCommand, as_decorator, options_of
from gcodec.cli.run_options import RunOptions, run_options
from gcodec.errors import UsageError
from gcodec.plugin import REALISM


@click.command(cls=PluginCommand)
@click.argument("source", metavar="IN", type=str)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="The picture; its suffix names the format. [default: IN with .png]",
)
@click.option("--recon", help="Stage 2. [default: what the file suggests, else preview]")
@click.option("--model", help="Other weights for the reconstructor: a name, a folder or a digest.")
@as_decorator(REALISM)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    help="Another sample than the file's own.",
)
@click.option(
    "--partial", is_flag=True, help="Decode a truncated progressive file as far as it goes."
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    metavar="N",
    help="Decode the first N bytes of a progressive file as if no more had come.",
)
@click.option(
    "--preview-every",
    type=click.IntRange(1),
    metavar="N",
    help="Write the picture after every N layers of a progressive file too: OUT with the number of layers before"
    " the suffix.",
)
@force_option
@json_option
@run_options
def command(
    source: str,
    output: str | None,
    recon: str | None,
    model: str | None,
    realism: float | None,
    seed: int,
    partial: bool,
    max_bytes: int | None,
    preview_every: int | None,
    force: bool,
    as_json: bool,
    how: RunOptions,
    **plugin_options: Any,
) -> None:
    """Decode the .gcx file IN (- for standard input) to a picture.

    Stage 1 is decoded by the embedding that wrote the file; stage 2 is your choice.
    """
    from gcodec.registry import registry

    spec = registry().reconstructor(recon) if recon else None
    if output is None:
        output = STREAM if source == STREAM else str(Path(source).with_suffix(".png"))
    if preview_every and output == STREAM:
        raise UsageError("--preview-every writes several pictures; give -o a file to name them by")
    check_output(output, force=force)

    from gcodec.pictures import format_of
    from gcodec.pipeline.decoding import decode, decode_progressively, save_decoded

    if output != STREAM:
        format_of(output, Path(output).suffix)
    options = options_of(spec, plugin_options) if spec else {}
    if realism is not None:
        options[REALISM.name] = realism
    data = read_bytes(source)[:max_bytes]
    previews = []
    with progress_bar() as progress:
        settings: dict[str, Any] = {
            "options": options,
            "model": model,
            "partial": partial or max_bytes is not None,
            "run": how.run(seed=seed, progress=progress),
        }
        if preview_every:
            steps = decode_progressively(data, recon, every=preview_every, **settings)
            made, layers = next(steps), preview_every
            for later in steps:
                previews.append(_after(output, layers))
                save_decoded(made, previews[-1], force=force)
                made, layers = later, layers + preview_every
        else:
            made = decode(data, recon, **settings)
    save_decoded(made, sys.stdout.buffer if output == STREAM else output, force=force)
    report = {
        "file": output,
        "embedding": made.embedding,
        "reconstructor": made.reconstructor,
        "suggested": made.suggested,
        "realism": made.realism,
        "path": made.path.explain(),
        "missing_layers": made.missing,
        "previews": previews,
        "seconds": rounded(made.seconds),
    }
    if as_json and output != STREAM:
        print_json(report)
        return
    height, width = made.picture.pixels.shape[1:]
    by = f"{made.reconstructor}{', as the file suggests' if made.suggested else ''}"
    if made.realism not in (None, 1):
        by += f"{',' if made.suggested else ''} at realism {made.realism:g}"
    click.echo(
        f"{output}: {width}x{height}, {made.embedding} -> {by}, {sum(made.seconds.values()):.2f} s",
        err=output == STREAM,
    )
    if made.missing:
        click.echo(
            f"gcodec: the file was cut short: {made.missing} of its parts are missing", err=True
        )


def _after(output: str, layers: int) -> str:
    """The name of the picture after so many layers: photo.png, 3 -> photo.003.png."""
    path = Path(output)
    return str(path.with_name(f"{path.stem}.{layers:03d}{path.suffix}"))
