"""``gcodec decode``."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from gcodec.cli.common import (
    STREAM,
    Place,
    beside,
    check_output,
    output_for,
    progress_bar,
    read_bytes,
    rounded,
    shell_files,
    source_argument,
    tell,
)
from gcodec.cli.plugin_options import Named, PluginCommand, as_decorator, plugin_option
from gcodec.cli.run_options import (
    RunOptions,
    companion_option,
    output_option,
    seed_option,
    via_option,
    writing_options,
)
from gcodec.errors import UsageError
from gcodec.plugin import REALISM, ReconstructorSpec


@click.command(cls=PluginCommand)
@source_argument
@output_option("OUT", "The picture; its suffix names the format. [default: IN with .decoded.png]")
@click.option(
    "--format",
    metavar="SUFFIX",
    help="The format, whatever the name says: png, jpg, tiff... (-o - : png).",
)
@plugin_option("--recon", "Stage 2, by default what the file suggests, else preview")
@click.option("--model", help="Other weights for the reconstructor: a name, a folder or a digest.")
@via_option
@as_decorator(REALISM)
@seed_option("Another sample than the file's own.")
@click.option(
    "--partial", is_flag=True, help="Decode a truncated progressive file as far as it goes."
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    metavar="N",
    help="Decode the first N bytes of a progressive file as if no more had come.",
)
@companion_option
@click.option(
    "--preview-every",
    type=click.IntRange(1),
    metavar="N",
    help="Write the picture after every N layers of a progressive file too: OUT with the number of layers before"
    " the suffix.",
)
@click.option(
    "--fidelity-map",
    type=Place(),
    metavar="PATH",
    help="Write too how far each pixel may be from the original: gray of 16 bits, 256 to a level (.png), or float32"
    " in levels (.npy).",
)
@click.option(
    "--sign",
    type=(str, str),
    metavar="CERTIFICATES KEY",
    shell_complete=shell_files,
    help="Sign Content Credentials (C2PA) into the picture, with these two PEM files of yours: gcodec[sign].",
)
@writing_options
def command(
    source: str,
    output: str | None,
    format: str | None,
    recon: Named[ReconstructorSpec] | None,
    model: str | None,
    via: str | None,
    realism: float | None,
    seed: int,
    partial: bool,
    max_bytes: int | None,
    companions: tuple[str, ...],
    preview_every: int | None,
    fidelity_map: str | None,
    sign: tuple[str, str] | None,
    force: bool,
    as_json: bool,
    how: RunOptions,
) -> None:
    """Decode the .gcx file IN (- for standard input) to a picture.

    Stage 1 is decoded by the embedding that wrote the file; stage 2 is your choice.
    """
    if preview_every and STREAM in (output, source if output is None else None):
        raise UsageError("--preview-every writes several pictures; give -o a file to name them by")
    suffix = f".{format.removeprefix('.')}" if format else ".png"
    output = output_for(source, output, f".decoded{suffix}", force=force)

    import gcodec_formats as gcx
    from gcodec.pictures import Credentials, check_signable, format_of
    from gcodec.pipeline.decoding import check_target, decode, decode_progressively, save_decoded
    from gcodec.pipeline.fidelity import saving_fidelity, suffix_of

    if not format and output != STREAM:
        suffix = Path(output).suffix
    kind = format_of(output, suffix)
    credentials = Credentials.read(*sign) if sign else None
    if credentials:
        check_signable(output, kind)
    if fidelity_map:
        suffix_of(fidelity_map)
        if os.path.realpath(fidelity_map) == os.path.realpath(output):  # links are followed
            raise UsageError("the fidelity map is another picture; give it a name of its own")
        check_output(fidelity_map, force=force, inputs=[source])
    name = recon.spec.name if recon else None
    options = {} if realism is None else {REALISM.name: realism}
    data = read_bytes(source)
    if max_bytes is not None:
        if max_bytes < len(data) and not gcx.read(data, partial=True).progressive:
            raise UsageError(
                f"{source} is not progressive: leave --max-bytes out, it is decoded whole"
            )
        data = data[:max_bytes]
    cut = partial or max_bytes is not None
    check_target(data, output, kind, partial=cut, run=how.run(seed=seed))
    previews = []
    with progress_bar() as progress:
        settings: dict[str, Any] = {
            "options": options | dict(recon.options if recon else {}),
            "model": model,
            "via": via,
            "partial": cut,
            "fidelity": bool(fidelity_map),
            "companions": beside(companions),
            "run": how.run(seed=seed, progress=progress),
        }
        if preview_every:
            steps = decode_progressively(data, name, every=preview_every, **settings)
            made, layers = next(steps), preview_every
            for later in steps:
                previews.append(_after(output, layers))
                check_output(previews[-1], force=force, inputs=[source])
                save_decoded(
                    made, previews[-1], format=suffix, credentials=credentials, force=force
                )
                made, layers = later, layers + preview_every
        else:
            made = decode(data, name, **settings)
    target = sys.stdout.buffer if output == STREAM else output
    with ExitStack() as both:
        if fidelity_map and made.fidelity is not None:
            both.enter_context(saving_fidelity(made.fidelity, fidelity_map, force=force))
        save_decoded(made, target, format=suffix, credentials=credentials, force=force)
    report = {
        "file": output,
        "embedding": made.embedding,
        "reconstructor": made.reconstructor,
        "suggested": made.suggested,
        "realism": made.realism,
        "origin": made.origin,
        "path": made.path.explain(),
        "missing_layers": made.missing,
        "lost_alpha": made.lost_alpha,
        "previews": previews,
        "fidelity_map": fidelity_map,
        "seconds": rounded(made.seconds),
    }
    height, width = made.picture.pixels.shape[1:]
    by = f"{made.reconstructor}{', as the file suggests' if made.suggested else ''}"
    if made.realism not in (None, 1):
        by += f"{',' if made.suggested else ''} at realism {made.realism:g}"
    line = f"{output}: {width}x{height}, {made.embedding} -> {by}, {made.origin}, {sum(made.seconds.values()):.2f} s"
    tell(output, report, line, as_json=as_json)
    lost = [f"{made.missing} of its layers"] * (made.missing > 0)
    lost += ["its transparency"] * made.lost_alpha
    if lost and not as_json:
        click.echo(f"gcodec: the file was cut short: without {' and '.join(lost)}", err=True)


def _after(output: str, layers: int) -> str:
    """The name of the picture after so many layers: photo.png, 3 -> photo.003.png."""
    path = Path(output)
    return str(path.with_name(f"{path.stem}.{layers:03d}{path.suffix}"))
