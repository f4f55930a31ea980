"""``python -m gcodec_ntc.zoo CHECKPOINT FOLDER``: make a model folder of a checkpoint, to keep or to hand on."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gcodec.errors import GcodecError
from gcodec.files import atomic_folder


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
def command(checkpoint: Path, folder: Path) -> None:
    """Convert CHECKPOINT, a state dictionary of CompressAI, to the model folder FOLDER, which must not exist."""
    from gcodec.models import folder_digest
    from gcodec_ntc.zoo.checkpoint import open_checkpoint
    from gcodec_ntc.zoo.convert import write_folder

    try:
        with atomic_folder(folder) as partial:
            opened = open_checkpoint(checkpoint)
            write_folder(opened, partial)
    except GcodecError as error:
        click.echo(f"gcodec: {error}", err=True)
        sys.exit(error.exit_status)
    click.echo(f"{folder}: {opened.which.name}, digest {folder_digest(folder)}")


if __name__ == "__main__":
    command(prog_name="python -m gcodec_ntc.zoo")
