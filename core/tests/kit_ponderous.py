"""A command that imports at once what only its work needs."""

from __future__ import annotations

import click
import PIL


@click.command()
def command() -> None:
    """Say the version of Pillow.

    No more.
    """
    click.echo(PIL.__version__)
