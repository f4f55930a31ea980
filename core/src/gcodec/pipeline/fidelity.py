"""How far each pixel of a decoded picture may be from the original, as the receiver can tell without it.

With X* the preview, D its stated squared error, X_alpha the decoded picture and p a pixel,

    s(p)^2 = D(p) + |X_alpha - X*|^2 around p        D(p) = D g(p) / mean of g

The first term is what was not sent, the second what the reconstructor put in its place: the two add up because nobody can
guess from the preview in what it errs (`gcodec.pipeline.stage2`). An embedding errs more where its preview is busy, and how
much more has been measured on photographs: g is the exponential of

    sum over j of (w_j + v_j l) f_j        l = log2 D,   f = t1, t2, t1^2, t2^2,   t = log2(A / D + 0.003), at most 8

with A the squared gradient of the preview, averaged over 3x3 pixels (t1) and over 25x25 (t2), D in squared levels of 8 bits.
What an embedding says of its error may be off by a factor that its rate decides: D is 2^(b + c l) of what is stated.
`EmbeddingSpec.spread` is (b, c, w_1, ..., w_4, v_1, ..., v_4). docs/fidelity.py fits and checks them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from gcodec.errors import InvalidArgument, OutputError, Unmeasured
from gcodec.files import atomic_write
from gcodec.pipeline.binding import bind, ways
from gcodec.pipeline.origin import FAITHFUL
from gcodec.pipeline.resolver import adapt
from gcodec.pipeline.stage1 import Stage1, open_stage1
from gcodec.plugin import EmbeddingSpec
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = [
    "FORMATS",
    "expected_error",
    "expectation",
    "features",
    "fidelity_of",
    "preview_of",
    "saving_fidelity",
    "suffix_of",
]

#: Suffixes of files with a map.
FORMATS = (".png", ".npy")

_WHITE = 255.0
_UNIT = 256  # of a PNG: so many steps of gray are one level of 8 bits
_SIDES = (3, 25)
_NEAR = 9
_FLOOR, _MOST = 0.003, 8.0


def expectation(stage1: Stage1) -> Callable[[Preview, FloatArray], FloatArray]:
    """Return `expected_error` under the law of the embedding that wrote a file. Raises Unmeasured where there is none."""
    spec, setup = stage1.main.spec, stage1.main.embedding.setup
    own = spec.profiles[-1].model if spec.profiles else spec.model
    measured = setup.run.models.find(own).digest if own else None
    if spec.spread and measured == (setup.model.digest if setup.model else None):
        return partial(expected_error, spread=spec.spread)
    known = registry().usable(EmbeddingSpec).values()
    raise Unmeasured(spec.name, [other.name for other in known if other.spread], bool(spec.spread))


def expected_error(preview: Preview, pixels: FloatArray, spread: tuple[float, ...]) -> FloatArray:
    """Return the root of the squared error to expect, averaged over the channels: float32 [H, W], levels of 8 bits.

    pixels  the picture that was made of `preview`, float32 [3, H, W] in [0, 1].
    """
    added = _around(np.mean(np.square(pixels - preview.pixels), 0) * _WHITE**2, _NEAR)
    stated = preview.mse * _WHITE**2
    if stated > 0:
        level = np.log2(stated)
        b, c, *law = spread
        shape = np.exp(features(preview.pixels, stated) @ _weights(law, level))
        added += stated * 2 ** (b + c * level) * shape / shape.mean()
    error: FloatArray = np.sqrt(added, dtype=np.float32)
    return error


def fidelity_of(data: bytes, pixels: FloatArray, run: Run | None = None) -> FloatArray:
    """Return `expected_error` of a picture that was decoded from the file `data` before.

    Raises as `decode` does, and InvalidArgument for a picture of another size.
    """
    stage1 = open_stage1(data, run=run)
    if pixels.shape[1:] != tuple(stage1.file.header.size):
        raise InvalidArgument("the picture has another size than the file")
    return expectation(stage1)(preview_of(stage1), pixels)


def preview_of(stage1: Stage1) -> Preview:
    """Decode stage 1 to its preview. Raises PayloadError, NoPath."""
    run = stage1.main.embedding.setup.run
    receiver = bind(registry().reconstructor(FAITHFUL), None, run.models)
    found = ways(registry(), *(part.bound for part in stage1.parts), receiver)
    made, _ = adapt(stage1.signals(), receiver.spec, stage1.file.header.size, run, found)
    return cast(Preview, made[Preview.kind])


def features(pixels: FloatArray, stated: float) -> FloatArray:
    """Return f of each pixel, float32 [H, W, 4], of a preview whose squared error in levels of 8 bits is `stated` > 0."""
    energy = np.zeros(pixels.shape[1:], np.float32)
    for axis in (1, 2):
        steps = np.mean(np.square(np.diff(pixels, axis=axis)), 0)
        before, after = ([(0, 0), (0, 0)] for _ in range(2))
        before[axis - 1], after[axis - 1] = (1, 0), (0, 1)
        energy += np.pad(steps, before) + np.pad(steps, after)
    energy *= _WHITE**2 / 4 / stated
    t = np.log2(np.stack([_around(energy, side) for side in _SIDES], -1) + _FLOOR)
    np.minimum(t, _MOST, out=t)
    found: FloatArray = np.concatenate([t, np.square(t)], -1).astype(np.float32)
    return found


@contextmanager
def saving_fidelity(
    error: FloatArray, target: str | Path, *, force: bool = False
) -> Iterator[None]:
    """Write what `expected_error` returns: gray of 16 bits as PNG, in steps of 1/256 level, or float32 as NPY.

    The file appears when the block ends, in which the picture is written: both are there, or neither.

    Raises OutputError, OutputExists.
    """
    stream = io.BytesIO()
    if suffix_of(target) == ".npy":
        np.save(stream, error)
    else:
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        said = PngInfo()
        said.add_text(
            "gcodec:fidelity", f"root mean square error to expect, {_UNIT} to a level of 8 bits"
        )
        gray = np.minimum(np.rint(error * _UNIT), 65535).astype(np.uint16)
        Image.fromarray(gray).save(stream, "PNG", pnginfo=said)
    with atomic_write(target, force=force) as file:
        file.write(stream.getvalue())
        file.flush()
        yield


def suffix_of(target: str | Path) -> str:
    """Return which of `FORMATS` a file is to have by its name. Raises OutputError."""
    suffix = Path(target).suffix.lower()
    if suffix not in FORMATS:
        raise OutputError(target, f"a fidelity map is written as {' or '.join(FORMATS)}")
    return suffix


def _weights(law: list[float], level: float) -> FloatArray:
    w, v = np.reshape(np.array(law, np.float32), (2, 4))
    found: FloatArray = w + v * np.float32(level)
    return found


def _around(values: FloatArray, side: int) -> FloatArray:
    """Average [H, W] over squares of an odd side around each place, as far as they lie inside."""
    for axis in (0, 1):
        end = np.arange(values.shape[axis]) + side // 2 + 1
        sums = np.cumsum(values, axis, np.float64)
        sums = np.insert(sums, 0, 0, axis)
        low, high = np.maximum(end - side, 0), np.minimum(end, len(end))
        counts = np.expand_dims(high - low, 1 - axis)
        values = ((sums.take(high, axis) - sums.take(low, axis)) / counts).astype(np.float32)
    return values
