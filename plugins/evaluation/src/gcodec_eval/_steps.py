"""The steps of an evaluation that each point goes through: encode, decode, judge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gcodec.errors import ImageError
from gcodec.files import atomic_write
from gcodec.pipeline.ratecontrol import Target
from gcodec_eval import _workers as workers
from gcodec_eval._course import Course, Job
from gcodec_eval._identity import file_digest
from gcodec_eval._metrics import number_of, of_pictures
from gcodec_eval._points import Point, Row
from gcodec_eval._request import target_label

__all__ = ["decode", "encode", "judge"]


def encode(course: Course, points: Sequence[Point]) -> list[Point]:
    """Let a sender write the file of each point; the series of one embedding share it."""
    jobs = [None if point.error else _encoding(course, point) for point in points]
    found = course.settle(workers.encode_file, jobs)
    return [replace(point, sent=sent) for point, sent in zip(points, found, strict=True)]


def _encoding(course: Course, point: Point) -> Job:
    request, method = course.request, point.series.embedding
    stem = ".".join([point.image.stem, _slug(method.label), _slug(target_label(point.target))])
    task = workers.Encode(
        str(point.image.path),
        method.name,
        method.options,
        point.target,
        request.seed,
        request.device,
        request.memory,
        tuple(map(str, request.models)),
        str(course.folder),
        f"files/{stem}.gcx",
    )

    def serves(known: Row) -> bool:
        if "error" in known:
            return True
        path = course.folder / known["file"]
        return path.is_file() and file_digest(path) == str(known["sha256"])

    about = {"image": point.image.digest, "target": _given(point.target)}
    return Job({**point.series.sending, **about}, task, serves)


def decode(course: Course, points: Sequence[Point]) -> list[Point]:
    """Let a receiver decode the file of each point. The picture is there if it is to be kept or still to be judged."""
    jobs = [None if point.error else _decoding(course, point) for point in points]
    found = course.settle(workers.decode_file, jobs)
    return [replace(point, received=made) for point, made in zip(points, found, strict=True)]


def _decoding(course: Course, point: Point) -> Job:
    request, method = course.request, point.series.reconstructor
    stem = Path(point.sent["file"]).stem
    picture = f"pictures/{stem}.{_slug(method.label)}.png"
    task = workers.Decode(
        workers.Contents(str(course.folder / point.sent["file"])),
        method.name,
        method.options,
        request.device,
        request.dtype,
        request.memory,
        tuple(str(folder.absolute()) for folder in request.models),
        request.via,
    )

    def taken(made: Row) -> Row:
        with atomic_write(course.folder / picture, force=True) as stream:
            stream.write(made.pop("png"))
        return {"picture": picture, **made}

    def serves(known: Row) -> bool:
        numbers = (
            number_of(name, course.networks[name], point.image.digest, known["pixels"])
            for name, network in course.networks.items()
            if network is not None
        )
        wanted = request.keep or not all(map(course.journal.get, numbers))
        return not wanted or _holds(course.folder / known["picture"], known["pixels"])

    return Job({**point.series.receiving, "file": point.sent["sha256"]}, task, serves, taken)


def _holds(picture: Path, pixels: str) -> bool:
    """Whether a file holds the picture with these samples."""
    from gcodec.pictures import load_image

    try:
        return picture.is_file() and workers.pixels_digest(load_image(picture).pixels) == pixels
    except ImageError:
        return False


def judge(course: Course, points: Sequence[Point]) -> list[Point]:
    """Let a judge compare the picture of each point with its original, by every metric of one picture."""
    names = of_pictures(course.networks)
    jobs = [
        None if point.error else _judging(course, point, name) for point in points for name in names
    ]
    found = iter(course.settle(workers.judge, jobs))
    return [replace(point, judged={name: next(found) for name in names}) for point in points]


def _judging(course: Course, point: Point, name: str) -> Job:
    request = course.request
    task = workers.Judge(
        str(point.image.path),
        str(course.folder / point.received["picture"]),
        name,
        str(request.weights) if request.weights else None,
        request.download,
    )
    pixels = point.received["pixels"]
    return Job(number_of(name, course.networks[name], point.image.digest, pixels), task)


def _given(target: Target) -> Row:
    values = {"quality": target.quality, "bpp": target.bpp, "bytes": target.bytes}
    return {name: value for name, value in values.items() if value is not None}


def _slug(text: str) -> str:
    """Return text as a part of a file's name, on any system."""
    return re.sub(r"[^A-Za-z0-9_.=-]+", "-", text)
