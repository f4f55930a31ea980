"""The steps of an evaluation: each asks the journal first, and fresh processes for what it does not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gcodec.errors import ImageError
from gcodec.files import atomic_write
from gcodec.options import check_options
from gcodec.pipeline.ratecontrol import Target
from gcodec.progress import Progress
from gcodec.registry import registry
from gcodec_eval import _identity as identity
from gcodec_eval import _workers as workers
from gcodec_eval._journal import Journal
from gcodec_eval._processes import Crew, work
from gcodec_eval._request import Method, Request, known_metrics, target_label

if TYPE_CHECKING:
    from gcodec.pipeline.resolver import Path as SignalPath
    from gcodec.plugin import EmbeddingSpec, ReconstructorSpec

__all__ = [
    "Course",
    "Image",
    "Series",
    "decode",
    "encode",
    "judge",
    "judge_sets",
    "model_digest",
    "of_pictures",
]

Row: TypeAlias = dict[str, Any]

#: Distribution that computes a metric, where it is not the one that offers it.
_LIBRARIES = {"ms_ssim": "pytorch-msssim", "lpips": "lpips", "dists": "torchmetrics"}


@dataclass(frozen=True)
class Image:
    """A picture of the folder: its digest, and the stem that files made from it have."""

    path: Path
    digest: str
    stem: str


@dataclass(frozen=True)
class Series:
    """One embedding with one reconstructor, checked: specs, full options, model digests."""

    embedding: Method
    sender: EmbeddingSpec
    reconstructor: Method
    receiver: ReconstructorSpec
    path: SignalPath


@dataclass
class Course:
    """What every step needs."""

    request: Request
    folder: Path
    journal: Journal
    crew: Crew
    networks: Mapping[str, Any]
    progress: Progress
    total: int
    done: int = 0

    def step(self, count: int = 1) -> None:
        self.done += count
        self.progress("evaluating", self.done, self.total)

    def settle(
        self,
        function: Callable[[Any], dict[str, Any]],
        wanted: Mapping[Any, tuple[Mapping[str, Any], Any]],
        again: Callable[[Any, Row], bool] = lambda key, known: False,
        take: Callable[[Any, Row], None] | None = None,
    ) -> dict[Any, Row]:
        """Return a result for each of `wanted`: key -> (identity, task).

        From the journal where it is known, unless again(key, result) wants what else the task makes.
        take: called with each new task and result of processes that are alone, and can lay nothing down themselves.
        """
        found: dict[Any, dict[str, Any]] = {}
        missing: dict[int, tuple[Any, Mapping[str, Any]]] = {}
        tasks = []
        for key, (what, task) in wanted.items():
            known = self.journal.get(what)
            if known is not None and not again(key, known):
                found[key] = known
                self.step()
            else:
                missing[id(task)] = (key, what)
                tasks.append(task)
        for task, result in work(function, tasks, self.crew, alone=take is not None):
            key, what = missing[id(task)]
            if take is not None:
                take(task, result)
            found[key] = result
            # An unreachable size is a fact about the embedding; whatever else failed is worth another try.
            if result.get("error", {}).get("kind") in (None, "TargetTooSmall"):
                self.journal.add(what, result)
            self.step()
        return found


def encode(course: Course, one: Series, images: Sequence[Image]) -> dict[tuple[str, Target], Row]:
    """Return (image digest, target) -> what the sender said, and the file's name in the folder."""
    request, method, spec = course.request, one.embedding, one.sender
    common = {
        "step": "encode",
        "embedding": spec.name,
        "options": check_options(spec.name, spec.options, method.options),
        "seed": request.seed,
        "device": request.device,
        "model": model_digest(spec, request),
        "software": identity.software(spec),
    }
    wanted = {}
    for image in images:
        for target in request.targets:
            stem = ".".join([image.stem, _slug(method.label), _slug(target_label(target))])
            task = workers.Encode(
                str(image.path),
                spec.name,
                method.options,
                target,
                request.seed,
                request.device,
                tuple(map(str, request.models)),
                str(course.folder / "files" / f"{stem}.gcx"),
            )
            what = {**common, "image": image.digest, "target": _given(target)}
            wanted[image.digest, target] = (what, task)

    def lost(key: Any, known: Row) -> bool:
        path = Path(wanted[key][1].file)
        whole = path.is_file() and identity.file_digest(path) == known.get("sha256")
        return "error" not in known and not whole

    found = course.settle(workers.encode_file, wanted, lost)
    return {key: {**made, "file": Path(wanted[key][1].file)} for key, made in found.items()}


def decode(
    course: Course, one: Series, files: Mapping[tuple[str, Target], Row]
) -> dict[tuple[str, str, Target], Row]:
    """Return (reconstructor, image digest, target) -> what the receiver said, and where its picture is, if it is kept
    or still to be judged.
    """
    request, spec, adapters = course.request, one.receiver, one.path.adapters
    label = one.reconstructor.label
    common = {
        "step": "decode",
        "reconstructor": spec.name,
        "options": check_options(spec.name, spec.options, one.reconstructor.options),
        "device": request.device,
        "dtype": request.dtype,
        "models": [model_digest(s, request) for s in (one.sender, spec, *adapters)],
        "software": identity.software(one.sender, spec, *adapters),
    }
    wanted = {}
    for (digest, target), made in files.items():
        if "error" in made:
            course.step(1 + len(of_pictures(course.networks)))
            continue
        picture = course.folder / "pictures" / f"{made['file'].stem}.{_slug(label)}.png"
        task = workers.Decode(
            str(made["file"]),
            spec.name,
            one.reconstructor.options,
            request.device,
            request.dtype,
            tuple(str(folder.absolute()) for folder in request.models),
            str(picture),
        )
        wanted[label, digest, target] = ({**common, "file": made["sha256"]}, task)

    def needed(key: Any, known: Row) -> bool:
        """Whether the picture is wanted, to keep or for a number that is not known, and not there."""
        wants = request.keep or not all(
            course.journal.get(_number(course, name, key[1], known["pixels"]))
            for name, network in course.networks.items()
            if network is not None
        )
        return wants and not _holds(Path(wanted[key][1].picture), known["pixels"])

    found = course.settle(workers.decode_file, wanted, needed, _lay_down)
    return {key: {**made, "picture": Path(wanted[key][1].picture)} for key, made in found.items()}


def _lay_down(task: workers.Decode, result: Row) -> None:
    """Write the picture that a receiver returned to where it is looked for."""
    if "png" in result:
        with atomic_write(Path(task.picture), force=True) as stream:
            stream.write(result.pop("png"))


def _holds(picture: Path, pixels: str) -> bool:
    """Whether a file holds the picture with these samples."""
    from gcodec.pictures import load_image

    try:
        return picture.is_file() and workers.pixels_digest(load_image(picture).pixels) == pixels
    except ImageError:
        return False


def judge(
    course: Course, images: Sequence[Image], decoded: Mapping[tuple[str, str, Target], Row]
) -> dict[tuple[str, str, Target, str], Row]:
    """Return (reconstructor, image digest, target, metric) -> {"value": ...} or {"error": ...}."""
    request = course.request
    paths = {image.digest: str(image.path) for image in images}
    weights = str(request.weights) if request.weights else None
    wanted = {}
    for name in of_pictures(course.networks):
        for key, made in decoded.items():
            if "error" in made:
                course.step()
                continue
            task = workers.Judge(
                paths[key[1]], str(made["picture"]), name, weights, request.download
            )
            wanted[*key, name] = (_number(course, name, key[1], made["pixels"]), task)
    return course.settle(workers.judge, wanted)


def judge_sets(
    course: Course,
    series: Sequence[Series],
    images: Sequence[Image],
    decoded: Mapping[tuple[str, str, Target], Row],
) -> dict[tuple[str, str, str, str], Row]:
    """Return (embedding, reconstructor, target, metric) -> {"value", "patches"} or {"error"}, where every picture of
    the set was decoded.
    """
    names = [
        n for n in course.networks if known_metrics()[n].of_set and course.networks[n] is not None
    ]
    if not names:
        return {}
    request = course.request
    weights = str(request.weights) if request.weights else None
    wanted: dict[Any, Any] = {}

    def add(key: Any, what: Row, picture: Path) -> None:
        file = course.folder / "features" / f"{identity.digest_of(what)[:24]}.npy"
        wanted[key] = (what, workers.Describe(str(picture), request.patch, weights, str(file)))

    for image in images:
        add(image.digest, _number(course, names[0], image.digest, None), image.path)
    for key, made in decoded.items():
        if "error" not in made:
            add(key, _number(course, names[0], key[1], made["pixels"]), made["picture"])
    described = course.settle(
        workers.describe, wanted, lambda key, known: not Path(wanted[key][1].file).is_file()
    )

    def files(keys: Iterable[Any]) -> tuple[str, ...]:
        """Return the files of features of all pictures, or none."""
        good = [key for key in keys if "error" not in described.get(key, {"error": None})]
        return tuple(wanted[key][1].file for key in good) if len(good) == len(images) else ()

    tasks = {}
    for one in series:
        label = one.reconstructor.label
        for target in request.targets:
            real = files(image.digest for image in images)
            ours = files((label, image.digest, target) for image in images)
            for name in names if real and ours else ():
                what = {
                    "step": "compare",
                    "metric": name,
                    "network": course.networks[name],
                    "sets": [[Path(file).stem for file in side] for side in (real, ours)],
                    "software": identity.library("torchmetrics"),
                }
                place = (one.embedding.label, label, target_label(target), name)
                tasks[place] = (what, workers.Compare(name, real, ours))
    return course.settle(workers.compare, tasks)


def _number(course: Course, name: str, image: str, pixels: str | None) -> Row:
    """Return the identity of one metric of one picture; of a set metric that of the features it is taken from, which
    are the original's own where `pixels` is None.
    """
    spec = registry().metrics.get(name)
    library = _LIBRARIES.get(name) or (spec and registry().distribution_of(spec)) or "torchmetrics"
    common = {"network": course.networks[name], "software": identity.library(library)}
    if known_metrics()[name].of_set:
        subject = {"original": image} if pixels is None else {"pixels": pixels}
        return {"step": "describe", **subject, **common}
    return {"step": "judge", "metric": name, "image": image, "pixels": pixels, **common}


def model_digest(spec: Any, request: Request) -> str | None:
    from gcodec.models import ModelStore

    store = ModelStore.installed(request.models)
    return store.find(spec.model).digest if spec.model else None


def of_pictures(networks: Mapping[str, Any]) -> list[str]:
    """Return the metrics of one picture that can be had."""
    return [
        n
        for n, network in networks.items()
        if network is not None and not known_metrics()[n].of_set
    ]


def _given(target: Target) -> Row:
    values = {"quality": target.quality, "bpp": target.bpp, "bytes": target.bytes}
    return {name: value for name, value in values.items() if value is not None}


def _slug(text: str) -> str:
    """Return text as a part of a file's name, on any system."""
    return re.sub(r"[^A-Za-z0-9_.=-]+", "-", text)
