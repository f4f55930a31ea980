"""``gcodec info``."""

from __future__ import annotations

from typing import Any

import click

from gcodec.cli.common import json_option, print_json, print_table, read_bytes, source_argument


@click.command()
@source_argument
@click.option("--partial", is_flag=True, help="Accept a truncated progressive file.")
@json_option
def command(source: str, partial: bool, as_json: bool) -> None:
    """Show what the .gcx file IN holds: header, model, every part with its bytes, and the overhead in all.

    No plugin is loaded and nothing is decoded.
    """
    from gcodec.pipeline.inspection import inspect

    found = inspect(read_bytes(source), partial=partial)
    if as_json:
        print_json(found)
        return
    rows: list[dict[str, Any]] = found.pop("layout")
    width = max(map(len, found))
    for name, value in found.items():
        text = (
            ", ".join(f"{k} {v!r}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        click.echo(f"{name.replace('_', ' '):<{width}}  {text}")
    click.echo()
    print_table(
        ("offset", "bytes", "part"), [(row["offset"], row["bytes"], row["part"]) for row in rows]
    )
