"""Where the signals for a test of stage 2 come from: installed embeddings, and one that needs none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.pipeline.binding import Ways, bind, ways
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.resolver import matrix, resolve
from gcodec.pipeline.stage1 import open_stage1
from gcodec.pipeline.stage2 import checked, open_stage2
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview, Signal
from gcodec.testing import pictures

if TYPE_CHECKING:
    from gcodec.plugin import ReconstructorSpec
    from gcodec.signals import FloatArray

__all__ = [
    "BLURRED",
    "bound",
    "file_of",
    "reconstruct",
    "reconstruct_all",
    "signals_of",
    "sources_for",
]

#: A preview made by blurring, with its measured error: there is always one source, whatever is installed.
BLURRED = "blurred"

#: Size of the picture behind `BLURRED`.
SIZE = Size(64, 96)


def sources_for(spec: ReconstructorSpec, among: Sequence[str] | None) -> list[str]:
    """Return the names of all sources from which a path leads to a reconstructor.

    among: the embeddings to consider; None for all that are installed.
    """
    found = [
        row.embedding
        for row in matrix(registry())
        if row.reconstructor == spec.name and row.path and (among is None or row.embedding in among)
    ]
    reachable = resolve(("preview",), *bound(spec)) is not None
    return [BLURRED, *found] if reachable else found


def bound(spec: ReconstructorSpec) -> tuple[ReconstructorSpec, Ways]:
    """Return a spec, bound to its own model, and what may lead to it."""
    made = bind(spec, None, ModelStore.installed())
    return made.spec, ways(registry(), made)


def file_of(source: str, image: pictures.Image, quality: float) -> bytes | None:
    """Return `image` as a file of an embedding; None for `BLURRED`."""
    if source == BLURRED:
        return None
    return encode(pictures.as_picture(image), source, target=Target(quality=quality)).data


def signals_of(
    source: str, file: bytes | None, size: Size = SIZE, scene: int = 0
) -> tuple[tuple[Signal, ...], Size]:
    """Return the signals of a file, or those of `BLURRED` at `size`, and the size of the picture."""
    if source == BLURRED:
        image = pictures.photograph(*size, scene)
        original = pictures.as_picture(image).pixels
        coarse = pictures.as_picture(pictures.blurred(image)).pixels
        mse = float(np.mean(np.square(coarse - original), dtype=np.float64))
        return (Preview(coarse, mse),), size
    assert file is not None
    stage1 = open_stage1(file)
    return stage1.signals(), stage1.file.header.size


def reconstruct(
    name: str,
    signals: Iterable[Signal],
    size: Size,
    options: Mapping[str, Any],
    run: Run,
) -> FloatArray:
    """Do what `gcodec.pipeline.decoding.decode` does after stage 1."""
    return reconstruct_all(name, [signals], size, options, run)[0]


def reconstruct_all(
    name: str,
    several: Sequence[Iterable[Signal]],
    size: Size,
    options: Mapping[str, Any],
    run: Run,
) -> list[FloatArray]:
    """Do that for several pictures at once."""
    spec, found = bound(registry().reconstructor(name))
    stage2 = open_stage2(checked(spec, options), found, run=run)
    return stage2.reconstruct([stage2.feed(signals, size) for signals in several])
