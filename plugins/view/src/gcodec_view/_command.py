"""``gcodec view``."""

from __future__ import annotations

from pathlib import Path, PurePath
from urllib.parse import quote

import click

from gcodec.cli.common import (
    STREAM,
    check_output,
    force_option,
    read_bytes,
    shell_files,
    write_bytes,
)
from gcodec.errors import UsageError


@click.command()
@click.argument("sources", metavar="[FILE]...", nargs=-1, shell_complete=shell_files)
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
@click.option(
    "--write",
    metavar="OUT",
    shell_complete=shell_files,
    help="Write the page instead, with the files inside: as one file (.html), which works from a disk, or as a folder for "
    "a web server.",
)
@force_option
def command(sources: tuple[str, ...], no_browser: bool, write: str | None, force: bool) -> None:
    """Show .gcx files in the browser: each picture, and what every byte is for.

    A server on this machine alone hands the page to the browser until Ctrl-C. Without FILE the page waits for files that
    are dropped on it. Nothing is decoded here, and no network is asked.
    """
    if write is not None:
        if no_browser:
            raise UsageError("--write opens no browser; leave --no-browser out")
        _write(write, sources, force=force)
        return
    from gcodec_view._parts import models, page
    from gcodec_view._server import Server, serve_until_ctrl_c

    named = {f"files/{i}/{_name(source)}": source for i, source in enumerate(sources)}
    # Read now, so that what is not there is said here, and from then on whenever the page is loaded again.
    contents = {name: read_bytes(source) for name, source in named.items()}
    pictures = {n: contents[n] if s == STREAM else Path(s) for n, s in named.items()}
    with Server({**page(), **models(), **pictures}) as server:
        query = "&".join(f"src={quote(quote(name))}" for name in pictures)
        address = server.address + (f"?{query}" if query else "")
        serve_until_ctrl_c(server, address, browser=not no_browser)


def _name(source: str) -> str:
    return "stdin.gcx" if source == STREAM else PurePath(source).name


def _write(out: str, sources: tuple[str, ...], *, force: bool) -> None:
    from gcodec_view._writing import one_file, write_folder

    alone = out == STREAM or Path(out).suffix.lower() in (".html", ".htm")
    if alone:
        check_output(out, force=force, inputs=sources)
    pictures = {_name(source): read_bytes(source) for source in sources}
    if len(pictures) < len(sources):
        raise UsageError("two files of one name cannot stand on one page; rename one")
    if alone:
        write_bytes(out, one_file(pictures), force=force)
        click.echo(f"wrote {out}", err=out == STREAM)
        return
    for address in write_folder(Path(out), pictures) or ["index.html"]:
        click.echo(f"wrote {out}: {address}")
