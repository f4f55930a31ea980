"""The codec proper: from samples to a stream and back. spec/embeddings/lossless.md is normative."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import PayloadError
from gcodec_lossless import repeats
from gcodec_lossless.beside import MARK, Beside
from gcodec_lossless.coder import NAME, Coder, Reader, Writer
from gcodec_lossless.features import ORDER, Context
from gcodec_lossless.network import Network
from gcodec_lossless.origin import KINDS, origin
from gcodec_lossless.waves import Ints, in_strips, waves

__all__ = [
    "NAME",
    "BESIDE",
    "PLAIN",
    "REPEATS",
    "WAYS",
    "Coded",
    "by_law",
    "read",
    "written",
]

#: How samples are coded: under the law of the network; as luma and chromas under it; as numbers of a list of colours.
PLAIN, REPEATS = 0, 16
#: Added to the first four: under the law that sees a companion too.
BESIDE = 32
WAYS = (*KINDS, REPEATS, *(BESIDE + way for way in (PLAIN, *KINDS)))

#: A law that sees a companion and that without are tried on four parts of the picture, each an eighth of it a side, unless
#: that is less than so many pixels; the whole is coded under both but where one is clearly the shorter, by so much.
_PART, _LEAST, _CLEAR = 8, 48, 0.02
#: By way: a network, and what it is shown of a companion.
_Laws: TypeAlias = "dict[int, tuple[Network, NDArray[Any] | None]]"


@dataclass(frozen=True)
class Coded:
    """A stream, and which way it was made."""

    way: int
    stream: bytes


def written(network: Network, samples: Ints, top: int, beside: Beside | None = None) -> Coded:
    """The shortest stream of samples from 0 to `top`, int64 [channels, height, width]; a companion may save nothing."""
    found = []
    listed = repeats.few(samples)
    if listed is not None:
        found.append(Coded(REPEATS, _by_list(*listed, top)))
    known = origin(samples[list(ORDER)]) if len(samples) == len(ORDER) and top == 255 else None
    kind, planes = (known.kind, known.parts) if known else (None, samples)
    laws: _Laws = {PLAIN: (network, None)}
    if beside is not None:
        laws[BESIDE] = beside.network, beside.numbers(kind, len(samples))
    for way, (law, side) in _worth(laws, planes, top).items():
        writer = Writer()
        _walk(law, writer, _upright(planes).copy(), top, known=True, side=side)
        if kind:
            _corrected(writer, kind.colours(planes)[list(ORDER)], samples)
        found.append(Coded(way + (kind.number if kind else PLAIN), writer.finish()))
    return min(found, key=lambda one: len(one.stream) + (MARK if one.way & BESIDE else 0))


def read(
    network: Network,
    coded: Coded,
    channels: int,
    height: int,
    width: int,
    top: int,
    beside: Beside | None = None,
) -> Ints:
    """The samples of a stream. Raises PayloadError for what `written` cannot have made."""
    reader = Reader(coded.stream)
    samples: NDArray[Any]
    if coded.way == REPEATS:
        listed = repeats.colours(reader, channels, top, None)
        numbers = np.zeros((1, height, width), np.int64)
        repeats.walk(reader, len(listed), _upright(numbers)[0], known=False)
        samples = listed[numbers[0]].transpose(2, 0, 1)
    else:
        samples = np.zeros((channels, height, width), np.uint16)
        kind, side = KINDS.get(coded.way % BESIDE), None
        if coded.way & BESIDE and beside is not None:
            network, side = beside.network, beside.numbers(kind, channels)
        _walk(network, reader, _upright(samples), top, known=False, side=side)
        if kind:
            made = in_strips(lambda parts: kind.colours(parts)[list(ORDER)], samples, channels)
            samples = _corrected(reader, made, None)
    reader.finish()
    return samples


def by_law(network: Network, samples: Ints, top: int, side: NDArray[Any] | None = None) -> bytes:
    """The stream of samples as they are. side: what a network that sees a companion is shown of it."""
    writer = Writer()
    _walk(network, writer, _upright(samples).copy(), top, known=True, side=side)
    return writer.finish()


def _worth(laws: _Laws, planes: Ints, top: int) -> _Laws:
    """Those laws that may be the shortest, by what they make of parts of the picture; of a small one all."""
    sides = planes.shape[1:]
    part = [side // _PART for side in sides]
    if len(laws) == 1 or min(part) < _LEAST:
        return laws
    begins = (
        (side * k // 4 - size // 2 for k in (1, 3)) for side, size in zip(sides, part, strict=True)
    )
    places = [
        (..., slice(row, row + part[0]), slice(left, left + part[1]))
        for row, left in product(*begins)
    ]
    sizes = {
        way: sum(
            len(by_law(law, planes[place], top, None if side is None else side[place]))
            for place in places
        )
        for way, (law, side) in laws.items()
    }
    most = (1 + _CLEAR) * min(sizes.values())
    return {way: law for way, law in laws.items() if sizes[way] <= most}


def _by_list(listed: Ints, numbers: Ints, top: int) -> bytes:
    writer = Writer()
    repeats.colours(writer, listed.shape[1], top, listed)
    repeats.walk(writer, len(listed), _upright(numbers[None])[0].copy(), known=True)
    return writer.finish()


def _upright(samples: NDArray[Any]) -> NDArray[Any]:
    """No more rows than columns, so that there are few waves."""
    return samples.transpose(0, 2, 1) if samples.shape[1] > samples.shape[2] else samples


def _corrected(coder: Coder, made: NDArray[Any], wanted: Ints | None) -> NDArray[Any]:
    """Samples [3, H, W] from 0 to 255, in place, where luma and chromas do not make them right: few, one after the other."""
    flat = made.reshape(len(made), -1)
    places = steps = None
    if wanted is not None:
        places = np.flatnonzero((made != wanted).any(0))
        steps = (wanted - made).reshape(len(made), -1)[:, places].ravel()
        steps = np.where(steps < 0, -2 * steps - 1, 2 * steps)
    (count,) = coder.naturals(1, None if places is None else np.array([places.size]))
    if count > flat.shape[1]:
        raise PayloadError(NAME, f"{count} pixels to put right, of {flat.shape[1]}")
    gaps = coder.naturals(count, None if places is None else np.diff(places, prepend=-1) - 1)
    places = np.cumsum(gaps + 1) - 1
    if count and places[-1] >= flat.shape[1]:
        raise PayloadError(NAME, f"a pixel to put right beyond {flat.shape[1]}")
    steps = coder.naturals(count * len(made), steps)
    steps = np.where(steps & 1, -(steps + 1) // 2, steps // 2)
    right = flat[:, places] + steps.reshape(len(made), -1)
    if count and (right.min() < 0 or right.max() > 255):
        raise PayloadError(NAME, "a sample beyond 0 to 255")
    flat[:, places] = right
    return made


def _walk(
    network: Network,
    coder: Coder,
    samples: NDArray[Any],
    top: int,
    known: bool,
    side: NDArray[Any] | None,
) -> None:
    """All samples in coding order, from or into `samples`, upright; `side` is not."""
    channels, height, width = samples.shape
    context = Context(height, channels, top, None if side is None else _upright(side))
    for wave in waves(height, width):
        shared = network.trunk(context.seen(wave))
        place = wave.rows, wave.columns
        for index in range(channels):
            law = network.law(index, shared, context.channel(), top)
            wanted = samples[index][place] if known else None
            found = coder.samples(law, wanted)
            if not known:
                if found.min() < 0 or found.max() > top:
                    raise PayloadError(NAME, f"a sample beyond 0 to {top}")
                samples[index][place] = found
            context.found(found)
        context.done(wave)
