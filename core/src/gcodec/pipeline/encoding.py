"""Picture -> embedding -> file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

import gcodec_formats as gcx
from gcodec.errors import TargetTooSmall, UsageError
from gcodec.interfaces import Setup, Size
from gcodec.models.devices import check_device
from gcodec.options import check_kinds, check_options
from gcodec.pipeline._clock import Clock
from gcodec.pipeline._container import (
    beside,
    check_size,
    companion_bodies,
    companion_segments,
    extensions_of,
    identify,
    weight,
)
from gcodec.pipeline.binding import bind
from gcodec.pipeline.ratecontrol import Target, search
from gcodec.pipeline.stage1 import SYMBOL_DIGEST, Part, Stage1, build, exact_of, open_companions
from gcodec.pipeline.trying import Judged, Trials, best_of, check_judge, heard_by
from gcodec.plugin import EmbeddingSpec, MetricSpec
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from gcodec.models import Model
    from gcodec.pictures import Picture

__all__ = ["Chosen", "Encoded", "check_apart", "check_encoding", "encode"]


@dataclass(frozen=True)
class Encoded:
    """A finished file.

    data     its bytes; `len(data)` is its size and nothing else is.
    quality  the quality that was used, 0..1.
    seconds  wall time by part: "analyse", "code", "check"; "trials" is all that was spent on other files.
    judged   what trials came to; None: there were none.
    """

    data: bytes
    embedding: str
    quality: float
    seconds: Mapping[str, float]
    judged: Judged | None = None


class Chosen(NamedTuple):
    """An embedding, a value for each of its options, how the file names it, and its weights."""

    spec: EmbeddingSpec
    options: Mapping[str, Any]
    identity: gcx.Identity
    weights: Model | None


def encode(
    picture: Picture | Image | str | Path | bytes,
    embedding: str = "ntc",
    *,
    target: Target | None = None,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    suggest: str | tuple[str, Mapping[str, Any]] | None = None,
    digest: bool = False,
    metadata: bool = False,
    companions: Sequence[bytes | str | Path] = (),
    apart: bool = False,
    trials: Trials | None = None,
    run: Run | None = None,
) -> Encoded:
    """Encode a picture to the bytes of a ``.gcx`` file, then open it again and decode stage 1 before returning.

    picture   a Picture, a PIL image, a path, or the bytes of a picture's file.
    target    quality, bits per pixel or bytes of the whole file; size targets are never exceeded.
    options   of the embedding's spec.
    model     name, folder or digest of other weights than the registered ones; their digest then travels.
    suggest   a reconstructor that the receiver may follow, with its settings if it has some: ("flow", {"steps": 4}).
    digest    store the digest of the symbols for `verify` (12 bytes or so).
    metadata  keep EXIF and XMP; an ICC profile and alpha are always kept.
    companions  finished files, bytes or paths, of the same picture and seed, without companions, whose layers travel
                beside; the embedding may build on what they say, as `diffc` does, and the receiver has their signals too.
    apart     leave them out: whoever decodes has them, and gives them (`gcodec.decode(companions=...)`). Only with
                embeddings that notice where they are missing.
    trials    files to try and decode, of which the best is returned (`gcodec.pipeline.trying`); None: one is made.

    Raises UnknownPlugin, UnusablePlugin, UnknownOption, InvalidOption, UsageError, TargetTooSmall, ImageError,
    ModelMissing, ModelDamaged; InvalidArgument for what is no picture, has samples outside [0, 1], or is of another type
    than its argument. With trials what `gcodec.decode` raises, and MetricUnavailable.
    """
    from gcodec.pictures import as_picture

    check_kinds(Run, NoneType, run=run)
    check_kinds(Target, NoneType, target=target)
    check_kinds(Mapping, NoneType, options=options)
    check_kinds(str, NoneType, model=model)
    check_kinds(list, tuple, companions=companions)
    check_kinds(Trials, NoneType, trials=trials)
    run = (run or Run()).exact
    check_device(run.device, here=True)
    given, picture = picture, as_picture(picture, run.limits)
    own = picture is not given and trials is None
    heard: Collection[str] = ()
    if trials:
        check_encoding(embedding, options or {}, model, trials, run, bool(companions))
        heard = heard_by(trials)
    files = partial(
        _files,
        picture,
        own,
        embedding,
        target,
        options,
        model,
        suggest,
        digest,
        metadata,
        companions,
        apart,
        heard,
    )
    if trials is None:
        made = files(run)
        del picture, given, files  # of a large one there is no room beside what is made of it
        return next(made)()
    return best_of(picture, files, trials, run, seeds=not companions)


def check_encoding(
    embedding: str,
    options: Mapping[str, Any],
    model: str | None,
    trials: Trials | None,
    run: Run,
    companions: bool = False,
) -> Chosen:
    """Raise what `encode` would raise of any picture, for whoever has many: of names, options and weights. Return these.

    companions  whether files have some: what these say may be what leads to the judge.
    """
    chosen = _chosen(embedding, options, model, run)
    if trials:
        heard_by(trials)
        if not companions:
            check_judge(bind(chosen.spec, chosen.weights, run.models), trials, run)
        if trials.metric is not None:
            registry().named(MetricSpec, trials.metric)
    return chosen


def _chosen(embedding: str, options: Mapping[str, Any], model: str | None, run: Run) -> Chosen:
    spec = registry().embedding(embedding)
    values = check_options(spec.name, spec.options, options)
    return Chosen(spec, values, *identify(spec, model, values, run))


def check_apart(spec: EmbeddingSpec, given: bool) -> None:
    """Raise UsageError where companions, which were `given` or not, cannot be left out of a file."""
    if not (given and spec.apart):
        why = "does not notice where they are missing" if given else "has none here"
        raise UsageError(f"companions cannot be left out: {spec.name} {why}; leave --apart out")


def _files(
    picture: Picture,
    own: bool,
    embedding: str,
    target: Target | None,
    options: Mapping[str, Any] | None,
    model: str | None,
    suggest: str | tuple[str, Mapping[str, Any]] | None,
    digest: bool,
    metadata: bool,
    companions: Sequence[bytes | str | Path],
    apart: bool,
    heard: Collection[str],
    run: Run,
) -> Iterator[Callable[[], Encoded]]:
    """Yield what makes the file of a picture; then what makes others of it, of the embedding's alternatives.

    The arguments are those of `encode`; `heard` that of `Embedding.alternatives`. `own`: nobody else has the picture.
    """
    target = target or Target()
    size = Size(*picture.pixels.shape[1:])
    check_size(size, run)
    spec, values, identity, weights = _chosen(embedding, options or {}, model, run)
    bodies = companion_bodies(companions, size, run)
    parts, given = open_companions(bodies, size, run)
    exact = exact_of(parts, size)
    stage1 = build(spec, Setup(run, values, weights, given, exact))
    extensions = extensions_of(picture, spec, suggest, run)
    if digest:
        # It has one length whatever it is: while the size is searched any value will do.
        extensions[numbers.SYMBOLS_DIGEST] = bytes(SYMBOL_DIGEST)
    header = gcx.Header(identity, size, extensions)
    before, after = beside(picture, metadata)
    if apart:
        check_apart(spec, bool(bodies))
    else:
        before += companion_segments(bodies)

    def written(layers: Iterable[bytes]) -> bytes:
        segments = (*before, *(gcx.Segment(gcx.MAIN, layer) for layer in layers), *after)
        file = gcx.File(header, segments, progressive=spec.progressive)
        return gcx.write(file, limits=run.limits)

    # The receiver knows nothing of the sender's options: neither does the check.
    defaults = check_options(spec.name, spec.options, {})
    receiver = (
        stage1 if values == defaults else build(spec, Setup(run, defaults, weights, given, exact))
    )

    def opened(data: bytes) -> Stage1:
        file = gcx.read(data, limits=run.limits)
        main = Part(bind(spec, weights, run.models), receiver, file.bodies(gcx.MAIN))
        return Stage1(file, (*parts, main), given)

    limit = target.limit(size.width * size.height)
    clock = Clock()

    def finished(analysis: Any) -> Encoded:
        clock.restart()
        # What had to be encoded to know its size is kept: the best of it is the file.
        made: dict[float, bytes] = {}

        def make(quality: float) -> bytes:
            if quality not in made:
                made[quality] = written(stage1.encode(analysis, quality))
            return made[quality]

        def size_of(quality: float) -> int:
            sizes = stage1.sizes(analysis, quality)
            return len(make(quality) if sizes is None else written(map(bytes, sizes)))

        def about(quality: float) -> float | None:
            size = stage1.about(analysis, quality)
            return None if size is None else size + bare

        if limit is None:
            quality = spec.quality if target.quality is None else target.quality
        else:
            bare = len(written((b"",)))
            try:
                quality = search(spec.name, size_of, limit, spec.levels, about)
            except TargetTooSmall:
                # A file may be smaller than its embedding said it would be.
                quality, least = 0.0, len(make(0.0))
                if least > limit:
                    taken = weight(before + after)
                    raise TargetTooSmall(spec.name, limit, least, taken) from None
        data = make(quality)
        if digest:
            extensions[numbers.SYMBOLS_DIGEST] = opened(data).symbol_digest()
            data = gcx.write(
                replace(gcx.read(data, limits=run.limits), header=header), limits=run.limits
            )
        clock.lap("code")
        checked = opened(data)
        checked.signals()
        if bodies and spec.apart and receiver.alone(checked.main.layers):
            warnings.warn(
                "the companion would save nothing of this picture: it was not used, and the file decodes without it",
                stacklevel=2,
            )
        clock.lap("check")
        return Encoded(data, spec.name, quality, dict(clock.seconds))

    # A copy where it is: what a plugin writes into its picture is nobody else's.
    pixels = [picture.pixels if own else picture.pixels.copy()]
    del picture
    analysis = stage1.analyse(pixels.pop())
    clock.lap("analyse")
    yield partial(finished, analysis)
    for other in stage1.alternatives(analysis, heard):
        yield partial(finished, other)
