"""The codec proper: from samples to a stream and back. spec/embeddings/lossless.md is normative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gcodec.errors import PayloadError
from gcodec_lossless import repeats
from gcodec_lossless.beside import Beside
from gcodec_lossless.coder import NAME, Coder, Reader, Writer
from gcodec_lossless.features import ORDER, Context
from gcodec_lossless.network import Network
from gcodec_lossless.origin import KINDS, origin
from gcodec_lossless.waves import Ints, waves

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


@dataclass(frozen=True)
class Coded:
    """A stream, and which way it was made."""

    way: int
    stream: bytes


def written(network: Network, samples: Ints, top: int, beside: Beside | None = None) -> Coded:
    """The shortest stream of samples from 0 to `top`, int64 [channels, height, width]."""
    found = _by_origin(network, samples, top, beside)
    if found is None:
        way, network, side = _law(network, PLAIN, beside)
        found = Coded(way, by_law(network, samples, top, side))
    listed = repeats.few(samples)
    if listed is None:
        return found
    return min(Coded(REPEATS, _by_list(*listed, top)), found, key=lambda one: len(one.stream))


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
    if coded.way == REPEATS:
        listed = repeats.colours(reader, channels, top, None)
        numbers = np.zeros((1, height, width), np.int64)
        repeats.walk(reader, len(listed), _upright(numbers)[0], known=False)
        samples = listed[numbers[0]].transpose(2, 0, 1)
    else:
        samples = np.zeros((channels, height, width), np.int64)
        origin = coded.way % BESIDE
        _, network, side = _law(network, origin, beside)
        _walk(network, reader, _upright(samples), top, known=False, side=side)
        if origin != PLAIN:
            samples = _corrected(reader, KINDS[origin].colours(samples)[list(ORDER)], None)
    reader.finish()
    return samples


def by_law(network: Network, samples: Ints, top: int, side: Ints | None = None) -> bytes:
    """The stream of samples as they are. side: what a network that sees a companion is shown of it."""
    writer = Writer()
    _walk(network, writer, _upright(samples).copy(), top, known=True, side=side)
    return writer.finish()


def _law(network: Network, origin: int, beside: Beside | None) -> tuple[int, Network, Ints | None]:
    """The way, the network, and what it is shown of a companion, of samples as they are or of those of an origin."""
    if beside is None:
        return origin, network, None
    side = KINDS[origin].parts(beside.picture) if origin else beside.numbers
    return BESIDE + origin, beside.network, side


def _by_origin(network: Network, samples: Ints, top: int, beside: Beside | None) -> Coded | None:
    if len(samples) != len(ORDER) or top != 255:
        return None
    found = origin(samples[list(ORDER)])
    if found is None:
        return None
    writer = Writer()
    way, network, side = _law(network, found.kind.number, beside)
    _walk(network, writer, _upright(found.parts).copy(), top, known=True, side=side)
    _corrected(writer, found.kind.colours(found.parts)[list(ORDER)], samples)
    return Coded(way, writer.finish())


def _by_list(listed: Ints, numbers: Ints, top: int) -> bytes:
    writer = Writer()
    repeats.colours(writer, listed.shape[1], top, listed)
    repeats.walk(writer, len(listed), _upright(numbers[None])[0].copy(), known=True)
    return writer.finish()


def _upright(samples: Ints) -> Ints:
    """No more rows than columns, so that there are few waves."""
    return samples.transpose(0, 2, 1) if samples.shape[1] > samples.shape[2] else samples


def _corrected(coder: Coder, made: Ints, wanted: Ints | None) -> Ints:
    """Samples [3, H, W], where those of luma and chromas are not right: of few pixels, one after the other."""
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
    flat = flat.copy()
    flat[:, places] += steps.reshape(len(made), -1)
    if flat.min() < 0 or flat.max() > 255:
        raise PayloadError(NAME, "a sample beyond 0 to 255")
    return flat.reshape(made.shape)


def _walk(
    network: Network, coder: Coder, samples: Ints, top: int, known: bool, side: Ints | None
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
