"""What the network sees of a pixel, and what its answer is relative to. spec/embeddings/lossless.md, sections 3 to 5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gcodec_lossless.regression import FINE, Elimination, Moments, limited
from gcodec_lossless.waves import Ints, Plane, Wave, offsets

__all__ = ["EXTRAS", "ORDER", "POINT", "SEEN", "Channel", "Context", "logarithm"]

#: Numbers after the binary point of samples and predictions.
POINT = 6
#: Neighbours as (rows up, columns to the right). The first six belong to each channel's regression, ten to the first's.
NEAR = offsets(
    [
        *[(0, -1), (1, 0), (1, -1), (1, 1), (0, -2), (2, 0)],
        *[(1, 2), (2, 1), (1, -2), (2, -1)],
        *[(0, -3), (1, -3), (2, -2), (2, 2), (2, 3), (3, 0), (3, -1), (3, 1)],
    ]
)
_FIRST, _OTHER = 10, 6
_ERRORS = 6
#: Weights of the errors near by in their mean, in eighths.
_WEIGHTS = np.array([2, 2, 1, 1, 1, 1])[:, None, None]
_CLIP = 511
CHANNELS = 3
#: Green first: the others are told what it is.
ORDER = (1, 0, 2)
#: Where a companion's picture is looked at around a pixel: for the first channel, for the others, and for each head.
_FIRST_SIDE = [(up, right) for up in (2, 1, 0, -1, -2) for right in range(-2, 3)]
_OTHER_SIDE = [(up, right) for up in (1, 0, -1) for right in (-1, 0, 1)]
_CROSS = offsets([(0, 0), (0, -1), (1, 0), (0, 1), (-1, 0)])
_AROUND = 2
_SIDES = [offsets(_FIRST_SIDE)] + [offsets(_OTHER_SIDE)] * (CHANNELS - 1)
_SIDE = sum(map(len, _SIDES)) + CHANNELS
#: Inputs of the trunk, and those that the head of each channel has besides: without a companion, and with one.
_SEEN = len(NEAR) * CHANNELS + _ERRORS * CHANNELS + 1 + CHANNELS
SEEN = {False: _SEEN, True: _SEEN + _SIDE}
EXTRAS = {False: (2, 4, 6), True: (7, 10, 13)}


@dataclass(frozen=True)
class Channel:
    """One channel of a wave's pixels, before it is known; [n] each.

    prediction, spread  in 1/64 sample.
    level   logarithm of the spread, in 1/16 octave.
    extras  inputs of the head, [EXTRAS, n], in 1/64.
    """

    prediction: Ints
    spread: Ints
    level: Ints
    extras: Ints


class Context:
    """What is known of a picture of `channels` planes, wave by wave: `seen`, then `channel` and `found` of each plane.

    beside  a companion's picture, int64 [channels, H, W] in 1/64; None: there is none.
    """

    def __init__(self, height: int, channels: int, top: int, beside: Ints | None = None) -> None:
        self._channels, self._top = channels, top << POINT
        middle = (top + 1) << (POINT - 1)
        start = [middle] * channels + [1 << POINT] * channels
        self._beside = None
        if beside is not None:
            start += [1 << POINT] * channels
            around = (0, 0), (_AROUND, _AROUND), (_AROUND, _AROUND)
            self._beside = np.pad(beside, around, mode="edge")
        self._plane = Plane(height, len(start), start)
        sizes = [_FIRST] + [_OTHER] * (channels - 1)
        places = [j * channels + c for c, size in enumerate(sizes) for j in range(size)]
        self._places = np.array(places)
        self._moments = Moments(
            height, len(places) + channels + (0 if beside is None else channels)
        )

    def seen(self, wave: Wave) -> Ints:
        """The trunk's inputs, [SEEN, n], in 1/64."""
        channels, count = self._channels, wave.stop - wave.first
        near = self._plane.near(wave, NEAR)
        samples, errors = near[:, :channels], near[:_ERRORS, channels : 2 * channels]
        self._base = (samples[0] + samples[1]) >> 1
        differences = samples - self._base
        picked = differences.reshape(-1, count)[self._places]
        total = np.abs(picked).sum(0)
        self._scale = (total * ((1 << 16) // len(picked)) >> 16) + (1 << POINT)
        self._inverse = (1 << 30) // self._scale
        shares = self._share(differences)
        self._vector = shares.reshape(-1, count)[self._places]
        side = [] if self._beside is None else self._sides(self._beside, wave)
        if side:
            middle = [values[len(values) // 2] for values in side]
            self._vector = np.concatenate([self._vector, np.stack(middle)])
        self._known: list[Ints] = []
        self._elimination = Elimination(self._moments.matrix(wave), self._vector)
        self._spread = ((np.abs(errors) * _WEIGHTS).sum(0) >> 3) + 4
        self._unit = (1 << 20) // self._spread
        self._errors: list[Ints] = []
        self._exact: list[Ints] = []
        self._levels = logarithm(self._spread)
        seen = np.zeros((SEEN[self._beside is not None], count), np.int64)
        made = seen[:_SEEN]
        lanes = made[: len(NEAR) * CHANNELS].reshape(len(NEAR), CHANNELS, count)
        lanes[:, :channels] = shares
        lanes = made[len(NEAR) * CHANNELS : -1 - CHANNELS].reshape(_ERRORS, CHANNELS, count)
        lanes[:, :channels] = limited((errors * self._unit) >> 14, _CLIP)
        made[-1 - CHANNELS] = logarithm(self._scale) - 128
        made[-CHANNELS : _SEEN - CHANNELS + channels] = self._levels - 128
        if side:
            apart = np.abs(near[:_ERRORS, 2 * channels :]) * _WEIGHTS
            begin = _SEEN
            for values in side:
                seen[begin : begin + len(values)] = values
                begin += len(values)
            spread = (apart.sum(0) >> 3) + 4
            end = len(seen) - CHANNELS
            seen[end : end + channels] = logarithm(spread) - 128
        return seen

    def _sides(self, beside: Ints, wave: Wave) -> list[Ints]:
        """Of each channel what the companion says around the pixels, in shares; and it is kept for their heads."""
        rows, columns = wave.rows + _AROUND, wave.columns + _AROUND

        def values(channel: int, places: Ints) -> Ints:
            found: Ints = beside[channel, rows - places[:, :1], columns + places[:, 1:]]
            return found

        self._cross = [values(c, _CROSS) for c in range(self._channels)]
        return [
            self._share(values(c, places) - self._base[c])
            for c, places in zip(range(self._channels), _SIDES, strict=False)
        ]

    def _share(self, differences: Ints) -> Ints:
        return limited((differences * self._inverse) >> 24, _CLIP)

    def channel(self) -> Channel:
        """The next channel."""
        index = len(self._known)
        shift = self._elimination.predict()
        shift = limited(shift, 16 << FINE)
        prediction = self._base[index] + ((shift * self._scale) >> FINE)
        self._prediction = np.minimum(np.maximum(prediction, 0), self._top)
        extras = [limited(shift >> 6, _CLIP), self._levels[index] - 128]
        for value, error, unit in zip(self._known, self._errors, self._unit, strict=False):
            extras += [value, limited((error * unit) >> 14, _CLIP)]
        if self._beside is not None:
            away = (self._cross[index] - self._prediction) * self._unit[index]
            extras += [*limited(away >> 14, _CLIP)]
            for exact, cross, unit in zip(self._exact, self._cross, self._unit, strict=False):
                extras.append(limited(((exact - cross[0]) * unit) >> 14, _CLIP))
        return Channel(self._prediction, self._spread[index], self._levels[index], np.stack(extras))

    def found(self, samples: Ints) -> None:
        """The samples of the channel asked for last, [n]."""
        exact = samples << POINT
        share = self._share(exact - self._base[len(self._known)])
        self._elimination.found(share)
        self._errors.append(exact - self._prediction)
        self._known.append(share)
        self._exact.append(exact)

    def done(self, wave: Wave) -> None:
        """All channels of the wave are known."""
        known = self._exact + self._errors
        if self._beside is not None:
            known += [x - c[0] for x, c in zip(self._exact, self._cross, strict=True)]
        self._plane.put(wave, np.stack(known))
        self._moments.add(wave, np.concatenate([self._vector, np.stack(self._known)]))


def logarithm(values: Ints) -> Ints:
    """16 log2 of integers from 1 to 2**40, linear between powers of two, rounded down."""
    fraction, exponent = np.frexp(values.astype(np.float64))
    made: Ints = 16 * (exponent.astype(np.int64) - 2) + np.floor(fraction * 32).astype(np.int64)
    return made
