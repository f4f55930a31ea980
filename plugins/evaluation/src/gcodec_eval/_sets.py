"""Distances between sets of pictures, FID and KID: all originals against all that a series decoded at one target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from gcodec_eval import _workers as workers
from gcodec_eval._course import Course, Job
from gcodec_eval._identity import digest_of
from gcodec_eval._metrics import number_of, of_sets, taken_with
from gcodec_eval._points import Point, Row
from gcodec_eval._request import target_label

__all__ = ["Place", "compare", "place_of"]

#: Labels of embedding, reconstructor and target.
Place: TypeAlias = tuple[str, str, str]


def place_of(point: Point) -> Place:
    """Return the set that a point is of."""
    series = point.series
    return series.embedding.label, series.reconstructor.label, target_label(point.target)


def compare(course: Course, points: Sequence[Point]) -> dict[Place, dict[str, Row]]:
    """Return for each set metric -> {"value", "patches"} or {"error"}, where every picture of the set was decoded."""
    names = of_sets(course.networks)
    if not names:
        return {}
    # One network describes pictures for all of these metrics.
    network = course.networks[names[0]]

    def describing(picture: Path, image: str, pixels: str | None) -> Job:
        what = number_of(names[0], network, image, pixels)
        file = f"features/{digest_of(what)[:24]}.npy"
        weights = str(course.request.weights) if course.request.weights else None
        task = workers.Describe(
            str(picture), course.request.patch, weights, str(course.folder), file
        )
        return Job(what, task, lambda known: (course.folder / known["file"]).is_file())

    images = list(dict.fromkeys(point.image for point in points))
    originals = [
        None if image.error else describing(image.path, image.digest, None) for image in images
    ]
    decoded = [
        None
        if point.error
        else describing(
            course.folder / point.received["picture"], point.image.digest, point.received["pixels"]
        )
        for point in points
    ]
    described = course.settle(workers.describe, [*originals, *decoded])
    real = [made.get("file") for made in described[: len(images)]]
    sets: dict[Place, list[str | None]] = {}
    for point, made in zip(points, described[len(images) :], strict=True):
        sets.setdefault(place_of(point), []).append(made.get("file"))

    wanted = [(place, name) for place in sets for name in names]
    jobs = [_comparing(course, name, real, sets[place]) for place, name in wanted]
    found: dict[Place, dict[str, Row]] = {}
    for (place, name), made in zip(wanted, course.settle(workers.compare, jobs), strict=True):
        found.setdefault(place, {})[name] = made
    return found


def _comparing(
    course: Course, name: str, real: Sequence[str | None], decoded: Sequence[str | None]
) -> Job | None:
    """Return the job for two lists of files of features, None where one of these is missing."""
    if None in real or None in decoded:
        return None
    sets: list[list[Any]] = [sorted(map(str, real)), sorted(map(str, decoded))]
    what = {
        "step": "compare",
        "metric": name,
        "network": course.networks[name],
        "sets": sets,
        "software": taken_with(name),
    }
    sides = (tuple(str(course.folder / file) for file in side) for side in sets)
    return Job(what, workers.Compare(name, *sides))
