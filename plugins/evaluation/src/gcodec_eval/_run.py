"""The course of an evaluation: for each embedding encode, for each reconstructor decode, judge, forget the picture."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gcodec.errors import ImageError, MetricUnavailable, OutputError, OutputExists
from gcodec.options import check_options
from gcodec.pipeline.ratecontrol import Target
from gcodec.progress import Progress, silent
from gcodec_eval import _identity as identity
from gcodec_eval._journal import JOURNAL, Journal, open_journal
from gcodec_eval._processes import Crew
from gcodec_eval._request import Request, known_metrics, target_label
from gcodec_eval._steps import (
    Course,
    Image,
    Row,
    Series,
    decode,
    encode,
    judge,
    judge_sets,
    model_digest,
    of_pictures,
)
from gcodec_eval._summary import Evaluation, differences, means

__all__ = ["crew_for", "evaluate"]

#: Memory that one process at work may take, in GiB: a network, a 24-megapixel picture and what judges it.
_JOB_GIB = 3.0


def crew_for(request: Request) -> Crew:
    """Return how many processes work at a time, and how the cores are shared between them."""
    cores = identity.cores()
    free = identity.memory_gib("MemAvailable")
    most = cores if free is None else max(1, min(cores, int(free / _JOB_GIB)))
    jobs = request.jobs or most
    threads = request.threads or max(1, cores // jobs)
    shared = jobs > 1 and jobs * threads <= cores and hasattr(os, "sched_setaffinity")
    return Crew(jobs, threads, tuple(sorted(os.sched_getaffinity(0))) if shared else ())


def evaluate(
    request: Request, output: Path, *, progress: Progress = silent, force: bool = False
) -> Evaluation:
    """Measure what `request` asks for, and keep files, journal and features in the folder `output`.

    A journal that is there is gone on with; force: also one of other pictures, and a folder of other contents.
    A point that fails is a row with its error. Raises UnknownPlugin, UnusablePlugin, UnknownOption, InvalidOption, NoPath,
    ModelMissing, ModelDamaged, ImageError, OutputError, OutputExists. KeyboardInterrupt ends it at once; the journal keeps
    what is finished.
    """
    series = _series(request)
    images, notes = _images(request.images)
    _check_folder(output, force)
    networks, more = _networks(request)
    notes += more
    with open_journal(output) as journal:
        _check_same_pictures(journal, images, output, force)
        total = _steps(request, len(images), networks)
        course = Course(request, output, journal, crew_for(request), networks, progress, total)
        rows: list[Row] = []
        sets: dict[tuple[str, str, str, str], Row] = {}
        for method in request.embeddings:
            own = [s for s in series if s.embedding is method]
            files = encode(course, own[0], images)
            decoded = {key: made for one in own for key, made in decode(course, one, files).items()}
            judged = judge(course, images, decoded)
            sets |= judge_sets(course, own, images, decoded)
            rows += [
                _row(course, one, image, target, files[image.digest, target], decoded, judged)
                for one in own
                for image in images
                for target in request.targets
            ]
            if not request.keep:
                for made in decoded.values():
                    made["picture"].unlink(missing_ok=True)
    averaged = means(rows, sets, request)
    compared, more = differences(rows, averaged, request)
    notes += [*_notes(rows, sets, networks), *more]
    return Evaluation(rows, averaged, compared, notes, networks, _conditions(course, series))


def _steps(request: Request, images: int, networks: Mapping[str, Any]) -> int:
    """Return how many results there are to find."""
    embeddings, series, targets = map(len, (request.embeddings, request.series, request.targets))
    found = images * targets * (embeddings + series * (1 + len(of_pictures(networks))))
    sets = sum(network is not None for network in networks.values()) - len(of_pictures(networks))
    if sets:
        found += images * (embeddings + targets * series) + targets * series * sets
    return found


def _series(request: Request) -> list[Series]:
    """Check every name, option, path and model before anything is done."""
    from gcodec.pipeline.resolver import check_pair
    from gcodec.pipeline.stage2 import checked
    from gcodec.registry import registry

    found = []
    for e in request.embeddings:
        for r in request.reconstructors:
            sender, receiver = registry().embedding(e.name), registry().reconstructor(r.name)
            check_options(e.name, sender.options, e.options)
            share = checked(receiver, r.options).share
            path = check_pair(e.name, sender.makes, receiver, registry(), share)
            for spec in (sender, receiver):
                model_digest(spec, request)
            found.append(Series(e, sender, r, receiver, path))
    return found


def _images(paths: Sequence[Path]) -> tuple[list[Image], list[str]]:
    """Return the pictures with their digests; one that is there twice counts once."""
    found: dict[str, Image] = {}
    notes = []
    for path in paths:
        try:
            digest = identity.file_digest(path)
        except OSError as error:
            raise ImageError(str(path), f"cannot be read: {error.strerror}") from error
        if digest in found:
            notes.append(f"{path.name} is the same file as {found[digest].path.name} and left out")
            continue
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", path.stem).strip("-")[:40]
        found[digest] = Image(path, digest, f"{stem}.{digest[:8]}")
    return list(found.values()), notes


def _check_folder(folder: Path, force: bool) -> None:
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / JOURNAL).exists() and any(folder.iterdir()) and not force:
            raise OutputExists(folder)
        for name in ("files", "pictures", "features"):
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(folder, str(error.strerror)) from error


def _check_same_pictures(
    journal: Journal, images: Sequence[Image], folder: Path, force: bool
) -> None:
    seen = {e["identity"]["image"] for e in journal.entries.values() if "image" in e["identity"]}
    if seen and not force and not seen & {image.digest for image in images}:
        raise OutputError(
            folder, "it holds an evaluation of other pictures; take another folder, or give --force"
        )


def _networks(request: Request) -> tuple[dict[str, Any], list[str]]:
    """Return metric -> what it is taken with, None for one that cannot be had here, and notes on those."""
    from importlib.util import find_spec

    from gcodec_eval.metrics import weights

    pinned = {
        "lpips": weights.LPIPS,
        "dists": weights.DISTS,
        "fid": weights.INCEPTION,
        "kid": weights.INCEPTION,
    }
    found: dict[str, Any] = {}
    notes = []
    for name in request.metrics:
        if name not in pinned:
            found[name] = {}
            continue
        wanted = pinned[name]
        found[name] = {"network": wanted.network, "sha256": wanted.digest}
        if known_metrics()[name].of_set:
            found[name]["patch"] = request.patch
        try:
            weights.find(wanted, request.weights)
        except MetricUnavailable as error:
            if request.download and not known_metrics()[name].of_set and find_spec("torchvision"):
                found[name]["sha256"] = "as torchvision downloads it"
                continue
            found[name] = None
            notes.append(f"{known_metrics()[name].title} is not measured. {error}")
    return found, notes


def _row(
    course: Course,
    one: Series,
    image: Image,
    target: Target,
    sent: Row,
    decoded: Mapping[tuple[str, str, Target], Row],
    judged: Mapping[tuple[str, str, Target, str], Row],
) -> Row:
    """Return one point, with None for what is not known and the error of the step that failed."""
    key = (one.reconstructor.label, image.digest, target)
    received = decoded.get(key, {})
    error = sent.get("error") or received.get("error")
    pixels = sent["width"] * sent["height"] if "width" in sent else None
    values = {
        n: judged.get((*key, n), {})
        for n in course.request.metrics
        if not known_metrics()[n].of_set
    }
    seconds, receiving = sent.get("seconds"), received.get("seconds")
    return {
        "image": image.path.name,
        "image_sha256": image.digest,
        "width": sent.get("width"),
        "height": sent.get("height"),
        "embedding": one.embedding.label,
        "reconstructor": one.reconstructor.label,
        "target": target_label(target),
        "error": f"{error['kind']}: {error['text']}" if error else None,
        "bytes": sent.get("bytes"),
        "bpp": 8 * sent["bytes"] / pixels if pixels else None,
        "quality": sent.get("quality"),
        **{name: value.get("value") for name, value in values.items()},
        "missing": {n: v["error"]["text"] for n, v in values.items() if "error" in v},
        "encode_seconds": sum(seconds.values()) if seconds else None,
        "encode_parts": seconds,
        "encode_warmup_seconds": sent.get("warmup_seconds"),
        "encode_threads": sent.get("threads"),
        "encode_peak_bytes": sent.get("peak_bytes"),
        "decode_seconds": receiving["stage1"] + receiving["stage2"] if receiving else None,
        "decode_parts": receiving,
        "decode_warmup_seconds": received.get("warmup_seconds"),
        "decode_threads": received.get("threads"),
        "decode_peak_bytes": received.get("peak_bytes"),
        "signal_path": received.get("path"),
        "file": f"files/{sent['file'].name}" if "bytes" in sent else None,
        "file_sha256": sent.get("sha256"),
        "pixels_sha256": received.get("pixels"),
    }


def _notes(
    rows: Sequence[Row], sets: Mapping[Any, Row], networks: Mapping[str, Any]
) -> Iterator[str]:
    """Say what the numbers rest on, and which are not there."""
    reasons = {reason for row in rows for reason in row["missing"].values()}
    reasons |= {result["error"]["text"] for result in sets.values() if "error" in result}
    yield from sorted(reasons)
    failed: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row["error"]:
            key = (row["embedding"], row["target"], row["error"].partition(":")[0])
            failed[key] = failed.get(key, 0) + 1
    for (embedding, target, kind), count in failed.items():
        what = "too small a size for" if kind == "TargetTooSmall" else f"{kind} at"
        yield f"{embedding}, {target}: {what} {count} points; means are over the others"
    for name, network in networks.items():
        if network and known_metrics()[name].of_set:
            counts = sorted({made["patches"] for made in sets.values() if "patches" in made})
            yield (
                f"{known_metrics()[name].title}: {network['network']}; patches of {network['patch']} pixels,"
                f" {' or '.join(map(str, counts)) or 'no'} of them"
            )
        elif network:
            yield f"{known_metrics()[name].title}: {network['network']}"


def _conditions(course: Course, series: Sequence[Series]) -> Row:
    """Return what results.json says of how they came about."""
    request = course.request
    methods = [
        *((s.embedding, s.sender) for s in series),
        *((s.reconstructor, s.receiver) for s in series),
    ]
    return {
        "images": len(request.images),
        "targets": [target_label(target) for target in request.targets],
        "methods": {
            method.label: {
                "options": dict(method.options),
                "model": model_digest(spec, request),
                "software": identity.software(spec),
            }
            for method, spec in methods
        },
        "baseline": "+".join(request.baseline) if request.baseline else None,
        "bpp_range": request.bpp_range,
        "seed": request.seed,
        "device": request.device,
        "dtype": request.dtype,
        "jobs": course.crew.jobs,
        "threads": course.crew.threads,
        "machine": identity.machine(),
    }
