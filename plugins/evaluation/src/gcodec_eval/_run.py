"""The course of an evaluation: for each embedding encode, for each reconstructor decode, judge, forget the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gcodec.errors import OutputError, OutputExists
from gcodec.files import check_not_input, why
from gcodec.models import ModelStore
from gcodec.models.devices import check_device
from gcodec.pipeline.ratecontrol import Target
from gcodec.progress import Progress, silent
from gcodec.run import Run
from gcodec_eval import _sets as sets
from gcodec_eval import _steps as step
from gcodec_eval._course import Course
from gcodec_eval._journal import JOURNAL, Journal, open_journal
from gcodec_eval._machine import crew_for
from gcodec_eval._metrics import at_hand, of_pictures, of_sets
from gcodec_eval._points import Image, Point, Row, Series, find_series, read_digests
from gcodec_eval._request import Request
from gcodec_eval._rows import conditions, notes_on, row
from gcodec_eval._summary import Evaluation, differences, means

__all__ = ["evaluate"]


def evaluate(
    request: Request, output: Path, *, progress: Progress = silent, force: bool = False
) -> Evaluation:
    """Measure what `request` asks for, and keep files, journal and features in the folder `output`.

    A journal that is there is gone on with; force: also one of other pictures, and a folder of other contents.
    A point that fails is a row with its error. Raises UsageError (UnknownPlugin, UnusablePlugin, UnknownOption,
    InvalidOption, NoPath), ModelMissing, ModelDamaged, ImageError, OutputError, OutputExists. KeyboardInterrupt ends it at
    once; the journal keeps what is finished.
    """
    run = Run(
        device=request.device,
        dtype=request.dtype,
        memory=request.memory,
        models=ModelStore.installed(request.models),
    )
    series = find_series(request, run.models)
    check_device(request.device)
    images = read_digests(request.images)
    _check_folder(output, request.images, force)
    networks, missing = at_hand(request)
    points: list[Point] = []
    compared: dict[sets.Place, dict[str, Row]] = {}
    with open_journal(output) as journal:
        _check_same_pictures(journal, images, output, force)
        course = Course(request, output, journal, crew_for(request), networks, progress)
        course.total = _total(course, len(images))
        for method in request.embeddings:
            own = [one for one in series if one.embedding is method]
            sent = step.encode(course, _points(own, images, request.targets))
            # Receivers are started for one series alone: memory and warm-up are that series' own.
            received = [step.decode(course, [p for p in sent if p.series is one]) for one in own]
            judged = step.judge(course, [point for some in received for point in some])
            compared |= sets.compare(course, judged)
            points += judged
            if not request.keep:
                _forget(output, judged)
    rows = [row(point, request.metrics, request.keep) for point in points]
    averaged = means(rows, compared, request)
    differing, more = differences(rows, averaged, request)
    notes = [*missing, *notes_on(rows, compared, networks), *more]
    about = conditions(request, series, course.crew)
    return Evaluation(rows, averaged, differing, notes, networks, about)


def _points(
    series: Sequence[Series], images: Sequence[Image], targets: Sequence[Target]
) -> list[Point]:
    return [Point(one, image, target) for one in series for image in images for target in targets]


def _total(course: Course, images: int) -> int:
    """Return how many results there are to find."""
    request, networks = course.request, course.networks
    places = len(request.series) * len(request.targets)
    total = images * places * (2 + len(of_pictures(networks)))
    if compared := len(of_sets(networks)):
        total += images * (len(request.embeddings) + places) + places * compared
    return total


def _forget(folder: Path, points: Sequence[Point]) -> None:
    """Delete decoded pictures."""
    for point in points:
        if "picture" in point.received:
            (folder / point.received["picture"]).unlink(missing_ok=True)


def _check_folder(folder: Path, images: Sequence[Path], force: bool) -> None:
    inside = ("files", "pictures", "features", "plots")
    for place in (folder, *(folder / name for name in inside)):
        check_not_input(place, {image.parent for image in images})
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / JOURNAL).exists() and any(folder.iterdir()) and not force:
            raise OutputExists(folder)
        for name in inside[:3]:
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(folder, why(error)) from error


def _check_same_pictures(
    journal: Journal, images: Sequence[Image], folder: Path, force: bool
) -> None:
    seen = {e["identity"]["image"] for e in journal.entries.values() if "image" in e["identity"]}
    if seen and not force and not seen & {image.digest for image in images}:
        raise OutputError(
            folder, "it holds an evaluation of other pictures; take another folder, or give --force"
        )
