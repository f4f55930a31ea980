"""``gcodec verify``."""

from __future__ import annotations

import click

from gcodec.cli.common import beside, json_option, print_json, read_bytes, source_argument
from gcodec.cli.run_options import RunOptions, companion_option, run_options


@click.command()
@source_argument
@companion_option
@json_option
@run_options
def command(
    source: str,
    companions: tuple[str, ...],
    as_json: bool,
    how: RunOptions,
) -> None:
    """Check the .gcx file IN on this machine: checksums, model, stage 1.

    With a digest inside (`gcodec encode --digest`) it proves that the sender's symbols are recovered bit for bit.
    """
    from gcodec.pipeline.decoding import verify

    run = how.run()
    found = verify(read_bytes(source), source, companions=beside(companions), run=run)
    if as_json:
        print_json({"file": source, **found})
        return
    model = f", model {found['model'][:16]}..." if found["model"] else ""
    proof = (
        "stage 1 is the sender's, bit for bit"
        if found["proved"]
        else "stage 1 decodes; the file holds no digest to prove it by"
    )
    click.echo(
        f"{source}: sound; {found['embedding']} (class {found['parse_class']}){model};"
        f" symbols {found['symbols']}; {proof}"
    )
