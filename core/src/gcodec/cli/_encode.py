"""``gcodec encode``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import gcodec_formats as gcx
from gcodec.cli.common import (
    beside,
    output_for,
    progress_bar,
    rounded,
    shell_files,
    source_argument,
    tell,
    write_bytes,
)
from gcodec.cli.plugin_options import Named, PluginCommand, plugin_option
from gcodec.cli.run_options import (
    RunOptions,
    output_option,
    seed_option,
    target_options,
    writing_options,
)
from gcodec.cli.tries_options import tries_options
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec

if TYPE_CHECKING:
    from gcodec.pipeline.trying import Trials


@click.command(cls=PluginCommand)
@source_argument
@output_option("OUT", "The .gcx file; - for standard output. [default: IN with .gcx]")
@plugin_option("--embed", "Stage 1, of `gcodec plugins`", default="ntc")
@target_options
@click.option("--model", help="Other weights than the registered: a name, a folder or a digest.")
@seed_option()
@plugin_option("--suggest", "Reconstructor that the receiver may follow")
@click.option(
    "--digest", is_flag=True, help="Store a digest of stage 1's symbols for `gcodec verify`."
)
@click.option(
    "--metadata", is_flag=True, help="Keep EXIF and XMP; ICC profile and alpha are always kept."
)
@click.option(
    "--companion",
    "companions",
    metavar="FILE",
    multiple=True,
    shell_complete=shell_files,
    help="A .gcx file of the same picture that travels inside; the embedding may build on it. May be repeated.",
)
@click.option(
    "--apart",
    is_flag=True,
    help="Leave the companions out: who decodes has them, and gives them as --companion.",
)
@tries_options
@writing_options
def command(
    source: str,
    output: str | None,
    embed: Named[EmbeddingSpec],
    seed: int,
    suggest: Named[ReconstructorSpec] | None,
    companions: tuple[str, ...],
    apart: bool,
    trials: Trials | None,
    force: bool,
    as_json: bool,
    how: RunOptions,
    **asked: Any,
) -> None:
    """Encode the picture IN (- for standard input) to a .gcx file.

    Size targets count the whole file and are never exceeded. With --tries the reconstructor that is suggested judges, unless
    --judge names another.
    """
    output = output_for(source, output, ".gcx", force=force, inputs=companions)

    from gcodec.pipeline.encoding import encode

    spec = embed.spec
    with progress_bar() as progress:
        run = how.run(seed=seed, progress=progress)
        made = encode(
            beside([source])[0],  # which nobody else then has
            spec.name,
            options=embed.options,
            suggest=(suggest.spec.name, suggest.options) if suggest else None,
            trials=trials,
            companions=beside(companions),
            apart=apart,
            run=run,
            **asked,
        )
    write_bytes(output, made.data, force=force)
    height, width = gcx.read(made.data, limits=run.limits).header.size
    size = len(made.data)
    bpp = 8 * size / (width * height)
    report = {
        "file": output,
        "embedding": spec.name,
        "bytes": size,
        "bpp": bpp,
        "quality": made.quality,
        "seconds": rounded(made.seconds),
    }
    best = ""
    if (judged := made.judged) is not None:
        report["judged"] = vars(judged)
        before = "it needs more bytes" if judged.plain is None else f"{judged.plain:.4f}"
        best = f", {judged.metric} {judged.chosen:.4f} as the best of {judged.tried} (without trying: {before})"
    line = f"{output}: {size} bytes, {bpp:.4f} bpp, {width}x{height}, {spec.name} at quality {made.quality:.3f}"
    tell(output, report, f"{line}{best}, {sum(made.seconds.values()):.2f} s", as_json=as_json)
    if spec.parse_class == "C":
        click.echo(
            f"gcodec: warning: '{spec.name}' parses with a float model (class C): only a machine like this one is"
            " sure to decode the file",
            err=True,
        )
