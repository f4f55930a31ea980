"""``gcodec report``."""

from __future__ import annotations

from pathlib import Path

import click

from gcodec.cli.common import STREAM, check_output, force_option, progress_bar, write_bytes
from gcodec.cli.run_options import output_option


@click.command()
@click.argument(
    "sources", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@output_option("OUT", "The report, an HTML file.", default="report.html")
@click.option(
    "--originals",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where the originals lie, if not where the records say.",
)
@click.option(
    "--prefixes",
    metavar="N",
    type=click.IntRange(1, 64),
    help="Decode progressive files here after their first layers too, at up to N places, for the slider over layers.",
)
@force_option
def command(
    sources: tuple[Path, ...],
    output: str,
    originals: Path | None,
    prefixes: int | None,
    force: bool,
) -> None:
    """Put what mix or eval wrote into FOLDER on one page that works from a disk.

    Original against each reconstruction, with line, zoom and difference; what every byte is for; rate-distortion
    curves where there are several rates; commands and digests. FOLDER is one of `gcodec mix`, or of `gcodec eval --keep`;
    several make one page, and so do single records of mix (.json).
    """
    check_output(output, force=force)
    from gcodec_view._records import read
    from gcodec_view._reporting import report

    with progress_bar() as progress:
        made = report(read(sources, originals), prefixes or 0, progress)
    write_bytes(output, made, force=force)
    click.echo(f"wrote {output}", err=output == STREAM)
