"""``gcodec mix``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gcodec.cli.common import (
    STREAM,
    check_output,
    json_text,
    load_picture,
    print_json,
    print_table,
    progress_bar,
    rounded,
    source_argument,
    write_bytes,
)
from gcodec.cli.plugin_options import Named, PluginCommand, names, plugin_option
from gcodec.cli.reporting import report_on, report_option
from gcodec.cli.run_options import (
    RunOptions,
    output_option,
    seed_option,
    target_options,
    via_option,
    writing_options,
)
from gcodec.errors import GcodecError, OutputError, PartlyFailed, UsageError
from gcodec.files import why
from gcodec.options import as_arguments
from gcodec.plugin import EmbeddingSpec, MetricSpec, ReconstructorSpec
from gcodec.registry import registry

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.pipeline.encoding import Encoded
    from gcodec.pipeline.ratecontrol import Target
    from gcodec.run import Run

#: What is measured unless the user says otherwise, as far as it is installed.
_METRICS = ("psnr", "lpips", "ms_ssim")


@click.command(cls=PluginCommand)
@source_argument
@plugin_option("--embed", "Stage 1", default="ntc", many=True)
@plugin_option("--recon", "Stage 2", default="flow", many=True)
@output_option("DIR", "Folder for the results.", default=".")
@target_options
@click.option(
    "--metrics",
    metavar="LIST",
    help="What to measure, with commas: any metric of `gcodec plugins`. [default: psnr, lpips and ms_ssim, if installed]",
)
@click.option(
    "--embed-model",
    metavar="MODEL",
    help="Other weights for stage 1, as --model of encode; for those of several that take them.",
)
@click.option(
    "--recon-model",
    metavar="MODEL",
    help="Other weights for stage 2, as --model of decode; for those of several that take them.",
)
@via_option
@seed_option()
@report_option
@writing_options
def command(
    source: str,
    embed: list[Named[EmbeddingSpec]],
    recon: list[Named[ReconstructorSpec]],
    output: str,
    target: Target,
    metrics: str | None,
    embed_model: str | None,
    recon_model: str | None,
    via: str | None,
    seed: int,
    report: str | None,
    force: bool,
    as_json: bool,
    how: RunOptions,
) -> None:
    """Encode IN, decode it in a fresh process from the file alone, and measure.

    For each embedding writes IN.EMBED.gcx, for each pair IN.EMBED.RECON.png and the record IN.EMBED.RECON.json, of
    several pairs the contact sheet IN.sheet.jpg, and prints bytes, bits per pixel, metrics, and seconds for each
    stage. Of several pairs one that fails is a row with its reason, and the others go on. One file is made of each: --tries
    of encode and of batch encode makes several and keeps the best.
    """
    from gcodec.models.devices import check_device
    from gcodec.pipeline.resolver import check_pair
    from gcodec.pipeline.stage2 import checked

    if source == STREAM:
        raise UsageError("mix reads a file, not standard input: its results are named after it")
    if output == STREAM:
        raise UsageError("mix writes several files; give -o a folder for them")
    installed = registry()
    judges = names(metrics) or [name for name in _METRICS if name in installed.metrics]
    for name in judges:
        installed.named(MetricSpec, name)
    alone = len(embed) * len(recon) == 1
    hopeless: dict[tuple[str, str], GcodecError] = {}
    if embed_model is None and recon_model is None:
        # Under other models signals may live in other spaces, which encoding and decoding find out.
        for e, r in product(embed, recon):
            with _told(hopeless, [(e.label, r.label)], alone):
                check_pair(e.spec, r.spec, installed, checked(r.spec, r.options).share, via)

    check_device(how.device)
    stem = Path(output) / Path(source).stem
    sheet = None if alone else f"{stem}.sheet.jpg"
    wanted = [_file(stem, e.label) for e in embed] + ([sheet] if sheet else [])
    wanted += [
        _file(stem, e.label, r.label, end)
        for e, r in product(embed, recon)
        for end in ("png", "json")
    ]
    if len({*wanted}) < len(wanted):
        raise UsageError("two of the plugins would write to one file; mix them one after the other")
    from gcodec.pipeline.encoding import encode

    records: dict[tuple[str, str], dict[str, Any]] = {}
    failed = hopeless
    with _folder(output), progress_bar() as progress:
        for path in wanted:
            check_output(path, force=force, inputs=[source])
        run = how.run(seed=seed)
        models = _models(embed, embed_model, recon, recon_model, run)
        passed = [*how.as_arguments(), *_folder_arguments(embed_model)]
        passed += ["--via", via] if via else []
        picture = load_picture(source, run)
        total = len(embed) * (1 + len(recon))
        for number, e in enumerate(embed):
            done = number * (1 + len(recon))
            left = [r for r in recon if (e.label, r.label) not in failed]
            with _told(failed, [(e.label, r.label) for r in left], alone):
                progress(f"encoding {e.label}", done, total)
                settings: dict[str, Any] = {"target": target, "options": e.options}
                model = models[e.label, "embed"]
                made = encode(picture, e.spec.name, model=model, run=run, **settings)
                write_bytes(_file(stem, e.label), made.data, force=force)
            for r in left:
                pair = (e.label, r.label)
                if pair in failed:
                    continue
                done += 1
                with _told(failed, [pair], alone):
                    progress(f"decoding {e.label} with {r.label}", done, total)
                    other = models[r.label, "recon"]
                    told = [] if other is None else ["--model", run.models.anywhere(other)]
                    measured = _decoded(stem, e, r, picture, [*passed, *told], judges)
                    words = {
                        "encode_words": _words("embed", e, model, made.quality, seed),
                        "decode_words": _words("recon", r, other, via=via),
                    }
                    records[pair] = _record(source, made, measured | words, force)
    rows = [
        records.get(pair) or _failed(source, *pair, failed[pair])
        for pair in product([e.label for e in embed], [r.label for r in recon])
    ]
    if sheet is not None and records:
        from gcodec.pictures.contact_sheet import contact_sheet

        write_bytes(sheet, contact_sheet(Path(source), [*records.values()]), force=force)
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows, judges)
        if sheet is not None and records:
            click.echo(f"wrote {sheet}")
    if report is not None and records:
        written = [record["record"] for record in records.values()]
        report_on(report, written, force=force, as_json=as_json)
    if failed:
        raise PartlyFailed(len(failed), len(rows), "pairs")


@contextmanager
def _told(
    failed: dict[tuple[str, str], GcodecError], pairs: Iterable[tuple[str, str]], alone: bool
) -> Iterator[None]:
    """Keep what fails as the reason of these pairs, unless the pair is `alone` or nothing can be written at all."""
    try:
        yield
    except OutputError:
        raise
    except GcodecError as error:
        if alone:
            raise
        failed.update(dict.fromkeys(pairs, error))


def _failed(source: str, embedding: str, reconstructor: str, error: GcodecError) -> dict[str, Any]:
    """Return the row of a pair that failed."""
    text = f"{type(error).__name__}: {error}"
    names = {"embedding": embedding, "reconstructor": reconstructor}
    return {"input": source, **names, "error": text}


def _models(
    embed: list[Named[EmbeddingSpec]],
    embed_model: str | None,
    recon: list[Named[ReconstructorSpec]],
    recon_model: str | None,
    run: Run,
) -> dict[tuple[str, str], str | None]:
    """Return the weights of each, by its label and flag; None for its own. Raises what `takers` does."""
    from gcodec.interfaces import Setup
    from gcodec.pipeline.binding import Ways
    from gcodec.pipeline.encoding import check_encoding
    from gcodec.pipeline.mixing import takers
    from gcodec.pipeline.stage1 import build
    from gcodec.pipeline.stage2 import checked, open_stage2

    def open_embedding(label: str) -> object:
        named = next(e for e in embed if e.label == label)
        spec, values, _, found = check_encoding(
            named.spec.name, named.options, embed_model, None, run
        )
        return build(spec, Setup(run, values, found))

    def open_reconstructor(label: str) -> object:
        named = next(r for r in recon if r.label == label)
        # On the CPU: its memory is free again before the receiver wants that of the device.
        here = replace(run, device="cpu")
        return open_stage2(checked(named.spec, named.options), Ways(), model=recon_model, run=here)

    models: dict[tuple[str, str], str | None] = {}
    for flag, several, model, opens in (
        ("embed", embed, embed_model, open_embedding),
        ("recon", recon, recon_model, open_reconstructor),
    ):
        specs = {named.label: named.spec for named in several}
        taking: Collection[str] = specs
        # Of one embedding alone the encoder says so as early.
        if model is not None and (flag == "recon" or len(specs) > 1):
            taking = takers(f"--{flag}-model", model, run.models, specs, opens)
        models |= {(label, flag): model if label in taking else None for label in specs}
    return models


def _folder_arguments(embed_model: str | None) -> list[str]:
    """Return what the receiver must be told of the file's model: where it is, if that is a folder."""
    if embed_model and any(Path(embed_model).rglob("*.safetensors")):
        return ["--models", str(Path(embed_model).absolute())]
    return []


def _words(
    flag: str,
    named: Named[Any],
    model: str | None,
    quality: float | None = None,
    seed: int = 0,
    via: str | None = None,
) -> list[str]:
    """Return what `encode` or `decode` is told to do the same again."""
    setting = ":".join([named.spec.name, *(f"{k}={v}" for k, v in named.options.items())])
    words = [f"--{flag}", setting]
    known = {"--model": model, "--quality": quality, "--seed": seed or None, "--via": via}
    return words + [w for k, v in known.items() if v is not None for w in (k, str(v))]


def _decoded(
    stem: Path,
    e: Named[EmbeddingSpec],
    r: Named[ReconstructorSpec],
    picture: Picture,
    passed: list[str],
    metrics: list[str],
) -> dict[str, Any]:
    """Decode a file with one reconstructor in a process of its own and measure: the receiver's half of a record."""
    from gcodec.pipeline.mixing import decode_in_fresh_process, measure

    file, made = Path(_file(stem, e.label)), Path(_file(stem, e.label, r.label, "png"))
    arguments = [*passed, *as_arguments(r.spec.options, r.options)]
    result = decode_in_fresh_process(file, made, r.spec.name, arguments)
    height, width = picture.pixels.shape[1:]
    return {
        "embedding": e.label,
        "reconstructor": r.label,
        "realism": result.report["realism"],
        "path": result.report["path"],
        "bytes": file.stat().st_size,
        "bpp": round(8 * file.stat().st_size / (width * height), 5),
        **measure(picture, made, metrics),
        "decode_seconds": rounded(result.report["seconds"]),
        "decode_process_seconds": round(result.seconds, 3),
        "file": str(file),
        "reconstruction": str(made),
        "record": str(made.with_suffix(".json")),
    }


def _record(source: str, made: Encoded, decoded: dict[str, Any], force: bool) -> dict[str, Any]:
    """Write and return the record of a pair."""
    record = {
        "input": source,
        **decoded,
        "quality": round(made.quality, 4),
        "encode_seconds": rounded(made.seconds),
        "error": None,
    }
    write_bytes(record["record"], f"{json_text(record)}\n".encode(), force=force)
    return record


def _print_rows(rows: list[dict[str, Any]], metrics: list[str]) -> None:
    specs = [registry().named(MetricSpec, name) for name in metrics]
    records = [row for row in rows if row["error"] is None]
    shown = [m for m in specs if any(r[m.name] is not None for r in records)]
    header = (
        *("embed", "recon", "bytes", "bpp"),
        *(m.title for m in shown),
        *("encode s", "decode s", "process s"),
    )

    def cells(r: dict[str, Any]) -> tuple[object, ...]:
        if r["error"] is not None:
            return (r["embedding"], r["reconstructor"], *["-"] * (len(header) - 2))
        return (
            *(r["embedding"], r["reconstructor"], r["bytes"], f"{r['bpp']:.4f}"),
            *("-" if r[m.name] is None else f"{r[m.name]:.{m.decimals}f}" for m in shown),
            f"{sum(r['encode_seconds'].values()):.2f}",
            f"{sum(r['decode_seconds'].values()):.2f}",
            f"{r['decode_process_seconds']:.2f}",
        )

    print_table(header, [cells(row) for row in rows])
    click.echo()
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["error"] is not None:
            pair = f"{row['embedding']}+{row['reconstructor']}"
            reasons.setdefault(row["error"].partition(": ")[2], []).append(pair)
    for reason, pairs in reasons.items():
        click.echo(f"{', '.join(pairs)}: {reason}")
    for path in dict.fromkeys(
        r[key] for r in records for key in ("file", "reconstruction", "record")
    ):
        click.echo(f"wrote {path}")


def _file(stem: Path, *parts: str) -> str:
    """Name a result: STEM.EMBED.gcx, STEM.EMBED.RECON.png. What is no part of a name, as in "acme/x:a=1", becomes "-"."""
    suffix = () if len(parts) > 1 else ("gcx",)
    return ".".join([str(stem), *(re.sub(r"[^\w.=+-]", "-", part) for part in (*parts, *suffix))])


@contextmanager
def _folder(path: str) -> Iterator[None]:
    """The folder for the results: made if its parent is there, gone again if nothing was written. Raises OutputError."""
    folder = Path(path)
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(path, why(error)) from error
    try:
        yield
    finally:
        if made:
            with suppress(OSError):  # there are results in it
                folder.rmdir()
