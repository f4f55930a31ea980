"""``gcodec batch encode|decode|transcode SOURCE DEST``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import Number, print_json, progress_bar, shell_files
from gcodec.cli.plugin_options import Named, PluginCommand, as_decorator, plugin_option
from gcodec.cli.run_options import (
    Command,
    RunOptions,
    run_options,
    seed_option,
    target_options,
    via_option,
)
from gcodec.cli.tries_options import tries_options
from gcodec.errors import PartlyFailed, UsageError
from gcodec.plugin import REALISM, EmbeddingSpec, ReconstructorSpec
from gcodec_batch._remote import is_url

if TYPE_CHECKING:
    from gcodec.pipeline.ratecontrol import Target
    from gcodec.pipeline.trying import Trials
    from gcodec_batch._plan import Work

#: Failures that are named at the end; all of them have their rows.
_NAMED = 10
#: Pictures at once on a device that gains by it; on a CPU it costs (README).
_TOGETHER = 8


@click.group(no_args_is_help=False)  # one line, as of every other mistake
def command() -> None:
    """Encode, decode or transcode a data set.

    SOURCE is a folder, a pattern in quotes ('photos/**/*.jpg', 'shards/{00000..00007}.tar'), a WebDataset tar, a parquet
    file of pictures as Hugging Face writes them, or a URL (with gcodec-batch[remote]). DEST becomes a tree of the same
    shape with rows.parquet, a row for every input; or, with --tars, shards: 00000.tar with KEY.gcx and KEY.json,
    00000.parquet with its rows, 00000_stats.json once it is whole. Shards may go to a URL.

    The same command goes on where it was stopped, by whatever. A picture that cannot be done is a row with its reason, and
    the exit status is then 21.

    \b
    gcodec batch encode photos/ files/ --embed ntc --bpp 0.3
    gcodec batch encode 'in/{000..099}.tar' s3://bucket/out --tars --state run
    gcodec batch decode files/ pictures/ --engine ray --address HEAD:6379
    """


def _engines(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from gcodec_batch._engine import engines

    return sorted(name for name in engines() if name.startswith(incomplete))


def _shared(function: Command) -> Command:
    """What all three have in common."""
    options: tuple[Callable[[Command], Command], ...] = (
        click.argument("source", metavar="SOURCE", shell_complete=shell_files),
        click.argument("dest", metavar="DEST", shell_complete=shell_files),
        click.option("--tars", is_flag=True, help="Write shards of tar and parquet, not a tree."),
        click.option(
            "--shard-size",
            type=click.IntRange(1, 99_999),
            metavar="N",
            help="Inputs of one shard. [default: 1000 in tars, up to that in a tree]",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1),
            help="Processes at work. [default: as cores and memory allow]",
        ),
        click.option(
            "--engine",
            metavar="NAME",
            shell_complete=_engines,
            default="processes",
            show_default=True,
            help="What does the work: processes of this machine, or ray (with gcodec-ray).",
        ),
        click.option("--address", metavar="HOST:PORT", help="Where the engine's cluster is."),
        click.option(
            "--patience",
            type=Number(1),
            metavar="SECONDS",
            default=60.0,
            show_default=True,
            help="Give up a cluster that does not answer, or has no room, for so long.",
        ),
        click.option(
            "--picture-seconds",
            type=Number(0.1, 1e6),
            metavar="SECONDS",
            help="Give up a picture that takes longer; its process is replaced.",
        ),
        click.option(
            "--state",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="FOLDER",
            help="Where plan and journals lie, for a DEST that is a URL.",
        ),
        click.option("--retry", is_flag=True, help="Try again what failed before."),
        click.option(
            "--update",
            is_flag=True,
            help="Take in inputs that are new or changed since the run began.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
        run_options,
    )
    for option in reversed(options):
        function = option(function)
    return function


_together = click.option(
    "--together",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Pictures of one shape that go through networks at once. [default: 8 to decode on a GPU, else 1]",
)
_metadata = click.option("--metadata", is_flag=True, help="Keep EXIF and XMP.")
_companions = click.option(
    "--companions",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Where each input has its companion, a .gcx file of the same name, as --companion of `gcodec encode` and `decode`.",
)
_apart = click.option(
    "--apart", is_flag=True, help="Leave the companions out: who decodes has them as --companions."
)
_digest = click.option(
    "--digest", is_flag=True, help="Store a digest of stage 1's symbols for `gcodec verify`."
)


@command.command("encode", cls=PluginCommand)
@plugin_option("--embed", "Stage 1", default="ntc")
@target_options
@click.option("--model", help="Other weights for stage 1: a name, a folder or a digest.")
@_digest
@_metadata
@_companions
@_apart
@seed_option()
@tries_options
@_shared
def encode(
    embed: Named[EmbeddingSpec],
    target: Target,
    model: str | None,
    digest: bool,
    metadata: bool,
    companions: Path | None,
    apart: bool,
    seed: int,
    trials: Trials | None,
    **shared: Any,
) -> None:
    """Encode every picture of SOURCE to a .gcx file."""
    first = _encoding(target, seed) | {"model": model, "digest": digest, "metadata": metadata}
    if trials:
        first["trials"] = {**vars(trials), "options": dict(trials.options)}
    if apart:
        from gcodec.pipeline.encoding import check_apart

        check_apart(embed.spec, companions is not None)
    if companions and shared["tars"]:
        raise UsageError(
            "files in tars have other names than their companions; leave --tars or --companions out"
        )
    if companions:
        first |= {"companions": str(companions.absolute()), "apart": apart}
    _batch("encode", {"encode": first}, embed=embed, trials=trials, **shared)


@command.command("decode", cls=PluginCommand)
@plugin_option("--recon", "Stage 2, by default what each file suggests, else preview")
@click.option("--model", help="Other weights for stage 2: a name, a folder or a digest.")
@via_option
@as_decorator(REALISM)
@click.option("--format", metavar="SUFFIX", default="png", show_default=True)
@_companions
@_together
@seed_option("Another sample than each file's own.")
@_shared
def decode(
    recon: Named[ReconstructorSpec] | None,
    model: str | None,
    via: str | None,
    realism: float | None,
    companions: Path | None,
    seed: int,
    **shared: Any,
) -> None:
    """Decode every .gcx file of SOURCE to a picture."""
    second = {"model": model, "via": via, "seed": seed}
    if companions:
        second["companions"] = str(companions.absolute())
    _batch("decode", {"decode": second}, recon=recon, realism=realism, **shared)


@command.command("transcode", cls=PluginCommand)
@plugin_option("--recon", "Stage 2 that makes the picture in between", default="preview")
@plugin_option("--embed", "Stage 1 of the new file", default="ntc")
@target_options
@seed_option()
@_together
@_shared
def transcode(
    recon: Named[ReconstructorSpec],
    embed: Named[EmbeddingSpec],
    target: Target,
    seed: int,
    **shared: Any,
) -> None:
    """Decode every .gcx file of SOURCE and encode the picture anew."""
    settings: dict[str, Mapping[str, Any]] = {"encode": _encoding(target, seed), "decode": {}}
    _batch("transcode", settings, embed=embed, recon=recon, **shared)


def _encoding(target: Target, seed: int) -> dict[str, Any]:
    asked = {"quality": target.quality, "bpp": target.bpp, "bytes": target.bytes}
    return {"target": asked, "seed": seed}


def _batch(
    verb: str,
    settings: dict[str, Mapping[str, Any]],
    *,
    source: str,
    dest: str,
    tars: bool,
    shard_size: int | None,
    jobs: int | None,
    engine: str,
    address: str | None,
    patience: float,
    picture_seconds: float | None,
    state: Path | None,
    retry: bool,
    update: bool,
    as_json: bool,
    how: RunOptions,
    embed: Named[EmbeddingSpec] | None = None,
    recon: Named[ReconstructorSpec] | None = None,
    realism: float | None = None,
    trials: Trials | None = None,
    format: str = "png",
    together: int | None = None,
) -> None:
    import pyarrow  # noqa: F401 - before there is anything to lose

    from gcodec.pictures import format_of
    from gcodec_batch._checks import check
    from gcodec_batch._engine import Means
    from gcodec_batch._engine import engine as engine_named
    from gcodec_batch._plan import Work
    from gcodec_batch._run import Request, batch

    if not source or not dest:  # as of a variable that is not set; here, "" would be this folder
        raise UsageError("SOURCE and DEST need a name")
    suffix = f".{format.removeprefix('.')}"
    format_of("--format", suffix)
    folder = _folder(dest, tars, state)
    by_all = {} if realism is None else {REALISM.name: realism}
    if by_all and recon is None:
        raise UsageError("--realism is a reconstructor's; name one with --recon")
    check(settings, how, embed, recon, by_all, trials, opens=engine == "processes")
    settings["session"] = {
        "device": how.device,
        "dtype": how.dtype,
        "memory": how.memory,
        "models": [str(folder.absolute()) for folder in how.folders],
    }
    gains = verb == "decode" and how.device != "cpu" and how.memory == "plenty"
    work = Work(
        verb=verb,
        embed=(embed.spec.name, dict(embed.options)) if embed else (),
        recon=(recon.spec.name, by_all | dict(recon.options)) if recon else (),
        settings=settings,
        format=suffix,
        tars=tars,
        upload=dest if state else "",
        # A file that is encoded from a picture has the bytes of one that was made alone, unless otherwise is asked for.
        together=together or (_TOGETHER if gains else 1),
        shard_size=shard_size,
    )
    request = Request(source, folder, work, retry, update)
    means = Means(jobs, how.threads, address, how.device, patience, picture_seconds)
    with progress_bar(not as_json) as progress:
        found = batch(request, engine_named(engine), means, progress)
    _tell(found, dest, work, as_json)
    if found.failed:
        raise PartlyFailed(found.failed, found.count, "inputs")


def _folder(dest: str, tars: bool, state: Path | None) -> Path:
    """Where plan and journals lie. Raises UsageError."""
    if is_url(dest):
        if not tars:
            raise UsageError(f"{dest} takes shards, not a tree of files: add --tars")
        if state is None:
            raise UsageError(f"{dest} cannot hold plan and journals: add --state FOLDER for them")
        return state
    if state is not None:
        raise UsageError("--state is for a DEST that is a URL; a folder holds its own")
    return Path(dest)


def _tell(found: Any, dest: str, work: Work, as_json: bool) -> None:
    failures = found.failures(_NAMED)
    if as_json:
        print_json(
            {
                "dest": dest,
                "count": found.count,
                "failed": found.failed,
                "made_now": found.now,
                "passed_over": list(found.others),
                "failures": failures,
            }
        )
        return
    for row in failures:
        click.echo(f"{row['source']}: {row['error']}", err=True)
    if found.failed > len(failures):
        click.echo(f"and {found.failed - len(failures)} more", err=True)
    kind = "shards" if work.tars else "files"
    click.echo(
        f"{dest}: {found.count - found.failed} of {found.count} inputs done, {found.now} of them now; {kind}"
        f" and rows are whole"
    )
