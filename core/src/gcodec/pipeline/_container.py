"""Between pictures, specs and models on one side and the container's values on the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gcodec_formats as gcx
from gcodec.border import of_plugin
from gcodec.errors import (
    ImageError,
    InvalidArgument,
    ModelError,
    ModelMissing,
    UnknownProfile,
    UsageError,
)
from gcodec.files import file_bytes
from gcodec.interfaces import Size
from gcodec.models import DIGEST_PREFIX, Model
from gcodec.options import check_kinds, check_options
from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
from gcodec.registry import load_object, registry
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.run import Run

__all__ = [
    "beside",
    "check_size",
    "companion_bodies",
    "companion_segments",
    "extensions_of",
    "has_weights",
    "identify",
    "named_model",
    "picture_of",
    "weight",
    "with_companions",
]


_BESIDE = {
    gcx.ICC: "its ICC profile",
    gcx.EXIF: "its metadata",
    gcx.XMP: "its metadata",
    gcx.COMPANION: "companions",
    gcx.ALPHA: "its alpha",
}


def check_size(size: Size, run: Run) -> None:
    if max(size) > gcx.MAX_SIDE or size.width * size.height > run.limits.pixels:
        raise ImageError(
            f"{size.width}x{size.height} image",
            f"a file holds at most {gcx.MAX_SIDE} pixels a side and {run.limits.pixels} in all",
        )


def has_weights(spec: EmbeddingSpec | ReconstructorSpec) -> bool:
    """Whether there is a model to choose."""
    if isinstance(spec, ReconstructorSpec):
        return spec.model is not None
    return any((spec.model, spec.finder, *(profile.model for profile in spec.profiles)))


def identify(
    spec: EmbeddingSpec, wanted: str | None, options: Mapping[str, Any], run: Run
) -> tuple[gcx.Identity, Model | None]:
    """Return how the file names stage 1, and its weights: a registered profile if one pins them, else their digest.

    wanted   other weights than the spec's. Raises UsageError where the embedding has none.
    options  of the spec, checked, for its finder.
    """
    if wanted is not None and not has_weights(spec):
        raise UsageError(f"'{spec.name}' has no weights, so there is no model to choose for it")
    name = spec.model if wanted is None else wanted
    model = None if name is None else _model(spec, name, options, run)
    digest = model.digest if model else None
    for profile in reversed(spec.profiles):
        if profile.model == digest and not profile.withdrawn:
            return _identity(spec, profile.id, None), model
    if model is None:
        return _identity(spec, 1, None), None
    return _identity(spec, None, bytes.fromhex(model.digest)[:DIGEST_PREFIX]), model


def _model(spec: EmbeddingSpec, wanted: str, options: Mapping[str, Any], run: Run) -> Model:
    try:
        return run.models.find(wanted)
    except ModelError as error:
        # A folder without model is no model that is damaged: to a finder it may mean something.
        if not (isinstance(error, ModelMissing) or Path(wanted).is_dir()):
            raise
        with of_plugin(spec):
            find = load_object(spec.name, spec.finder) if spec.finder else None
            made = find(wanted, False, options) if find else None
        if made is None:
            raise
        return run.models.find(made)


def _identity(spec: EmbeddingSpec, profile: int | None, digest: bytes | None) -> gcx.Identity:
    name = spec.name if spec.id is None else None
    return gcx.Identity(id=spec.id, name=name, profile=profile, digest=digest)


def named_model(spec: EmbeddingSpec, identity: gcx.Identity, run: Run) -> Model | None:
    """Return the weights that a file names. A digest prefix never matches another model by accident (64 bits)."""
    if identity.digest is not None:
        return run.models.find(identity.digest.hex())
    for profile in spec.profiles:
        if profile.id == identity.profile:
            try:
                return run.models.find(profile.model) if profile.model else None
            except ModelMissing as error:
                if not profile.withdrawn:
                    raise
                digest = profile.model
                raise UnknownProfile(spec.name, profile.id, None, digest, readable=True) from error
    if not spec.profiles and identity.profile == 1:
        return None
    number = identity.profile or 0
    given, package = numbers.profile(spec.name, number), numbers.owner("embedding", spec.name)
    withdrawn = given.digest if given and given.status == "withdrawn" else None
    raise UnknownProfile(spec.name, number, package, withdrawn)


def extensions_of(
    picture: Picture,
    embedding: EmbeddingSpec,
    suggest: str | tuple[str, Mapping[str, Any]] | None,
    run: Run,
) -> dict[int, object]:
    """Return what differs from the defaults; a photograph in 8-bit colour under seed 0 costs nothing."""
    extensions: dict[int, object] = {}
    if run.seed:
        extensions[numbers.SEED] = run.seed
    if suggest:
        pair = (suggest, {}) if isinstance(suggest, str) else suggest
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InvalidArgument(f"suggest is a name, or a name and settings, not {suggest!r:.60}")
        name, settings = pair
        check_kinds(Mapping, settings=settings)
        spec = registry().reconstructor(name)
        values = check_options(spec.name, spec.options, settings)
        extensions[numbers.RECONSTRUCTOR] = [name, {key: values[key] for key in settings}]
    if picture.channels == 1:
        extensions[numbers.CHANNELS] = 1
    if picture.depth != 8:
        extensions[numbers.DEPTH] = picture.depth
    if embedding.package:
        extensions[numbers.PACKAGE] = embedding.package
    return extensions


def beside(picture: Picture, metadata: bool) -> tuple[list[gcx.Segment], list[gcx.Segment]]:
    """Return what stands before and after the layers: profiles first, alpha last, as the spec orders them."""
    from gcodec.pictures._alpha import pack_alpha

    parts = [(gcx.ICC, picture.icc)]
    if metadata:
        parts += [(gcx.EXIF, picture.exif), (gcx.XMP, picture.xmp)]
    before = [gcx.Segment(kind, gcx.pack_metadata(data)) for kind, data in parts if data]
    if picture.alpha is None:
        return before, []
    return before, [gcx.Segment(gcx.ALPHA, pack_alpha(picture.alpha))]


def weight(beside: Sequence[gcx.Segment]) -> str:
    """Say what the segments beside the layers take, as "its ICC profile (540 bytes) and its alpha (94 bytes)"."""
    taken: dict[str, int] = {}
    for segment in beside:
        taken[_BESIDE[segment.type]] = taken.get(_BESIDE[segment.type], 0) + len(segment.data)
    parts = [f"{name} ({size} bytes)" for name, size in taken.items()]
    return " and ".join(parts)


def companion_bodies(
    files: Sequence[bytes | str | Path], size: Size, run: Run, *, chains: bool = False
) -> list[bytes]:
    """Return the bodies of companion segments that hold the layers of finished files, their own companions first.

    chains  take files that have companions themselves, as there are older ones. A companion is told of no other, so what
            was built on one would decode to something else.

    Each error says which file it is about: ImageError where that cannot be read, FormatError, and UsageError for one of
    another size or seed, whose embedding would decode to something else, or for a second one of an embedding and weights,
    whose layers would be taken for more layers of the first.
    """
    bodies: list[bytes] = []
    had: set[gcx.Identity] = set()
    for number, data in enumerate(files, 1):
        name = f"companion {data if isinstance(data, str | Path) else number}"
        try:
            file = gcx.read(file_bytes(data), limits=run.limits)
        except ImageError as error:
            raise ImageError(name, error.reason) from error
        except gcx.FormatError as error:
            error.what = f"{name}: {error.what}"
            raise
        if file.header.size != size:
            here, there = (f"{s.width}x{s.height}" for s in (size, file.header.size))
            raise UsageError(f"{name} is of a picture of {there}, this one has {here}")
        if file.header.extensions.get(numbers.SEED, 0) != run.seed:
            raise UsageError(f"{name} has another seed; encode it with the same --seed")
        identity = file.header.identity
        inside = list(map(bytes, file.bodies(gcx.COMPANION)))
        if inside and not chains:
            raise UsageError(
                f"{name} has a companion itself, of which it is not told here; give one that was made without"
            )
        inside += [gcx.pack_companion(identity, bytes(layer)) for layer in file.bodies(gcx.MAIN)]
        own = {gcx.unpack_companion(body)[0] for body in inside}
        if had & own:
            raise UsageError(
                f"{name}: another of the same embedding and weights is given before it; give one of them"
            )
        had |= own
        bodies += inside
    return bodies


def companion_segments(bodies: Iterable[bytes]) -> list[gcx.Segment]:
    """The segments of companions."""
    return [gcx.Segment(gcx.COMPANION, body) for body in bodies]


def with_companions(file: gcx.File, files: Sequence[bytes | str | Path], run: Run) -> gcx.File:
    """Return a file with the companions that were left out of it. `run` has its seed. Raises as `companion_bodies`."""
    if any(file.bodies(gcx.COMPANION)):
        raise UsageError("the file has its companions inside; give none")
    bodies = companion_bodies(files, file.header.size, run, chains=True)
    return replace(file, segments=(*companion_segments(bodies), *file.segments))


def picture_of(pixels: Any, file: gcx.File, run: Run) -> Picture:
    """Put the reconstruction and what travelled beside it together."""
    from gcodec.pictures import Picture
    from gcodec.pictures._alpha import unpack_alpha

    bodies = {segment.type: bytes(segment.data) for segment in file.segments}

    def metadata(kind: int) -> bytes | None:
        return gcx.unpack_metadata(bodies[kind], run.limits) if kind in bodies else None

    alpha = bodies.get(gcx.ALPHA)
    extensions = file.header.extensions
    if extensions.get(numbers.CHANNELS) == 1:
        # What was gray stays gray, whatever colours a reconstructor thought of.
        pixels = pixels.mean(axis=0, keepdims=True).repeat(3, axis=0)
    return Picture(
        pixels=pixels,
        alpha=None if alpha is None else unpack_alpha(alpha, file.header.size),
        icc=metadata(gcx.ICC),
        exif=metadata(gcx.EXIF),
        xmp=metadata(gcx.XMP),
        channels=cast(Any, extensions.get(numbers.CHANNELS, 3)),
        depth=cast(Any, extensions.get(numbers.DEPTH, 8)),
    )
