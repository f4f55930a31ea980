"""File -> embedding -> signals -> adapters -> reconstructor -> picture.

One direction, no back doors: `decode` sees the bytes of the file, the installed models and the receiver's options.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import NoneType
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import gcodec_formats as gcx
from gcodec.errors import GcodecError, ModelMissing, NoPath, UsageError, VerificationError
from gcodec.files import file_bytes
from gcodec.options import check_kinds, check_options
from gcodec.pipeline._clock import Clock
from gcodec.pipeline._container import picture_of
from gcodec.pipeline.binding import bind, ways
from gcodec.pipeline.origin import FAITHFUL, INVENTED, origin
from gcodec.pipeline.resolver import Path, check_path
from gcodec.pipeline.stage1 import Stage1, open_stage1
from gcodec.pipeline.stage2 import Fed, Stage2, checked, open_stage2
from gcodec.registry import registry
from gcodec.run import Run, is_whole
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from gcodec.pictures import Credentials, Picture
    from gcodec.signals import FloatArray, Preview, Signal

__all__ = [
    "Decoded",
    "Received",
    "decode",
    "decode_progressively",
    "finish",
    "receive",
    "save_decoded",
    "verify",
]


@dataclass(frozen=True)
class Decoded:
    """A reconstruction.

    picture        what to save or to look at.
    reconstructor  who made it; `suggested` if the file asked for it.
    realism        how far it lies from the preview (0) towards the reconstructor's sample (1); None where the
                   reconstructor has no such dial (`gcodec.plugin.REALISM`).
    options        of the reconstructor, the number of steps for example.
    path           how the signals reached it.
    missing        layers that a truncated file has lost; `lost_alpha` where the plane of transparency is gone too.
    seconds        wall time by part: "open", "stage1", "stage2".
    fidelity       where it was asked for, the error to expect of each pixel: float32 [H, W], root mean square over the
                   channels, in levels of 8 bits (`gcodec.pipeline.fidelity`).
    """

    picture: Picture
    embedding: str
    reconstructor: str
    suggested: bool
    realism: float | None
    options: Mapping[str, Any]
    path: Path
    missing: int
    lost_alpha: bool
    seconds: Mapping[str, float]
    fidelity: FloatArray | None = None

    @property
    def origin(self) -> str:
        """ "restored" or "invented" (`gcodec.pipeline.origin`)."""
        return origin(self.reconstructor, self.realism)


def decode(
    data: bytes | str | FilePath,
    reconstructor: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    via: str | None = None,
    partial: bool = False,
    fidelity: bool = False,
    companions: Sequence[bytes | str | FilePath] = (),
    run: Run | None = None,
) -> Decoded:
    """Decode a file, a path or its bytes, to a picture.

    reconstructor  None: the one that the file suggests, otherwise `preview`.
    options        of the reconstructor's spec; they win over the file's suggested settings. "realism" means the same
                   to all that have it (`gcodec.pipeline.stage2`).
    model          other weights for the reconstructor: name, folder or digest.
    via            name of an adapter that the signals must come by (`gcodec.pipeline.binding.Ways`).
    partial        accept a truncated progressive file.
    fidelity       say also how far each pixel may be from the original, by a law measured on photographs.
    companions     files that this one was made with and that were left out of it, in their order (`open_stage1`).

    The seed of the file keys the reconstructor's noise, so the same file gives the same picture; ``run.seed``, where
    it is not 0, asks for another sample. Raises what `open_stage1` raises, PayloadError, NoPath, UnknownOption,
    InvalidOption, UnknownPlugin for `via`, UsageError for a realism where there is no sample, Unmeasured where `fidelity`
    cannot be had, and InvalidArgument for an argument of another type than its own.
    """
    made = receive(data, reconstructor, options, model, via, partial, fidelity, companions, run)
    return finish([made])[0]


def decode_progressively(
    data: bytes | str | FilePath,
    reconstructor: str | None = None,
    *,
    every: int = 1,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    via: str | None = None,
    partial: bool = False,
    fidelity: bool = False,
    companions: Sequence[bytes | str | FilePath] = (),
    run: Run | None = None,
) -> Iterator[Decoded]:
    """Decode a file as a receiver to whom it comes slowly: after every `every` >= 1 layers, and after the last.

    `missing` of each counts the layers that it did without. Arguments and errors are those of `decode`.
    """
    if not is_whole(every) or every < 1:
        raise UsageError(f"a picture after every {every} layers is asked for; it takes 1 or more")
    receiver = _open(data, reconstructor, options, model, via, partial, fidelity, companions, run)
    total = len(receiver.stage1.main.layers)
    for count, signals in receiver.stage1.refine(every):
        yield from finish([receiver.received(signals, total - count)])
        receiver.clock.restart()  # what the caller did with the picture is not decoding


@dataclass(frozen=True)
class _Receiver:
    """Both stages, set up for one file."""

    stage1: Stage1
    stage2: Stage2
    suggested: bool
    expect: Callable[[Preview, FloatArray], FloatArray] | None
    run: Run
    clock: Clock

    def received(self, signals: Iterable[Signal], unused: int) -> Received:
        """These signals on their way to stage 2; `unused` layers of those that are here were left out."""
        self.clock.lap("stage1")
        fed = self.stage2.feed(signals, self.stage1.file.header.size)
        self.clock.lap("stage2")
        return Received(self, fed, unused)


@dataclass(frozen=True)
class Received:
    """A file of which stage 1 is done; `finish` makes the picture."""

    receiver: _Receiver
    fed: Fed
    unused: int

    @property
    def alike(self) -> tuple[object, ...]:
        """What files have in common whose pictures can be made at once: size, types of signals, the same reconstructor.

        Only in a `gcodec.Session` do two files have the same one.
        """
        stage2 = self.receiver.stage2
        own = self if stage2.reconstructor is None else stage2.reconstructor
        return id(own), stage2.choice.share, self.fed.size, tuple(self.fed.signals)

    def decoded(self, pixels: FloatArray, seconds: float) -> Decoded:
        """What is to be said of the picture, which stage 2 took so many seconds for."""
        receiver, fed = self.receiver, self.fed
        file, choice = receiver.stage1.file, receiver.stage2.choice
        taken = dict(receiver.clock.seconds)
        taken["stage2"] += seconds
        fidelity = None
        if receiver.expect is not None and fed.preview is not None:
            fidelity = receiver.expect(fed.preview, pixels)
        return Decoded(
            picture=picture_of(pixels, file, receiver.run),
            embedding=receiver.stage1.main.spec.name,
            reconstructor=choice.spec.name,
            suggested=receiver.suggested,
            realism=choice.realism,
            options=choice.options,
            path=fed.path,
            missing=self.unused + file.missing.count(gcx.MAIN),
            lost_alpha=gcx.ALPHA in file.missing,
            seconds=taken,
            fidelity=fidelity,
        )


def receive(
    data: bytes | str | FilePath,
    reconstructor: str | None = None,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    via: str | None = None,
    partial: bool = False,
    fidelity: bool = False,
    companions: Sequence[bytes | str | FilePath] = (),
    run: Run | None = None,
) -> Received:
    """Do all of `decode` but the picture itself; arguments and errors are those of `decode`."""
    receiver = _open(data, reconstructor, options, model, via, partial, fidelity, companions, run)
    return receiver.received(receiver.stage1.signals(), 0)


def finish(several: Sequence[Received]) -> list[Decoded]:
    """Make the pictures of files, those that are `alike` at once (`Reconstructor.reconstruct_all`). Raises PluginError."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for index, one in enumerate(several):
        kinds.setdefault(one.alike, []).append(index)
    made: dict[int, Decoded] = {}
    for indices in kinds.values():
        clock = Clock()
        stage2 = several[indices[0]].receiver.stage2
        pixels = stage2.reconstruct([several[index].fed for index in indices])
        clock.lap("stage2")
        for index, picture in zip(indices, pixels, strict=True):
            made[index] = several[index].decoded(picture, clock.seconds["stage2"] / len(indices))
    return [made[index] for index in range(len(several))]


def _open(
    data: bytes | str | FilePath,
    reconstructor: str | None,
    options: Mapping[str, Any] | None,
    model: str | None,
    via: str | None,
    partial: bool,
    fidelity: bool,
    companions: Sequence[bytes | str | FilePath],
    run: Run | None,
) -> _Receiver:
    """Open a file and set up stage 2 for it; the arguments are those of `decode`."""
    check_kinds(Mapping, NoneType, options=options)
    check_kinds(str, NoneType, reconstructor=reconstructor, model=model, via=via)
    run = run or Run(dtype="auto")
    clock = Clock()
    stage1 = open_stage1(data, run=run, partial=partial, companions=companions)
    header = stage1.file.header
    expect = None
    if fidelity:
        from gcodec.pipeline.fidelity import expectation

        expect = expectation(stage1)
    name, settings, suggested = _choose(header, reconstructor)
    seed = run.seed or cast(int, header.extensions.get(numbers.SEED, 0))

    def opened(name: str, settings: Mapping[str, Any]) -> Stage2:
        spec = registry().reconstructor(name)
        receiver = bind(spec, None if model is None else run.models.find(model), run.models)
        chosen = checked(receiver.spec, {**settings, **(options or {})}, beside=fidelity)
        found = ways(registry(), *(part.bound for part in stage1.parts), receiver, via=via)
        check_path(stage1.main.bound, stage1.makes, receiver, found, registry(), chosen.wanted)
        return open_stage2(chosen, found, model=model, run=run.with_seed(seed))

    try:
        stage2 = opened(name, settings)
    except (NoPath, ModelMissing) as error:
        if not suggested or options or model is not None or via is not None:
            raise
        _pass_over(name, error)
        suggested = False
        stage2 = opened(FAITHFUL, {})
    clock.lap("open")
    return _Receiver(stage1, stage2, suggested, expect, run, clock)


def check_target(
    data: bytes | str | FilePath,
    target: str,
    kind: str,
    *,
    partial: bool = False,
    run: Run | None = None,
) -> None:
    """Raise OutputError about `target` where a file of this kind (`gcodec.pictures.format_of`) cannot hold the picture.

    Nothing is decoded: size, alpha, profile and depth stand beside the layers. Raises FormatError.
    """
    from gcodec.pictures import check_holds

    limits = (run or Run()).limits
    file = gcx.read(file_bytes(data), limits=limits, partial=partial)
    icc = next((gcx.unpack_metadata(bytes(body), limits) for body in file.bodies(gcx.ICC)), None)
    depth = cast(int, file.header.extensions.get(numbers.DEPTH, 8))
    alpha = bool(file.bodies(gcx.ALPHA))
    check_holds(target, kind, file.header.size, alpha=alpha, icc=icc, depth=depth)


def save_decoded(
    made: Decoded,
    target: str | FilePath | BinaryIO,
    *,
    format: str | None = None,
    credentials: Credentials | None = None,
    force: bool = False,
) -> None:
    """Save a reconstruction whole or not at all, with the codec's names in its metadata.

    A generative reconstruction is not a photograph, and whoever receives it must be able to tell: pictures from any
    reconstructor but `preview` carry the IPTC digital source type for algorithmic media, unless realism 0 left only the
    preview of them. `format` is that of `save_image`: without it a path's own, and PNG for a stream. The XMP packet says
    what was done: `origin`, restored or invented, the reconstructor, its realism and its steps; with `credentials` a
    signed C2PA manifest says it too.
    Raises OutputError, OutputExists, InvalidArgument.
    """
    from importlib.metadata import version

    from gcodec.pictures import save_image

    check_kinds(Decoded, made=made)

    parameters = {
        "gcodec": version("gcodec"),
        "embedding": made.embedding,
        "reconstructor": made.reconstructor,
        "origin": made.origin,
    }
    if made.realism is not None:
        parameters["realism"] = f"{made.realism:g}"
    if "steps" in made.options:
        parameters["steps"] = str(made.options["steps"])
    save_image(
        made.picture,
        target,
        format=format,
        parameters=parameters,
        generative=made.origin == INVENTED,
        credentials=credentials,
        force=force,
    )


def verify(
    data: bytes | str | FilePath,
    source: str = "file",
    *,
    companions: Sequence[bytes | str | FilePath] = (),
    run: Run | None = None,
) -> dict[str, Any]:
    """Prove that this machine recovers the sender's Y: container, model, stage 1 and, where stored, its digest.

    companions  as of `decode`.

    Returns what was checked. Raises what `open_stage1` raises, PayloadError and VerificationError.
    """
    stage1 = open_stage1(data, run=run, companions=companions)
    stage1.signals()
    found = stage1.symbol_digest()
    expected = stage1.file.header.extensions.get(numbers.SYMBOLS_DIGEST)
    if expected is not None and expected != found:
        raise VerificationError(source, cast(bytes, expected), found)
    main = stage1.main
    model = main.embedding.setup.model
    return {
        "embedding": main.spec.name,
        "parse_class": main.spec.parse_class,
        "model": model.digest if model else None,
        "symbols": found.hex(),
        "proved": expected is not None,
    }


def _choose(header: gcx.Header, wanted: str | None) -> tuple[str, Mapping[str, Any], bool]:
    """Return reconstructor, settings to start from, and whether both are the file's suggestion.

    A suggestion never binds: one that this installation cannot follow is passed over with a warning.
    """
    suggestion = header.extensions.get(numbers.RECONSTRUCTOR)
    if suggestion is None or wanted is not None:
        return wanted or FAITHFUL, {}, False
    name, settings = cast(tuple[str, Mapping[str, Any]], suggestion)
    try:
        spec = registry().reconstructor(name)
        check_options(name, spec.options, settings)
    except UsageError as error:
        _pass_over(name, error)
        return FAITHFUL, {}, False
    return name, settings, True


def _pass_over(name: str, error: GcodecError) -> None:
    warnings.warn(f"the file suggests '{name}', which is passed over: {error}", stacklevel=4)
