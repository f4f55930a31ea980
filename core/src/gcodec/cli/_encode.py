"""``gcodec encode``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import (
    STREAM,
    check_output,
    force_option,
    json_option,
    load_picture,
    print_json,
    progress_bar,
    read_bytes,
    rounded,
    write_bytes,
)
from gcodec.cli.plugin_options import PluginCommand, options_of
from gcodec.cli.run_options import RunOptions, run_options, target_options

if TYPE_CHECKING:
    from gcodec.pipeline.ratecontrol import Target


@click.command(cls=PluginCommand)
@click.argument("source", metavar="IN", type=str)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="The .gcx file; - for standard output. [default: IN with .gcx]",
)
@click.option(
    "--embed", default="ntc", show_default=True, help="Stage 1; `gcodec plugins` lists them."
)
@target_options
@click.option("--model", help="Other weights than the registered: a name, a folder or a digest.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    help="Key of the common randomness. [default: 0]",
)
@click.option("--suggest", metavar="RECON", help="Reconstructor that the receiver may follow.")
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
    help="A .gcx file of the same picture that travels inside; the embedding may build on it. May be repeated.",
)
@force_option
@json_option
@run_options
def command(
    source: str,
    output: str | None,
    embed: str,
    target: Target,
    model: str | None,
    seed: int,
    suggest: str | None,
    digest: bool,
    metadata: bool,
    companions: tuple[str, ...],
    force: bool,
    as_json: bool,
    how: RunOptions,
    **plugin_options: Any,
) -> None:
    """Encode the picture IN (- for standard input) to a .gcx file.

    Size targets count the whole file and are never exceeded.
    """
    from gcodec.registry import registry

    spec = registry().embedding(embed)
    if output is None:
        output = STREAM if source == STREAM else str(Path(source).with_suffix(".gcx"))
    check_output(output, force=force)

    from gcodec.pipeline.encoding import encode

    with progress_bar() as progress:
        run = how.run(
            seed=seed,
            progress=progress,
        )
        picture = load_picture(source, run)
        made = encode(
            picture,
            embed,
            target=target,
            options=options_of(spec, plugin_options),
            model=model,
            suggest=(suggest, {}) if suggest else None,
            digest=digest,
            metadata=metadata,
            companions=[read_bytes(file) for file in companions],
            run=run,
        )
    write_bytes(output, made.data, force=force)
    height, width = picture.pixels.shape[1:]
    size = len(made.data)
    report = {
        "file": output,
        "embedding": embed,
        "bytes": size,
        "bpp": 8 * size / (width * height),
        "quality": made.quality,
        "seconds": rounded(made.seconds),
    }
    if as_json and output != STREAM:
        print_json(report)
    else:
        click.echo(
            f"{output}: {size} bytes, {report['bpp']:.4f} bpp, {width}x{height}, {embed} at quality"
            f" {made.quality:.3f}, {sum(made.seconds.values()):.2f} s",
            err=output == STREAM,
        )
    if spec.parse_class == "C":
        click.echo(
            f"gcodec: warning: '{embed}' parses with a float model (class C): only a machine like this one is"
            " sure to decode the file",
            err=True,
        )
