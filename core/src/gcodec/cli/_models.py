"""``gcodec models``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli._words import one_line
from gcodec.cli.common import json_option, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from gcodec.models import Model


@click.command()
@click.option("--check", is_flag=True, help="Hash the weights and compare with the digest.")
@click.option(
    "--digest",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Only print the digest of a model folder.",
)
@click.option(
    "--fetch",
    metavar="OWNER/NAME",
    help="Fetch a model from the hub, or from where a plugin knows one of that name; nothing else ever does.",
)
@click.option(
    "--revision",
    metavar="NAME",
    help="Branch, tag or commit to fetch from the hub. [default: the hub's]",
)
@json_option
def command(
    check: bool, folder: Path | None, fetch: str | None, revision: str | None, as_json: bool
) -> None:
    """List the models in installed packages and those fetched, with digest, licence and size."""
    from gcodec.errors import ModelMissing
    from gcodec.models import ModelStore, cache, folder_digest, package_folder
    from gcodec.registry import registry

    if revision is not None and fetch is None:
        raise click.UsageError("--revision says what to --fetch, and nothing is to be fetched")
    if folder is not None:
        click.echo(folder_digest(folder))
        return
    if fetch is not None:
        model = _fetched(fetch, revision)
        click.echo(f"{model.name}: digest {model.digest}, in {model.folder}")
        return
    store = ModelStore.installed()
    packaged = []
    for spec in registry().models.values():
        try:
            place = package_folder(spec)
        except ModelMissing as error:
            click.echo(f"gcodec: warning: {one_line(str(error))}", err=True)
            continue
        packaged.append((spec.name, spec.digest, place, spec.licence, spec.summary))
    kept = [
        (name, digest, place, "see its card", "fetched") for name, digest, place in cache.fetched()
    ]
    rows: list[dict[str, Any]] = []
    for name, digest, place, licence, summary in [*packaged, *kept]:
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


def _fetched(name: str, revision: str | None) -> Model:
    """Fetch a model from where a plugin knows it, otherwise from the hub, which alone has revisions."""
    from gcodec.border import of_plugin
    from gcodec.models import ModelStore, hub
    from gcodec.registry import load_object, registry

    for spec in registry().embeddings.values() if revision is None else ():
        with of_plugin(spec):
            made = load_object(spec.name, spec.finder)(name, True, {}) if spec.finder else None
        if made:
            return ModelStore.installed().find(made)
    with progress_bar() as progress:
        return hub.fetch(name, revision, progress)
