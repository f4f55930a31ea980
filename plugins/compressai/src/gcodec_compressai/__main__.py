"""``python -m gcodec_compressai CHECKPOINT... FOLDER``: make a model folder of checkpoints, to keep or to hand on."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gcodec.errors import GcodecError
from gcodec.files import atomic_folder


@click.command()
@click.argument(
    "checkpoints",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--arch", default="", help="As of `gcodec encode --embed compressai`.")
@click.option("--arguments", default="", help="As there, in JSON.")
def command(checkpoints: tuple[Path, ...], folder: Path, arch: str, arguments: str) -> None:
    """Convert CHECKPOINTS of CompressAI, of ascending rate, to the model folder FOLDER, which must not exist."""
    from gcodec.models import folder_digest
    from gcodec_compressai.convert import write_folder
    from gcodec_compressai.finder import given_arguments

    try:
        with atomic_folder(folder) as partial:
            write_folder(checkpoints, partial, folder.name, arch, given_arguments(arguments))
    except GcodecError as error:
        click.echo(f"gcodec: {error}", err=True)
        sys.exit(error.exit_status)
    click.echo(f"{folder}: digest {folder_digest(folder)}")


if __name__ == "__main__":
    command(prog_name="python -m gcodec_compressai")
