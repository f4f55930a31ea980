"""``gcodec serve``."""

from __future__ import annotations

import ipaddress
import platform
import socket
from pathlib import Path

import click

from gcodec.cli.common import Number, json_text
from gcodec.cli.run_options import RunOptions, run_options
from gcodec.errors import UsageError

#: GiB of memory of a job.
_MEMORY = 4.0


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="[default: any that is free]"
)
@click.option("--open/--no-open", "browser", default=True, help="Open a browser. [default: open]")
@click.option(
    "--timeout",
    type=Number(1),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="What a job may take from its start to its end.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1, 1 << 28),
    default=24_000_000,
    show_default=True,
    metavar="N",
    help="Pixels of a picture, width times height; a job carries 8 bytes for each at most.",
)
@click.option(
    "--max-memory",
    type=Number(0.25),
    metavar="GIB",
    help="What a job may take; held on Linux alone. [default: 4]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="An address of this machine; one that other machines reach is for --expose alone.",
)
@click.option(
    "--expose", is_flag=True, help="Listen where others on the network reach it, unencrypted."
)
@run_options
def command(
    port: int,
    browser: bool,
    timeout: float,
    max_pixels: int,
    max_memory: float | None,
    host: str,
    expose: bool,
    how: RunOptions,
) -> None:
    """Encode and decode pictures in the browser: choose, watch, compare.

    A server on this machine alone, until Ctrl-C. --timeout and --max-memory bound the process of each job; nothing is kept.
    """
    local = _is_local(host)
    if not local and not expose:
        raise UsageError(
            f"{host} is reached from other machines; give --expose if that is meant, or come by `ssh -L`"
        )
    from gcodec.models.devices import check_device
    from gcodec.registry import registry
    from gcodec_view._parts import SERVE, page
    from gcodec_view._server import serve_until_ctrl_c
    from gcodec_view.serving.choices import choices
    from gcodec_view.serving.handler import JobServer
    from gcodec_view.serving.jobs import Jobs
    from gcodec_view.serving.task import Allowed

    how.run()  # what it cannot be is said now
    check_device(how.device)
    allowed = Allowed(max_pixels, _bytes(max_memory), timeout, how)
    jobs = Jobs(allowed, ahead=True)
    limits = {"pixels": max_pixels, "memory": allowed.memory, "seconds": timeout}
    parts: dict[str, Path | bytes] = {
        name.removeprefix(SERVE): path for name, path in page().items() if name.startswith(SERVE)
    }
    try:
        server = JobServer(parts, jobs, host, port)
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be listened at: {error.strerror or error}"
        ) from error
    limits["bytes"] = server.largest
    parts["choices.json"] = json_text({**choices(registry()), "limits": limits}).encode()
    if not local:
        click.echo(
            "gcodec: warning: nothing is encrypted: who sees the traffic sees your pictures, and can have others coded here",
            err=True,
        )
    with server:
        jobs.get_ready()
        serve_until_ctrl_c(server, server.address, browser=browser)


def _bytes(gib: float | None) -> int | None:
    """Return the limit on memory in bytes; None where the system has none."""
    if platform.system() == "Linux":
        return int((_MEMORY if gib is None else gib) * 2**30)
    if gib is not None:
        raise UsageError("this system cannot hold a process to --max-memory; leave it out")
    return None


def _is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone. Raises UsageError for one that stands for all, or for none."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host!r} is no address of this machine") from error
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    if not host or any(address.is_unspecified for address in addresses):
        raise UsageError("name one address: the page is only given to who asks for it by that")
    return all(address.is_loopback for address in addresses)
