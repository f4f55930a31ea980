"""``gcodec mix``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import (
    STREAM,
    check_output,
    force_option,
    json_option,
    load_picture,
    print_json,
    print_table,
    progress_bar,
    rounded,
    write_bytes,
)
from gcodec.cli.plugin_options import PluginCommand, as_arguments, names, options_of
from gcodec.cli.run_options import RunOptions, run_options, target_options
from gcodec.errors import OutputError, UsageError
from gcodec.plugin import MetricSpec
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.models import ModelStore
    from gcodec.pictures import Picture
    from gcodec.pipeline.encoding import Encoded
    from gcodec.pipeline.ratecontrol import Target

#: What is measured unless the user says otherwise, as far as it is installed.
_METRICS = ("psnr", "lpips", "ms_ssim")


@click.command(cls=PluginCommand)
@click.argument("source", metavar="IN", type=str)
@click.option(
    "--embed", default="ntc", show_default=True, help="Stage 1; several with commas, or `all`."
)
@click.option(
    "--recon", default="flow", show_default=True, help="Stage 2; several with commas, or `all`."
)
@click.option(
    "-o", "--output", metavar="DIR", default=".", show_default=True, help="Folder for the results."
)
@target_options
@click.option(
    "--metrics",
    metavar="LIST",
    help="What to measure, with commas: any metric of `gcodec plugins`. [default: psnr, lpips and ms_ssim, if installed]",
)
@click.option(
    "--embed-model", metavar="MODEL", help="Other weights for stage 1, as --model of encode."
)
@click.option(
    "--recon-model", metavar="MODEL", help="Other weights for stage 2, as --model of decode."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**64 - 1),
    default=0,
    help="Key of the common randomness. [default: 0]",
)
@force_option
@json_option
@run_options
def command(
    source: str,
    embed: str,
    recon: str,
    output: str,
    target: Target,
    metrics: str | None,
    embed_model: str | None,
    recon_model: str | None,
    seed: int,
    force: bool,
    as_json: bool,
    how: RunOptions,
    **plugin_options: Any,
) -> None:
    """Encode IN, decode it in a fresh process from the file alone, and measure.

    For each embedding writes IN.EMBED.gcx, for each pair IN.EMBED.RECON.png and the record IN.EMBED.RECON.json, of
    several pairs the contact sheet IN.sheet.jpg, and prints bytes, bits per pixel, metrics, and seconds for each
    stage.
    """
    from gcodec.pipeline.resolver import check_pair

    if source == STREAM:
        raise UsageError("mix reads a file, not standard input: its results are named after it")
    installed = registry()
    embeddings = [installed.embedding(name) for name in names(embed, installed.embeddings)]
    reconstructors = [
        installed.reconstructor(name) for name in names(recon, installed.reconstructors)
    ]
    judges = names(metrics) or [name for name in _METRICS if name in installed.metrics]
    for name in judges:
        installed.named(MetricSpec, name)
    if not embeddings or not reconstructors:
        raise UsageError("name at least one embedding and one reconstructor")
    if embed_model is None and recon_model is None:
        # Under other models signals may live in other spaces, which encoding and decoding find out.
        for e in embeddings:
            for r in reconstructors:
                check_pair(e.name, e.makes, r, installed)

    folder = _folder(output)
    stem = folder / Path(source).stem
    sheet = f"{stem}.sheet.jpg" if len(embeddings) * len(reconstructors) > 1 else None
    if sheet is not None:
        check_output(sheet, force=force)
    for e in embeddings:
        check_output(_file(stem, e.name), force=force)
        for r in reconstructors:
            for suffix in ("png", "json"):
                check_output(_file(stem, e.name, r.name, suffix), force=force)

    from gcodec.pipeline.encoding import encode

    records = []
    with progress_bar() as progress:
        run = how.run(seed=seed)
        passed = [*how.as_arguments(), *_model_arguments(embed_model, recon_model, run.models)]
        picture = load_picture(source, run)
        total, done = len(embeddings) * (1 + len(reconstructors)), 0
        for e in embeddings:
            progress(f"encoding {e.name}", done, total)
            options = options_of(e, plugin_options)
            made = encode(
                picture, e.name, target=target, options=options, model=embed_model, run=run
            )
            file = Path(_file(stem, e.name))
            write_bytes(str(file), made.data, force=force)
            done += 1
            for r in reconstructors:
                progress(f"decoding {e.name} with {r.name}", done, total)
                words = [*passed, *as_arguments(r, plugin_options)]
                records.append(
                    _pair(source, picture, made, file, stem, r.name, words, judges, force)
                )
                done += 1
    if sheet is not None:
        from gcodec.pictures.contact_sheet import contact_sheet

        write_bytes(sheet, contact_sheet(Path(source), records), force=force)
    if as_json:
        print_json(records)
        return
    _print_records(records, judges)
    if sheet is not None:
        click.echo(f"wrote {sheet}")


def _model_arguments(
    embed_model: str | None, recon_model: str | None, store: ModelStore
) -> list[str]:
    """Return what the receiver must be told: its own model, and where the file's is if that is a folder."""
    words = ["--model", store.anywhere(recon_model)] if recon_model else []
    if embed_model and Path(embed_model).is_dir():
        words += ["--models", str(Path(embed_model).absolute())]
    return words


def _pair(
    source: str,
    picture: Picture,
    made: Encoded,
    file: Path,
    stem: Path,
    reconstructor: str,
    arguments: list[str],
    metrics: list[str],
    force: bool,
) -> dict[str, Any]:
    """Decode one file with one reconstructor in a process of its own; measure, record, return the record."""
    from gcodec.pipeline.mixing import decode_in_fresh_process, measure

    picture_path = _file(stem, made.embedding, reconstructor, "png")
    record_path = _file(stem, made.embedding, reconstructor, "json")
    result = decode_in_fresh_process(file, Path(picture_path), reconstructor, arguments)
    height, width = picture.pixels.shape[1:]
    size = file.stat().st_size
    record = {
        "input": source,
        "embedding": made.embedding,
        "reconstructor": reconstructor,
        "realism": result.report["realism"],
        "path": result.report["path"],
        "bytes": size,
        "bpp": round(8 * size / (width * height), 5),
        "quality": round(made.quality, 4),
        **measure(picture, Path(picture_path), metrics),
        "encode_seconds": rounded(made.seconds),
        "decode_seconds": rounded(result.report["seconds"]),
        "decode_process_seconds": round(result.seconds, 3),
        "file": str(file),
        "reconstruction": picture_path,
        "record": record_path,
    }
    text = json.dumps(record, indent=2) + "\n"
    write_bytes(record_path, text.encode(), force=force)
    return record


def _print_records(records: list[dict[str, Any]], metrics: list[str]) -> None:
    specs = [registry().named(MetricSpec, name) for name in metrics]
    shown = [m for m in specs if any(r[m.name] is not None for r in records)]
    print_table(
        (
            *("embed", "recon", "bytes", "bpp"),
            *(m.title for m in shown),
            *("encode s", "decode s", "process s"),
        ),
        [
            (
                *(r["embedding"], r["reconstructor"], r["bytes"], f"{r['bpp']:.4f}"),
                *("-" if r[m.name] is None else f"{r[m.name]:.{m.decimals}f}" for m in shown),
                f"{sum(r['encode_seconds'].values()):.2f}",
                f"{sum(r['decode_seconds'].values()):.2f}",
                f"{r['decode_process_seconds']:.2f}",
            )
            for r in records
        ],
    )
    click.echo()
    for path in dict.fromkeys(
        r[key] for r in records for key in ("file", "reconstruction", "record")
    ):
        click.echo(f"wrote {path}")


def _file(stem: Path, *parts: str) -> str:
    """Name a result: STEM.EMBED.gcx, STEM.EMBED.RECON.png. Names like "acme/wavelet" make no folders."""
    suffix = () if len(parts) > 1 else ("gcx",)
    return ".".join([str(stem), *(part.replace("/", "-") for part in (*parts, *suffix))])


def _folder(path: str) -> Path:
    """Return the folder for the results; made if its parent is there. Raises OutputError."""
    folder = Path(path)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(path, str(error.strerror)) from error
    return folder
