"""``gcodec eval``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import print_table, progress_bar
from gcodec.cli.plugin_options import Named, PluginCommand, names, plugin_option
from gcodec.cli.reporting import report_on, report_option
from gcodec.cli.run_options import Command, RunOptions, seed_option, via_option, writing_options
from gcodec.errors import PartlyFailed, UsageError

if TYPE_CHECKING:
    from gcodec.pipeline.ratecontrol import Target
    from gcodec_eval import Method

_METRICS = "psnr,ms_ssim,lpips"
_BPP = "0.1,0.2,0.4,0.8"


def _list(flag: str, help: str) -> Callable[[Command], Command]:
    return click.option(flag, metavar="LIST", multiple=True, help=help)


@click.command(cls=PluginCommand)
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@plugin_option("--embed", "Stage 1", default="ntc,webp", many=True)
@plugin_option("--recon", "Stage 2", default="preview,flow", many=True)
@_list("--bpp", f"Bits per pixel of the whole file; several with commas. [default: {_BPP}]")
@_list("--quality", "Qualities 0 to 1, besides or instead.")
@_list("--bytes", "Sizes of the whole file, besides or instead.")
@click.option(
    "--metrics",
    default=_METRICS,
    show_default=True,
    callback=lambda _, __, text: tuple(names(text)),
    help="Of psnr, ms_ssim, lpips, dists, fid, kid.",
)
@click.option(
    "--baseline",
    metavar="E+R",
    callback=lambda _, __, text: _pair(text),
    help="Bjontegaard rate differences against this pair, e.g. webp+preview.",
)
@click.option(
    "--range",
    "bpp_range",
    metavar="LOW,HIGH",
    callback=lambda _, __, text: _range(text),
    help="Bits per pixel that the differences are over.",
)
@click.option(
    "--patch",
    type=click.IntRange(32),
    default=256,
    show_default=True,
    help="Side of the patches for fid and kid.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with weights of metrics. [default: those in GCODEC_METRICS, then installed packages]",
)
@click.option(
    "--download",
    is_flag=True,
    help="Let torchvision fetch the networks of lpips and dists if they are not there.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    default="eval",
    show_default=True,
    help="Folder for the results; one that has a journal is gone on with.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Processes at work at a time. [default: as cores and memory allow]",
)
@click.option("--limit", type=click.IntRange(1), help="Take the first so many pictures.")
@seed_option()
@via_option
@click.option(
    "--keep", is_flag=True, help="Keep the decoded pictures, in OUT/pictures; --report does."
)
@report_option
@writing_options
def command(
    folder: Path,
    embed: list[Named[Any]],
    recon: list[Named[Any]],
    bpp: tuple[str, ...],
    quality: tuple[str, ...],
    bytes: tuple[str, ...],
    output: Path,
    limit: int | None,
    keep: bool,
    report: str | None,
    force: bool,
    as_json: bool,
    how: RunOptions,
    **asked: Any,
) -> None:
    """Measure rate and distortion over the pictures in FOLDER.

    Every picture is encoded by every embedding to a real file for every target, each file is decoded by every
    reconstructor in processes that know nothing but the file and your options, and the decoded picture is measured.
    Prints means over the pictures and writes to OUT: files/, results.csv, results.json, summary.json, summary.md and plots/.
    What is finished is kept in OUT/journal.jsonl: after Ctrl-C, or with more pictures or targets, the same command does only
    what is missing.

    Times are of encoding and decoding alone, networks loaded, in a process that has done it before; compare them between
    runs with --jobs 1 only. docs/evaluation.md tells what each number means.
    """
    from gcodec_eval import Request, evaluate, find_images
    from gcodec_eval._report import as_json as document
    from gcodec_eval._report import difference_table, mean_table, write_report

    request = Request(
        images=find_images(folder, limit),
        embeddings=_methods(embed),
        reconstructors=_methods(recon),
        targets=_targets(bpp, quality, bytes),
        threads=how.threads,
        device=how.device,
        dtype=how.dtype,
        memory=how.memory,
        models=how.folders,
        keep=keep or report is not None,
        **asked,
    )
    with progress_bar() as progress:
        found = evaluate(request, output, progress=progress, force=force)
    written = write_report(found, output)
    if as_json:
        click.echo(
            document(
                {"means": found.means, "differences": found.differences, "notes": found.notes}
            ),
            nl=False,
        )
    else:
        print_table(*mean_table(found))
        if found.differences:
            click.echo(f"\nbits at equal quality, against {found.conditions['baseline']}:\n")
            print_table(*difference_table(found))
        click.echo()
        for note in found.notes:
            click.echo(f"- {note}")
        listed = ", ".join(path.name for path in written)
        click.echo(f"\nwrote {len(written)} files in {output}: {listed}")
    if report is not None:
        words = ("--originals", str(folder))
        report_on(report, [str(output)], *words, force=force, as_json=as_json)
    if failed := sum(row["error"] is not None for row in found.rows):
        raise PartlyFailed(failed, len(found.rows), "points")


def _methods(named: list[Named[Any]]) -> tuple[Method, ...]:
    from gcodec_eval import Method

    return tuple(Method(one.spec.name, one.options, label=one.label) for one in named)


def _targets(
    bpp: tuple[str, ...], quality: tuple[str, ...], sizes: tuple[str, ...]
) -> tuple[Target, ...]:
    from gcodec.pipeline.ratecontrol import Target

    found = [Target(bpp=value) for value in _numbers("--bpp", bpp, float)]
    found += [Target(quality=value) for value in _numbers("--quality", quality, float)]
    found += [Target(bytes=value) for value in _numbers("--bytes", sizes, int)]
    return tuple(found or [Target(bpp=value) for value in _numbers("--bpp", (_BPP,), float)])


def _numbers(flag: str, texts: tuple[str, ...], kind: Any) -> list[Any]:
    try:
        return [kind(word) for text in texts for word in names(text)]
    except ValueError as error:
        raise UsageError(f"{flag} takes numbers, several with commas: {error}") from error


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    embedding, plus, reconstructor = text.partition("+")
    if not plus:
        raise UsageError(
            f"--baseline is an embedding and a reconstructor, as webp+preview, not '{text}'"
        )
    return embedding, reconstructor


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    found = _numbers("--range", (text,), float)
    if len(found) != 2:
        raise UsageError(f"--range takes two numbers, as 0.1,1.0, not '{text}'")
    return found[0], found[1]
