"""``gcodec train-data``."""

from __future__ import annotations

from pathlib import Path

import click

from gcodec.cli.common import json_option, print_json, progress_bar

_UNITS = {"": 1, "B": 1, "kB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class _Bytes(click.ParamType[int]):
    """A number of bytes: 50000000, 50MB, 48MiB."""

    name = "BYTES"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        text = str(value)
        digits = text.rstrip("".join(set("".join(_UNITS))))
        unit = text[len(digits) :].strip()
        if not digits.strip().isdecimal() or unit not in _UNITS:
            self.fail(
                f"'{text}' is no number of bytes, such as 50000000, 50MB or 48MiB", param, ctx
            )
        return int(digits) * _UNITS[unit]


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--max-bytes",
    type=_Bytes(),
    default="48MiB",
    show_default=True,
    help="Bytes that all files together may have at most.",
)
@click.option("--side", type=click.IntRange(16), help="Scale short sides down to so many pixels.")
@json_option
def command(source: Path, target: Path, max_bytes: int, side: int | None, as_json: bool) -> None:
    """Write the images below SOURCE to the new folder TARGET, small enough to take along.

    All are AVIF 4:4:4 of one quality, the highest at which they fit. `gcodec train --data TARGET` takes them as it takes
    any folder of images. An image that cannot be read is named and passed over, and the exit status is then 21.
    """
    from gcodec.errors import PartlyFailed
    from gcodec_train import fit

    with progress_bar() as progress:
        count, total, quality, unread = fit(source, target, max_bytes, side, progress)
    if as_json:
        made = {"folder": str(target), "files": count, "bytes": total, "quality": quality}
        print_json({**made, "unread": unread})
    else:
        click.echo(f"{target}: {count} images, {total} bytes, AVIF quality {quality}")
    if unread:
        raise PartlyFailed(len(unread), count + len(unread), "images")
