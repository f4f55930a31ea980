"""``gcodec models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gcodec.cli._common import json_option, print_json, print_table


@click.command()
@click.option("--check", is_flag=True, help="Hash the weights and compare with the digest.")
@click.option(
    "--digest",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Only print the digest of a model folder.",
)
@json_option
def command(check: bool, folder: Path | None, as_json: bool) -> None:
    """List the models in installed packages with their digest, licence and size."""
    from gcodec.models import ModelStore, folder_digest, package_folder
    from gcodec.registry import registry

    if folder is not None:
        click.echo(folder_digest(folder))
        return
    store = ModelStore.installed()
    rows: list[dict[str, Any]] = []
    for spec in registry().models.values():
        place = package_folder(spec)
        if check:
            store.find(spec.name)
        rows.append(
            {
                "name": spec.name,
                "digest": spec.digest,
                "bytes": sum(f.stat().st_size for f in place.rglob("*.safetensors")),
                "licence": spec.licence,
                "summary": spec.summary,
                "folder": str(place),
                "checked": check,
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("model", "digest", "bytes", "licence", "summary"),
        [(r["name"], r["digest"][:16], r["bytes"], r["licence"], r["summary"]) for r in rows],
    )
    if check:
        click.echo("all weights are what their digests say")
