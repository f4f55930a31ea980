"""A file opened as far as stage 1 goes: which embeddings wrote it, with which weights, and what they decode to."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import gcodec_formats as gcx
from gcodec.errors import GcodecError, PayloadError, UnknownPlugin, UsageError
from gcodec.files import file_bytes
from gcodec.interfaces import Embedding, Setup
from gcodec.models.devices import check_device
from gcodec.options import check_kinds, check_options
from gcodec.pipeline._container import named_model, with_companions
from gcodec.pipeline.binding import Bound, bind
from gcodec.pipeline.guarded import Guarded
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from pathlib import Path

    from gcodec.interfaces import Size
    from gcodec.plugin import EmbeddingSpec
    from gcodec.signals import Signal

__all__ = ["SYMBOL_DIGEST", "Part", "Stage1", "build", "exact_of", "open_companions", "open_stage1"]

Exact: TypeAlias = Mapping[str, Callable[[], Any]]

#: Bytes of the digest of the symbols in the extension map.
SYMBOL_DIGEST = 8


@dataclass(frozen=True)
class Part:
    """One embedding's share of a file: its spec, bound to the file's model, its implementation, its layers, base first."""

    bound: Bound[EmbeddingSpec]
    embedding: Embedding
    layers: Sequence[bytes]

    @property
    def spec(self) -> EmbeddingSpec:
        return self.bound.spec


@dataclass(frozen=True)
class Stage1:
    """The container and its parts: companions in the order of the file, then the embedding that the header names.

    beside  the signals of the companions.
    """

    file: gcx.File
    parts: tuple[Part, ...]
    beside: tuple[Signal, ...] = ()

    @property
    def main(self) -> Part:
        """The part that the header names."""
        return self.parts[-1]

    @property
    def makes(self) -> tuple[str, ...]:
        """The types of signals that all parts together promise."""
        return tuple(name for part in self.parts for name in part.spec.makes)

    def signals(self) -> tuple[Signal, ...]:
        """Decode stage 1. Raises PayloadError."""
        main = self.main
        return (*self.beside, *main.embedding.decode(main.layers, self.file.header.size))

    def refine(self, every: int) -> Iterator[tuple[int, tuple[Signal, ...]]]:
        """Decode stage 1 after every so many layers of the main part, and after the last: (layers, signals).

        Raises PayloadError.
        """
        size = self.file.header.size
        total = len(self.main.layers)
        counts = [*range(every, total, every), total]
        refined = self.main.embedding.refine(self.main.layers, counts, size)
        for count, signals in zip(counts, refined, strict=True):
            yield count, (*self.beside, *signals)

    def symbol_digest(self) -> bytes:
        """Return the first 8 bytes of the SHA-256 of all parts' decoded symbols. Raises PayloadError."""
        size = self.file.header.size
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(part.embedding.symbols(part.layers, size))
        return digest.digest()[:SYMBOL_DIGEST]


def open_stage1(
    data: bytes | str | Path,
    *,
    run: Run | None = None,
    partial: bool = False,
    companions: Sequence[bytes | str | Path] = (),
) -> Stage1:
    """Read a file, from a path or from its bytes, find the embeddings that wrote it and the models that it names.

    partial     accept a truncated progressive file as far as whole segments go.
    companions  files that were left out of this one. It is warned of where it does without them.

    Companions are decoded at once, because the main embedding may build on what they say.
    Raises FormatError, UnknownPlugin, UnknownProfile, UnusablePlugin, ModelMissing, ModelDamaged, and PayloadError
    of a companion, or where not even the first layer is whole; InvalidArgument for what is no file and no Run, and
    InvalidOption for a device that is not here. Of `companions` what `companion_bodies` raises, and UsageError where
    files of this embedding never go without theirs.
    """
    check_kinds(Run, NoneType, run=run)
    check_kinds(list, tuple, companions=companions)
    run = run or Run()
    check_device(run.device, here=True)
    file = gcx.read(file_bytes(data), limits=run.limits, partial=partial)
    run = run.with_seed(cast(int, file.header.extensions.get(numbers.SEED, 0)))
    if companions:
        file = with_companions(file, companions, run)
    parts, beside = open_companions(file.bodies(gcx.COMPANION), file.header.size, run)
    try:
        exact = exact_of(parts, file.header.size)
        main = _part(file.header.identity, file.bodies(gcx.MAIN), run, beside, exact)
    except UnknownPlugin as error:
        claimed = file.header.extensions.get(numbers.PACKAGE)
        if claimed is None:
            raise
        raise UnknownPlugin(error.kind, error.name, claimed=str(claimed)) from error
    if not main.layers:
        raise PayloadError(main.spec.name, "the file ends before the first whole layer")
    if companions and not main.spec.apart:
        raise UsageError(
            f"a file of '{main.spec.name}' has all companions inside; leave --companion out"
        )
    if companions and main.embedding.alone(main.layers):
        warnings.warn("the file was made without a companion: none is needed", stacklevel=2)
    return Stage1(file, (*parts, main), beside)


def open_companions(
    bodies: Iterable[bytes], size: Size, run: Run
) -> tuple[tuple[Part, ...], tuple[Signal, ...]]:
    """Return the embeddings in the bodies of companion segments, and the signals of all.

    Raises what `open_stage1` does, and says that it is of a companion: the main embedding may be another file of its kind.
    """
    companions = [gcx.unpack_companion(body) for body in bodies]
    parts: list[Part] = []
    signals: list[Signal] = []
    for identity, layers in groupby(companions, key=lambda companion: companion[0]):
        try:
            parts.append(_part(identity, tuple(payload for _, payload in layers), run))
            signals += parts[-1].embedding.decode(parts[-1].layers, size)
        except GcodecError as error:
            error.args = (f"companion: {error}",)
            raise
    return tuple(parts), tuple(signals)


def exact_of(parts: Iterable[Part], size: Size) -> Exact:
    """`Setup.exact` of companions."""
    return {part.spec.name: partial(part.embedding.exact, part.layers, size) for part in parts}


def build(spec: EmbeddingSpec, setup: Setup) -> Embedding:
    """Import and set up the implementation of an embedding, guarded. Raises UnusablePlugin and PluginError."""
    setup = replace(setup, run=setup.run.exact)
    return Guarded(spec, setup, bind(spec, setup.model, setup.run.models).spec.contents)


def _part(
    identity: gcx.Identity,
    layers: Sequence[bytes],
    run: Run,
    beside: tuple[Signal, ...] = (),
    exact: Exact = MappingProxyType({}),
) -> Part:
    if identity.id is None:
        spec = registry().embedding(cast(str, identity.name))
    else:
        spec = registry().embedding_by_id(identity.id)
    weights = named_model(spec, identity, run)
    options = check_options(spec.name, spec.options, {})
    made = build(spec, Setup(run, options, weights, beside, exact))
    return Part(bind(spec, weights, run.models), made, layers)
