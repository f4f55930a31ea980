"""``gcodec check-plugin``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from gcodec.cli.common import Number, json_option, print_json, print_table, progress_bar
from gcodec.errors import ChecksFailed, UsageError

if TYPE_CHECKING:
    from gcodec.testing._checks import Row


@click.command()
@click.argument("distribution", metavar="DIST")
@click.option(
    "--patience",
    type=Number(min=1),
    default=600.0,
    show_default=True,
    help="Seconds after which a test counts as hanging.",
)
@json_option
def command(distribution: str, patience: float, as_json: bool) -> None:
    """Test all that the installed distribution DIST offers by the suites of gcodec.testing.

    Each spec is tested in a process of its own; its decoders run alone, with nothing of the sender's but the file. Ends with
    status 0 only if every test passed or had a reason to be skipped. A plugin's own tests may set what a method is
    allowed, such as the largest difference between two machines; here the defaults hold.
    """
    if find_spec("pytest") is None:
        raise UsageError("check-plugin runs tests, for which it needs: pip install pytest")
    rows = _rows(distribution, patience)
    count = Counter(row.outcome for row in rows)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        print_table(
            ("kind", "name", "test", "result", "why"),
            [(r.kind, r.name, r.test, r.outcome, " ".join(r.detail.split())) for r in rows],
        )
        click.echo(
            f"\n{distribution}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"
        )
    if count["failed"]:
        raise ChecksFailed(distribution, count["failed"], len(rows))


def _rows(distribution: str, patience: float) -> list[Row]:
    from gcodec.testing._checks import Row, checks_of, flaws_of, run

    rows = flaws_of(distribution)
    with progress_bar() as progress:
        for check in checks_of(distribution):
            if isinstance(check, Row):
                rows.append(check)
                continue
            what, total = f"{check.kind} {check.name}", check.tests
            for done, row in enumerate(run(check, patience)):
                progress(what, min(done, total), total)
                rows.append(row)
            progress(what, total, total)
    return rows
