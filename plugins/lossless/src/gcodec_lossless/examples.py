"""What a network is trained on: pixels of photographs, with all that `gcodec_lossless.features` sees of them.

A photograph that was compressed before is smoother than one from a camera. So it is made smaller, by 1.3 to 2.6, nine times
of ten, and in six of ten some of many kinds of grain are added: white or coloured, finer or coarser, more of it in bright
places or the same everywhere. One of twenty gets 16 bits, six of a hundred are gray, and two of five are luma and chromas.
A law that sees a companion learns from what another embedding makes of the same part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gcodec_lossless.beside import numbers
from gcodec_lossless.features import CHANNELS, EXTRAS, ORDER, SEEN, Context
from gcodec_lossless.origin import KINDS, Kind
from gcodec_lossless.waves import Ints, waves

__all__ = ["Companion", "Examples", "examples", "seen_of"]

#: What another embedding makes of a picture, both int64 [3, H, W] of red, green, blue, 0 to 255.
Companion: TypeAlias = Callable[[Ints], Ints]

_FILTERS = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BICUBIC,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)
#: Rows at the top, where little is known yet, of which fewer pixels are taken.
_TOP, _OF_TOP = 10, 0.3


@dataclass(frozen=True)
class Examples:
    """Of n pixels; channels that a gray one lacks are 0.

    seen      int16 [n, SEEN], and extras int16 [n, sum(EXTRAS)]: inputs, in 1/64.
    near      int32 [3, n, 3]: predictions, spreads, logarithms of the spreads.
    samples   int32 [n, 3].
    channels  int8 [n].
    top       int32 [n].
    """

    seen: NDArray[Any]
    extras: NDArray[Any]
    near: NDArray[Any]
    samples: NDArray[Any]
    channels: NDArray[Any]
    top: NDArray[Any]


def seen_of(picture: Ints, top: int, beside: Ints | None = None) -> Examples:
    """All pixels of [channels, H, W] in coding order of channels, row by row. beside: as of `Context`."""
    channels, height, width = picture.shape
    counts = EXTRAS[beside is not None]
    seen = np.zeros((height, width, SEEN[beside is not None]), np.int16)
    extras = np.zeros((height, width, sum(counts)), np.int16)
    near = np.zeros((3, height, width, CHANNELS), np.int32)
    context = Context(height, channels, top, beside)
    for wave in waves(height, width):
        place = wave.rows, wave.columns
        seen[place] = context.seen(wave).T
        begin = 0
        for index in range(channels):
            channel = context.channel()
            extras[(*place, slice(begin, begin + counts[index]))] = channel.extras.T
            begin += counts[index]
            near[(slice(None), *place, index)] = channel.prediction, channel.spread, channel.level
            context.found(picture[index][place])
        context.done(wave)
    count = height * width
    samples = np.zeros((count, CHANNELS), np.int32)
    samples[:, :channels] = picture.reshape(channels, -1).T
    return Examples(
        seen.reshape(count, -1),
        extras.reshape(count, -1),
        near.reshape(3, count, -1),
        samples,
        np.full(count, channels, np.int8),
        np.full(count, top, np.int32),
    )


def examples(
    photo: NDArray[np.uint8],
    size: tuple[int, int],
    share: float,
    rng: Any,
    companion: Companion | None = None,
) -> Examples:
    """Of a photograph [H, W, 3] a part of at most `size`, changed at random, and of its pixels a share."""
    picture, top, kind = _changed(photo, size, rng)
    made = seen_of(picture, top, companion and _beside(companion, picture, top, kind))
    height, width = picture.shape[1:]
    kept = rng.random((height, width)) < share
    kept[:_TOP] &= rng.random((len(kept[:_TOP]), width)) < _OF_TOP
    which = rng.permutation(np.flatnonzero(kept))
    return Examples(
        made.seen[which],
        made.extras[which],
        made.near[:, which],
        made.samples[which],
        made.channels[which],
        made.top[which],
    )


def _beside(companion: Companion, picture: Ints, top: int, kind: Kind | None) -> Ints:
    if kind:
        return numbers(companion(kind.colours(picture)), kind)
    colours = picture[list(ORDER) if len(picture) == CHANNELS else [0, 0, 0]]
    return numbers(companion(colours // (top // 255)), None, len(picture), top)


def _changed(
    photo: NDArray[np.uint8], size: tuple[int, int], rng: Any
) -> tuple[Ints, int, Kind | None]:
    smaller = 1.0 if rng.random() < 0.1 else rng.uniform(1.3, 2.6)
    samples = photo.astype(np.float32)
    if smaller > 1:
        height, width = (max(1, int(side / smaller)) for side in photo.shape[:2])
        how = _FILTERS[rng.integers(len(_FILTERS))]
        made = [Image.fromarray(samples[..., c]).resize((width, height), how) for c in range(3)]
        samples = np.stack([np.asarray(plane) for plane in made], 2)
    if rng.random() < 0.5:
        samples = samples.transpose(1, 0, 2)
    if rng.random() < 0.5:
        samples = samples[:, ::-1]
    height, width = (min(n, m) for n, m in zip(size, samples.shape, strict=False))
    top_row, left = (
        rng.integers(m - n + 1) for n, m in zip((height, width), samples.shape, strict=False)
    )
    samples = samples[top_row : top_row + height, left : left + width]
    if rng.random() < 0.6:
        samples = samples + _grain(samples, rng)
    top = 255
    if smaller > 1 and rng.random() < 0.05:
        samples, top = samples * 257, 65535
    if top == 255 and rng.random() < 0.4:
        kind = KINDS[int(rng.integers(1, 3))]
        return _parts(kind, samples.transpose(2, 0, 1), rng), top, kind
    whole = np.clip(np.rint(samples), 0, top).astype(np.int64)
    planes = whole.transpose(2, 0, 1)[list(ORDER)]
    return (planes[:1] if rng.random() < 0.06 else planes), top, None


def _parts(kind: Kind, colours: NDArray[Any], rng: Any) -> Ints:
    """Luma and chromas; the latter, two times of three, of half the rows and columns, and made larger again."""
    planes = kind.real(colours.reshape(3, -1)).reshape(colours.shape)
    parts = np.rint(planes)
    if rng.random() < 0.67:
        beside = (
            rng.random() < 0.5
        )  # a chroma lies between four lumas, or where the first of them is
        for axis in (1, 2):
            parts[1:] = np.rint(_halved(planes[1:] if axis == 1 else parts[1:], axis, beside))
    return np.clip(parts, 0, 255).astype(np.int64)


def _halved(planes: NDArray[Any], axis: int, beside: bool) -> NDArray[Any]:
    """Every second value along an axis kept, and those between found of them."""
    size = planes.shape[axis]
    index = np.arange(0, size + 1, 2)
    a, b = (planes.take(np.minimum(index + k, size - 1), axis) for k in (0, 1))
    kept = (
        np.rint((a + b) / 2)
        if beside
        else np.rint((2 * a + b + planes.take(np.abs(index - 1), axis)) / 4)
    )
    where = (np.arange(size) - 0.5 if beside else np.arange(size)) / 2
    low = np.clip(np.floor(where), 0, len(index) - 2).astype(int)
    share = np.clip(where - low, 0, 1)
    share = share[:, None] if axis == 1 else share
    return np.asarray(kept.take(low, axis) * (1 - share) + kept.take(low + 1, axis) * share)


def _grain(samples: NDArray[Any], rng: Any) -> NDArray[Any]:
    strength = np.exp(rng.uniform(np.log(0.3), np.log(5)))
    grain = rng.normal(size=samples.shape) * strength
    if rng.random() < 0.5:  # some of it shared by the channels
        grain = grain + rng.normal(size=samples.shape[:2])[..., None] * strength
    if rng.random() < 0.4:  # wider than a pixel
        around = (np.roll(grain, by, axes) for by, axes in ((1, 0), (1, 1), ((1, 1), (0, 1))))
        grain = (grain + sum(around)) / 2
    if rng.random() < 0.5:
        grain = grain * np.sqrt(np.clip(samples, 4, 255) / 128)
    return np.asarray(grain)
