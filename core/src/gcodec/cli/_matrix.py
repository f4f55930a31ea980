"""``gcodec matrix``."""

from __future__ import annotations

import click

from gcodec.cli.common import json_option, print_json, print_table


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List every pair of embedding and reconstructor with the adapters between them, or why it cannot work.

    The last column names signals of the embedding that the reconstructor does not look at.
    """
    from gcodec.pipeline.resolver import matrix
    from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
    from gcodec.registry import registry

    installed = registry()
    rows = matrix(installed)
    if as_json:
        print_json(
            [
                {
                    "embedding": row.embedding,
                    "reconstructor": row.reconstructor,
                    "works": row.path is not None,
                    "path": row.path.explain() if row.path else None,
                    "cost": row.path.cost if row.path else None,
                    "ignores": list(row.ignored),
                    "reason": row.reason or None,
                }
                for row in rows
            ]
        )
        return
    print_table(
        ("embedding", "reconstructor", "path", "ignores"),
        [
            (
                row.embedding,
                row.reconstructor,
                row.path.explain() if row.path else f"none: {row.reason}",
                ", ".join(row.ignored),
            )
            for row in rows
        ],
    )
    for kind in (EmbeddingSpec, ReconstructorSpec):
        for name, spec in installed.table(kind).items():
            if reason := installed.missing(spec):
                click.echo(f"passed over: {name}: {reason}")
