"""What is measured: a point is one picture of a series at one target, a series an embedding with a reconstructor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gcodec.errors import ModelError, NoPath
from gcodec.models import ModelStore
from gcodec.options import CAPTIONER, check_options
from gcodec.pipeline.ratecontrol import Target
from gcodec.registering import check_installed
from gcodec.registry import registry
from gcodec.signals import kind_and_space
from gcodec_eval import _identity as identity
from gcodec_eval._request import Method, Request

if TYPE_CHECKING:
    from gcodec.pipeline.resolver import Path as SignalPath

__all__ = ["Image", "Point", "Row", "Series", "find_series", "read_digests"]

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """A picture of the folder: its digest, and the stem that files made from it have.

    error  why it cannot be read, where that is so; digest and stem are then empty.
    """

    path: Path
    digest: str
    stem: str
    error: str = ""


@dataclass(frozen=True)
class Series:
    """One embedding with one reconstructor.

    sending    all that decides a file of the embedding but picture and target: options, model, sources and so on.
    receiving  all that decides a picture decoded from such a file but the file.
    error      why there can be none, where that is so; both of them are then empty.
    """

    embedding: Method
    reconstructor: Method
    sending: Row
    receiving: Row
    error: Row | None = None


@dataclass(frozen=True)
class Point:
    """One picture of a series at one target, and what is known of it: each step returns points that know more.

    sent      what the sender said (`_workers.encode_file`): the same in every point of this picture, embedding and target.
    received  what the receiver said (`_workers.decode_file`).
    judged    metric -> what the judge said.

    Each is empty where nothing was done, and {"error": ...} where it failed.
    """

    series: Series
    image: Image
    target: Target
    sent: Row = field(default_factory=dict)
    received: Row = field(default_factory=dict)
    judged: Mapping[str, Row] = field(default_factory=dict)

    @property
    def error(self) -> Row | None:
        """Why there is no decoded picture."""
        if self.image.error:
            return {"kind": "ImageError", "text": f"{self.image.path.name}: {self.image.error}"}
        if self.series.error:
            return self.series.error
        return self.sent.get("error") or self.received.get("error")


def find_series(request: Request, store: ModelStore) -> list[Series]:
    """Return every pair of an embedding and a reconstructor, after a check of each name, option, path and model.

    A pair without a path, or without its model, is one with an error, unless there is no other.
    Raises UnknownPlugin, UnusablePlugin, UnknownOption, InvalidOption, NoPath, ModelMissing, ModelDamaged.
    """
    pairs = [(e, r) for e in request.embeddings for r in request.reconstructors]
    found = []
    for e, r in pairs:
        try:
            found.append(_series(e, r, request, store))
        except (NoPath, ModelError) as error:
            if len(pairs) == 1:
                raise
            reason = {"kind": type(error).__name__, "text": str(error)}
            found.append(Series(e, r, {}, {}, reason))
    return found


def _series(
    embedding: Method, reconstructor: Method, request: Request, store: ModelStore
) -> Series:
    from gcodec.pipeline.resolver import check_pair
    from gcodec.pipeline.stage2 import checked

    sender = registry().embedding(embedding.name)
    receiver = registry().reconstructor(reconstructor.name)
    check_installed([sender, receiver])
    options = check_options(sender.name, sender.options, embedding.options)
    share = checked(receiver, reconstructor.options).share
    # One path for each set of signals that a file may hold.
    paths = check_pair(sender, receiver, registry(), share, request.via)
    adapters = [adapter for path in paths for adapter in path.adapters]
    ours = (sender, *_signals(paths), *_channel(options))
    captioner = options.get(CAPTIONER.name)
    sends = identity.in_play(filter(None, (sender.model, captioner)), store)
    models = (sender.model, receiver.model, *(adapter.model for adapter in adapters))
    receives = identity.in_play(filter(None, models), store)
    sending = {
        "step": "encode",
        "embedding": sender.name,
        "options": options,
        "seed": request.seed,
        "device": request.device,
        "memory": request.memory,
        "models": [model.digest for model in sends],
        "software": identity.software(ours, sends),
    }
    receiving = {
        "step": "decode",
        "reconstructor": receiver.name,
        "options": check_options(receiver.name, receiver.options, reconstructor.options),
        "paths": [path.explain() for path in paths],
        "via": request.via,
        "adapters": [adapter.implementation for adapter in adapters],
        "device": request.device,
        "dtype": request.dtype,
        "memory": request.memory,
        "models": [model.digest for model in receives],
        "software": identity.software((*ours, receiver, *adapters), receives),
    }
    return Series(embedding, reconstructor, sending, receiving)


def _channel(options: Mapping[str, Any]) -> list[Any]:
    """Return the spec of the channel simulator that an embedding's options name, if they do ("trellis:memory=12")."""
    name = str(options.get("channel", "")).partition(":")[0]
    return [spec for spec in registry().channels.values() if spec.name == name]


def _signals(paths: Sequence[SignalPath]) -> list[Any]:
    """Return the specs of the kinds of signals of others that go along paths."""
    types = {t for path in paths for t in (*path.feeds, *(a.source for a in path.adapters))}
    kinds = {kind_and_space(name)[0] for name in types}
    return [s for s in registry().signals.values() if s.name in kinds]


def read_digests(paths: Sequence[Path]) -> list[Image]:
    """Return the pictures with their digests; of one that cannot be read, the reason."""
    found = []
    for path in paths:
        try:
            digest = identity.file_digest(path)
        except OSError as error:
            found.append(Image(path, "", "", f"cannot be read: {error.strerror}"))
            continue
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", path.stem).strip("-")[:40]
        found.append(Image(path, digest, f"{stem}.{digest[:8]}"))
    return found
