"""``gcodec doctor``."""

from __future__ import annotations

from collections import Counter

import click

from gcodec.cli.common import json_option, print_json, print_table


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Say what is installed, what is missing and what is wrong here.

    Versions and what they ask for, threads and devices, plugins, and every model against its digest. What is absent can be
    had with the line beside it, and nothing is wrong about that. Exit status: 0 where nothing is wrong, otherwise 19.
    """
    from gcodec.errors import ChecksFailed
    from gcodec_doors._doctor import WRONG, examined

    rows = list(examined())
    count = Counter(row.state for row in rows)
    if as_json:
        print_json({"states": dict(count), "rows": [row._asdict() for row in rows]})
    else:
        print_table(("state", "what", "", "do"), rows)
    if count[WRONG]:
        raise ChecksFailed("this installation", count[WRONG], len(rows))
