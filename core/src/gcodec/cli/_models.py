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
@click.option(
    "--fetch", metavar="OWNER/NAME", help="Fetch a model from the hub; nothing else ever does."
)
@json_option
def command(check: bool, folder: Path | None, fetch: str | None, as_json: bool) -> None:
    """List the models in installed packages and those fetched, with digest, licence and size."""
    from gcodec import hub
    from gcodec.models import ModelStore, folder_digest, package_folder
    from gcodec.registry import registry

    if folder is not None:
        click.echo(folder_digest(folder))
        return
    if fetch is not None:
        model = hub.fetch(fetch)
        click.echo(f"{model.name}: digest {model.digest}, in {model.folder}")
        return
    store = ModelStore.installed()
    packaged = [
        (spec.name, spec.digest, package_folder(spec), spec.licence, spec.summary)
        for spec in registry().models.values()
    ]
    fetched = [
        (name, digest, place, "see its card", "fetched") for name, digest, place in hub.fetched()
    ]
    rows: list[dict[str, Any]] = []
    for name, digest, place, licence, summary in [*packaged, *fetched]:
        if check:
            store.find(digest)
        rows.append(
            {
                "name": name,
                "digest": digest,
                "bytes": sum(file.stat().st_size for file in place.rglob("*.safetensors")),
                "licence": licence,
                "summary": summary,
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
