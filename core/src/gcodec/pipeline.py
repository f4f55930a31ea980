"""The way data goes: image -> embedding -> file, and file -> embedding -> adapters -> reconstructor -> image.

One direction, no back doors: `decode` sees the bytes of the file, the installed models and the receiver's options.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import gcodec_formats as gcx
from gcodec._container import (
    beside,
    check_size,
    extensions_of,
    identify,
    named_model,
    picture_of,
)
from gcodec.errors import PayloadError, VerificationError
from gcodec.interfaces import Embedding, Reconstructor, Setup, Size
from gcodec.options import check_options
from gcodec.ratecontrol import Target, search
from gcodec.registry import load_object, registry
from gcodec.resolver import Path, adapt, check_pair
from gcodec.run import Run
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from gcodec.images import Picture
    from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
    from gcodec.signals import Signal

__all__ = [
    "Decoded",
    "Encoded",
    "Stage1",
    "decode",
    "encode",
    "open_stage1",
    "save_decoded",
    "verify",
]

#: The reconstructor that adds nothing, and is taken where nobody names one.
_FAITHFUL = "preview"

#: Bytes of the stage-1 digest in the extension map.
_SYMBOL_DIGEST = 8


@dataclass(frozen=True)
class Encoded:
    """A finished file.

    data     its bytes; `len(data)` is its size and nothing else is.
    quality  the quality that was used, 0..1.
    seconds  wall time by part: "analyse", "code", "check".
    """

    data: bytes
    embedding: str
    quality: float
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Stage1:
    """A file opened as far as stage 1 goes.

    file       the container; `file.missing` counts layers that a truncated file has lost.
    spec       the installed embedding that wrote it.
    embedding  its implementation, set up with the model that the file names.
    """

    file: gcx.File
    spec: EmbeddingSpec
    embedding: Embedding

    @property
    def layers(self) -> list[bytes]:
        """The embedding's own segments, base first."""
        return [bytes(s.data) for s in self.file.segments if s.type == gcx.MAIN]

    def signals(self) -> tuple[Signal, ...]:
        """Decode stage 1. Raises PayloadError."""
        return self.embedding.decode(self.layers, self.file.header.size)

    def symbol_digest(self) -> bytes:
        """Return the first 8 bytes of the SHA-256 of the decoded symbols. Raises PayloadError."""
        symbols = self.embedding.symbols(self.layers, self.file.header.size)
        return hashlib.sha256(symbols).digest()[:_SYMBOL_DIGEST]


@dataclass(frozen=True)
class Decoded:
    """A reconstruction.

    picture        what to save or to look at.
    reconstructor  who made it; `suggested` if the file asked for it.
    path           how the signals reached it.
    missing        layers that a truncated file has lost.
    seconds        wall time by part: "open", "stage1", "stage2".
    """

    picture: Picture
    embedding: str
    reconstructor: str
    suggested: bool
    path: Path
    missing: int
    seconds: Mapping[str, float]


@dataclass
class _Clock:
    """Wall time of one part after another."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self.last = now - self.last, now


def encode(
    picture: Picture,
    embedding: str = "ntc",
    *,
    target: Target | None = None,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    suggest: tuple[str, Mapping[str, Any]] | None = None,
    digest: bool = False,
    metadata: bool = False,
    run: Run | None = None,
) -> Encoded:
    """Encode a picture to the bytes of a ``.gcx`` file, then open it again and decode stage 1 before returning.

    target    quality, bits per pixel or bytes of the whole file; size targets are never exceeded.
    options   of the embedding's spec.
    model     name, folder or digest of other weights than the registered ones; their digest then travels.
    suggest   a reconstructor and its settings that the receiver may follow.
    digest    store the digest of the symbols for `verify` (12 bytes or so).
    metadata  keep EXIF and XMP; an ICC profile and alpha are always kept.

    Raises UnknownPlugin, UnusablePlugin, UnknownOption, InvalidOption, UsageError, TargetTooSmall, ImageError,
    ModelMissing, ModelDamaged.
    """
    run = run or Run()
    target = target or Target()
    spec = registry().embedding(embedding)
    size = Size(*picture.pixels.shape[1:])
    check_size(size, run)
    identity, weights = identify(spec, model or spec.model, run)
    stage1 = _build(
        spec, Setup(run, check_options(spec.name, spec.options, options or {}), weights)
    )
    header = gcx.Header(identity, size, extensions_of(picture, suggest, run))
    before, after = beside(picture, metadata)

    clock = _Clock()
    analysis = stage1.analyse(picture.pixels)
    clock.lap("analyse")

    def make(quality: float, extensions: Mapping[int, object] = header.extensions) -> bytes:
        layers = [gcx.Segment(gcx.MAIN, d) for d in stage1.encode(analysis, quality)]
        whole = gcx.Header(identity, size, extensions)
        segments = (*before, *layers, *after)
        return gcx.write(gcx.File(whole, segments, progressive=spec.progressive))

    def make_with_digest(quality: float) -> bytes:
        plain = make(quality)
        found = Stage1(gcx.read(plain, limits=run.limits), spec, stage1).symbol_digest()
        return make(quality, {**header.extensions, numbers.SYMBOLS_DIGEST: found})

    maker = make_with_digest if digest else make
    limit = target.limit(size.width * size.height)
    if limit is None:
        quality = 0.5 if target.quality is None else target.quality
        data = maker(quality)
    else:
        data, quality = search(spec.name, maker, limit)
    clock.lap("code")
    Stage1(gcx.read(data, limits=run.limits), spec, stage1).signals()
    clock.lap("check")
    return Encoded(data, spec.name, quality, clock.seconds)


def open_stage1(data: bytes, *, run: Run | None = None, partial: bool = False) -> Stage1:
    """Read a file, find the embedding that wrote it and the model that it names.

    partial: accept a truncated progressive file as far as whole segments go.
    Raises FormatError, UnknownPlugin, UnknownProfile, UnusablePlugin, ModelMissing, ModelDamaged.
    """
    run = run or Run()
    file = gcx.read(data, limits=run.limits, partial=partial)
    identity = file.header.identity
    spec = (
        registry().embedding(cast(str, identity.name))
        if identity.id is None
        else registry().embedding_by_id(identity.id)
    )
    weights = named_model(spec, identity, run)
    seed = cast(int, file.header.extensions.get(numbers.SEED, 0))
    options = check_options(spec.name, spec.options, {})
    return Stage1(file, spec, _build(spec, Setup(run.with_seed(seed), options, weights)))


def decode(
    data: bytes,
    reconstructor: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    model: str | None = None,
    partial: bool = False,
    run: Run | None = None,
) -> Decoded:
    """Decode a file to a picture.

    reconstructor  None: the one that the file suggests, otherwise `preview`.
    options        of the reconstructor's spec; they win over the file's suggested settings.
    model          other weights for the reconstructor: name, folder or digest.
    partial        accept a truncated progressive file.

    The seed of the file keys the reconstructor's noise, so the same file gives the same picture; ``run.seed``, where
    it is not 0, asks for another sample. Raises what `open_stage1` raises, PayloadError, NoPath, UnknownOption,
    InvalidOption.
    """
    run = run or Run()
    clock = _Clock()
    stage1 = open_stage1(data, run=run, partial=partial)
    if not stage1.layers:
        raise PayloadError(stage1.spec.name, "the file ends before the first whole layer")
    header = stage1.file.header
    name, settings, suggested = _choose(header, reconstructor)
    spec = registry().reconstructor(name)
    check_pair(stage1.spec, spec, registry())
    values = check_options(spec.name, spec.options, {**settings, **(options or {})})
    weights = run.models.find(model or cast(str, spec.model)) if model or spec.model else None
    seed = run.seed or cast(int, header.extensions.get(numbers.SEED, 0))
    second = _reconstructor(spec, Setup(run.with_seed(seed), values, weights))
    clock.lap("open")
    signals = stage1.signals()
    clock.lap("stage1")
    fed, path = adapt(signals, spec, header.size, run)
    pixels = second.reconstruct(fed, header.size)
    clock.lap("stage2")
    picture = picture_of(pixels, stage1.file, run)
    return Decoded(
        picture, stage1.spec.name, name, suggested, path, stage1.file.missing, clock.seconds
    )


def save_decoded(made: Decoded, target: str | FilePath | BinaryIO, *, force: bool = False) -> None:
    """Save a reconstruction whole or not at all, with the codec's names in its metadata.

    A generative reconstruction is not a photograph, and whoever receives it must be able to tell: pictures from any
    reconstructor but `preview` carry the IPTC digital source type for algorithmic media. A stream gets PNG.
    Raises OutputError, OutputExists.
    """
    from importlib.metadata import version

    from gcodec.images import GENERATIVE, save_image

    parameters = {
        "gcodec": version("gcodec"),
        "embedding": made.embedding,
        "reconstructor": made.reconstructor,
    }
    source_type = None if made.reconstructor == _FAITHFUL else GENERATIVE
    save_image(made.picture, target, provenance=source_type, parameters=parameters, force=force)


def verify(data: bytes, source: str = "file", *, run: Run | None = None) -> dict[str, Any]:
    """Prove that this machine recovers the sender's Y: container, model, stage 1 and, where stored, its digest.

    Returns what was checked. Raises what `open_stage1` raises, PayloadError and VerificationError.
    """
    stage1 = open_stage1(data, run=run)
    stage1.signals()
    found = stage1.symbol_digest()
    expected = stage1.file.header.extensions.get(numbers.SYMBOLS_DIGEST)
    if expected is not None and expected != found:
        raise VerificationError(source, cast(bytes, expected), found)
    model = stage1.embedding.setup.model
    return {
        "embedding": stage1.spec.name,
        "parse_class": stage1.spec.parse_class,
        "model": model.digest if model else None,
        "symbols": found.hex(),
        "proved": expected is not None,
    }


def _build(spec: EmbeddingSpec, setup: Setup) -> Embedding:
    return cast(Embedding, load_object(spec.name, spec.implementation)(setup))


def _reconstructor(spec: ReconstructorSpec, setup: Setup) -> Reconstructor:
    return cast(Reconstructor, load_object(spec.name, spec.implementation)(setup))


def _choose(header: gcx.Header, wanted: str | None) -> tuple[str, Mapping[str, Any], bool]:
    """Return reconstructor, suggested settings, and whether the suggestion is followed."""
    suggestion = header.extensions.get(numbers.RECONSTRUCTOR)
    name, settings = cast(tuple[str, Mapping[str, Any]], suggestion or (_FAITHFUL, {}))
    if wanted is not None and wanted != name:
        return wanted, {}, False
    return name, settings, suggestion is not None and wanted is None
