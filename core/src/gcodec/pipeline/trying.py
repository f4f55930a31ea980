"""A sender that tries several files of a picture, decodes each as a receiver would, and sends the one that comes out best.

At a hundred bytes a picture can be said in many ways, and which way a generative receiver makes most of is not to be known
without asking it. What is tried: first the file that would be sent anyhow; then other ways to spend the bytes, which the
embedding knows (`Embedding.alternatives`); then, of the best of these, other seeds, which decide what the receiver makes up.
No index is sent: the file is its own answer. A seed other than 0 takes four bytes of it, and counts.

Text+Sketch (Lei, Uslu, Hassani and Saeedi Bidokhti 2023) does so with seeds and CLIP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, islice
from types import NoneType
from typing import TYPE_CHECKING, Any

from gcodec.errors import MetricUnavailable, TargetTooSmall, UsageError
from gcodec.options import check_kinds, check_options
from gcodec.pipeline.kept import Kept
from gcodec.plugin import MetricSpec, ReconstructorSpec
from gcodec.registry import registry
from gcodec.run import Run, is_whole

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.pipeline.binding import Bound
    from gcodec.pipeline.encoding import Encoded
    from gcodec.plugin import EmbeddingSpec
    from gcodec.signals import FloatArray

__all__ = ["Judged", "Trials", "best_of", "check_judge", "heard_by"]

#: What is measured unless the user says otherwise: the first that can be had here.
_METRICS = ("lpips", "ms_ssim", "psnr")
_OPEN = 16
_SEEDS = 1 << 64

#: Encodes one of the files.
Make = Callable[[], "Encoded"]


@dataclass(frozen=True)
class Trials:
    """How many files a sender tries, and what makes one better than another.

    count    1 or more; the first is the file that is sent without trials.
    judge    the reconstructor that decodes them, as the receiver is expected to.
    options  of the judge's spec.
    metric   a metric's name; None: the first of lpips, ms_ssim and psnr that is to be had.

    Raises UsageError for a count that is none.
    """

    count: int
    judge: str
    options: Mapping[str, Any] = field(default_factory=dict)
    metric: str | None = None

    def __post_init__(self) -> None:
        check_kinds(str, judge=self.judge)
        check_kinds(str, NoneType, metric=self.metric)
        check_kinds(Mapping, options=self.options)
        if not is_whole(self.count) or self.count < 1:
            raise UsageError(f"a sender tries 1 file or more, not {self.count!r}")


@dataclass(frozen=True)
class Judged:
    """What came of trials: how the file that was chosen measured, and the one that is sent without trials.

    plain  None: that one is too large.
    tried  how many files fitted and were decoded.
    """

    metric: str
    chosen: float
    plain: float | None
    tried: int


def heard_by(trials: Trials) -> frozenset[str]:
    """Return the types of signals that the judge looks at. Raises UnknownPlugin, UnusablePlugin and what its options do."""
    spec = registry().named(ReconstructorSpec, trials.judge)
    check_options(spec.name, spec.options, trials.options)
    return frozenset(spec.uses).union(*spec.needs)


def check_judge(sender: Bound[EmbeddingSpec], trials: Trials, run: Run) -> None:
    """Raise what `gcodec.decode` would of any file of `sender`, without companions: NoPath, ModelMissing, ModelDamaged."""
    from gcodec.pipeline.binding import bind, ways
    from gcodec.pipeline.resolver import check_path
    from gcodec.pipeline.stage2 import checked

    judge = checked(registry().reconstructor(trials.judge), trials.options)
    receiver = bind(judge.spec, None, run.models)
    found = ways(registry(), sender, receiver)
    check_path(sender, sender.spec.makes, receiver, found, registry(), judge.wanted)
    judge.weights(run.models)


def best_of(
    picture: Picture, files: Callable[[Run], Iterator[Make]], trials: Trials, run: Run, seeds: bool
) -> Encoded:
    """Return the file whose decoded picture is nearest to `picture`; of several, the one that was tried first.

    files   run -> what makes the files under its seed: the one without trials first, then those of the alternatives.
    seeds   whether other seeds than the run's may be tried.

    Raises what making and decoding them does, TargetTooSmall where none fits, MetricUnavailable.
    """
    from gcodec.pipeline.decoding import decode

    if not isinstance(run.opened, Kept):
        run = replace(run, opened=Kept(_OPEN))  # what decodes the first decodes the last
    begun = time.perf_counter()
    metric, measured = _measure(trials.metric, picture)
    found: list[tuple[float, int, Encoded]] = []
    plain: float | None = None
    small: TargetTooSmall | None = None
    ways = list(islice(files(run), trials.count))

    def makes() -> Iterator[tuple[int, Make]]:
        yield from enumerate(ways)
        for more in count(1) if seeds else ():
            way = min(found, key=_score)[1] if found else 0
            other = run.with_seed((run.seed + more) % _SEEDS)
            yield way, next(islice(files(other), way, None))

    for number, (way, make) in enumerate(islice(makes(), trials.count)):
        run.progress("trials", number, trials.count)
        try:
            made = make()
        except TargetTooSmall as error:
            small = small or error
            continue
        # The file's own seed, as a receiver has it.
        decoded = decode(
            made.data, trials.judge, options=trials.options, run=run.with_seed(0)
        ).picture
        value = measured(decoded.pixels)
        plain = value if number == 0 else plain
        found.append((-value if metric.rises else value, way, made))
    run.progress("trials", trials.count, trials.count)
    if not found:
        assert small is not None
        raise small
    score, _, made = min(found, key=_score)
    judged = Judged(metric.name, -score if metric.rises else score, plain, len(found))
    rest = time.perf_counter() - begun - sum(made.seconds.values())
    return replace(made, judged=judged, seconds={**made.seconds, "trials": rest})


def _score(tried: tuple[float, int, Encoded]) -> float:
    return tried[0]


def _measure(
    wanted: str | None, picture: Picture
) -> tuple[MetricSpec, Callable[[FloatArray], float]]:
    """Return a metric that can be had, and what measures by it how far pixels are from the picture's."""
    from gcodec.pipeline.mixing import measured

    known = registry().usable(MetricSpec)
    names = [name for name in _METRICS if name in known] if wanted is None else [wanted]
    for name in names:
        spec = registry().named(MetricSpec, name)
        try:
            # Found out before minutes of work: weights may be missing, or pixels too few.
            measured(spec, picture.pixels, picture.pixels)
        except MetricUnavailable:
            if name == names[-1]:
                raise
            continue
        return spec, partial(measured, spec, picture.pixels)
    raise MetricUnavailable("metric", "no plugin offers one")  # only where the core's own is off
