"""Pictures of few colours: print, drawings, what a screen shows. spec/embeddings/lossless.md, section 9.

All colours are listed, and of each pixel the number of its colour is said. What stood here when the pixels around looked the
same is asked after first: for eleven pixels around, then six, four, two. Where none of them was right, the number itself is
under counts of such numbers so far. Waves and borders are those of section 2, and counts change between waves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION
from gcodec.errors import PayloadError
from gcodec_lossless.coder import NAME, Coder
from gcodec_lossless.waves import Ints, Plane, Wave, offsets, waves

__all__ = ["MOST_COLOURS", "colours", "walk"]

#: More colours than that are no palette.
MOST_COLOURS = 2048
#: Pixels around as (rows up, columns to the right): memory k looks at the first _LOOKS[k].
_AROUND = offsets(
    [
        *[(0, -1), (1, 0), (1, -1), (1, 1), (0, -2), (2, 0)],
        *[(1, -2), (1, 2), (2, -1), (2, 1), (0, -3)],
    ]
)
_LOOKS = (11, 6, 4, 2)
_SLOTS, _MIX, _WORD = 17, 0x9E3779B1, (1 << 32) - 1
#: A memory that was right so often is as sure as it gets.
_SUREST = 7
_MANY, _MOST = 1 << 10, 1 << 20
_TOTAL = 1 << PRECISION
#: Lengths of numbers in the list of colours.
_LENGTHS = 18


class _Counts:
    """How often each of some symbols came, under each of some contexts."""

    def __init__(self, contexts: int, symbols: int, most: int) -> None:
        self._seen = np.zeros((contexts, symbols), np.int64)
        self._most = most

    def edges(self, contexts: Ints) -> Ints:
        """Sums of frequencies, [n, symbols + 1]."""
        sums = np.zeros((len(contexts), self._seen.shape[1] + 1), np.int64)
        np.cumsum(2 * self._seen[contexts] + 1, axis=1, out=sums[:, 1:])
        symbols = np.arange(sums.shape[1])
        found: Ints = sums * (_TOTAL - symbols[-1]) // sums[:, -1:] + symbols
        return found

    def add(self, contexts: Ints, symbols: Ints) -> None:
        """What came."""
        np.add.at(self._seen, (contexts, symbols), 1)
        while (many := self._seen.sum(1) > self._most).any():
            self._seen[many] >>= 1


class _Memory:
    """What stood where the pixels around looked so last, and how often it was right."""

    def __init__(self) -> None:
        self._look = np.full(1 << _SLOTS, -1, np.int64)
        self._colour = np.zeros(1 << _SLOTS, np.int32)
        self._sure = np.zeros(1 << _SLOTS, np.int32)

    def at(self, looks: Ints) -> tuple[Ints, Ints]:
        """Colours, -1 where nothing is known, and how sure they are."""
        slots = looks >> (32 - _SLOTS)
        known = self._look[slots] == looks
        return np.where(known, self._colour[slots], -1), np.where(known, self._sure[slots], 0)

    def add(self, looks: Ints, colours: Ints) -> None:
        """What stood there. Of several in one slot the last stays."""
        was, sure = self.at(looks)
        right = was == colours
        kept = ~right & (sure > 0)
        slots = looks >> (32 - _SLOTS)
        self._look[slots] = looks
        self._colour[slots] = np.where(kept, was, colours)
        self._sure[slots] = np.where(right, np.minimum(sure + 1, _SUREST), sure >> 1)


class _Page:
    """The state of a picture of `count` colours."""

    def __init__(self, height: int, count: int) -> None:
        self._plane = Plane(height, 1, 0)
        self._memories = [_Memory() for _ in _LOOKS]
        self._answers = _Counts(len(_LOOKS) ** 2 * (_SUREST + 1), 2, _MANY)
        self._rest = _Counts(1, count, _MOST)

    def wave(self, coder: Coder, wave: Wave, wanted: Ints | None) -> Ints:
        """Numbers of the colours of a wave's pixels, [n]."""
        looks = self._looks(wave)
        size = wave.stop - wave.first
        found = np.full(size, -1)
        asked: list[Ints] = []
        for index, memory in enumerate(self._memories):
            colour, sure = memory.at(looks[index])
            fresh = (found < 0) & (colour >= 0)
            for other in asked:
                fresh &= colour != other
            some = np.flatnonzero(fresh)
            if some.size:
                tried = sum((other[some] >= 0).astype(np.int64) for other in asked)
                context = (index * len(_LOOKS) + tried) * (_SUREST + 1) + sure[some]
                right = None if wanted is None else (wanted[some] == colour[some]).astype(np.int64)
                right = coder.entries(self._answers.edges(context), right)
                self._answers.add(context, right)
                hit = some[right == 1]
                found[hit] = colour[hit]
            asked.append(np.where(fresh, colour, -1))
        some = np.flatnonzero(found < 0)
        if some.size:
            zero = np.zeros(some.size, np.int64)
            edges = np.tile(self._rest.edges(zero[:1]), (some.size, 1))
            found[some] = coder.entries(edges, None if wanted is None else wanted[some])
            self._rest.add(zero, found[some])
        for memory, look in zip(self._memories, looks, strict=True):
            memory.add(look, found)
        self._plane.put(wave, found[None])
        return found

    def _looks(self, wave: Wave) -> list[Ints]:
        """How it looks around each pixel, in 32 bits: for each memory [n]."""
        around = self._plane.near(wave, _AROUND)[:, 0]
        hashed = np.zeros(around.shape[1], np.int64)
        made = {}
        for count, colour in enumerate(around, 1):
            hashed = ((hashed + colour + 1) * _MIX) & _WORD
            hashed ^= hashed >> 15
            if count in _LOOKS:
                made[count] = hashed
        return [made[count] for count in _LOOKS]


def walk(coder: Coder, count: int, numbers: Ints, known: bool) -> None:
    """All numbers of colours, 0 to `count` - 1, in coding order, from or into `numbers` [height, width]."""
    if count == 1:
        return
    height, width = numbers.shape
    page = _Page(height, count)
    for wave in waves(height, width):
        place = wave.rows, wave.columns
        found = page.wave(coder, wave, numbers[place] if known else None)
        numbers[place] = found


def colours(coder: Coder, channels: int, most: int, listed: Ints | None) -> Ints:
    """The list of colours, [count, channels], in ascending order."""
    (count,) = coder.naturals(1, None if listed is None else np.array([len(listed) - 1]))
    if count >= MOST_COLOURS:
        raise PayloadError(NAME, f"a list of {count + 1} colours")
    made = np.zeros((count + 1, channels), np.int64)
    for channel in range(channels):
        base = made[:, channel - 1] if channel else np.zeros(count + 1, np.int64)
        steps = None
        if listed is not None:
            steps = np.diff(listed[:, channel] - base, prepend=0)
            steps = np.where(steps < 0, -2 * steps - 1, 2 * steps) if channel else steps
        steps = _numbers(coder, count + 1, steps)
        if channel:
            steps = np.where(steps & 1, -(steps + 1) // 2, steps // 2)
        made[:, channel] = base + np.cumsum(steps)
    if made.min() < 0 or made.max() > most:
        raise PayloadError(NAME, f"a colour beyond 0 to {most}")
    return made


def _numbers(coder: Coder, count: int, wanted: Ints | None) -> Ints:
    """Numbers from 0 on, whose lengths are counted."""
    counts, zero = _Counts(1, _LENGTHS, _MANY), np.zeros(1, np.int64)
    given = None if wanted is None else np.frexp(wanted + 1.0)[1].astype(np.int64) - 1
    lengths = np.zeros(count, np.int64)
    for index in range(count):
        one = None if given is None else given[index : index + 1]
        lengths[index : index + 1] = coder.entries(counts.edges(zero), one)
        counts.add(zero, lengths[index : index + 1])
    return coder.rest(lengths, wanted)


def few(samples: Ints) -> tuple[NDArray[np.int64], Ints] | None:
    """Of [channels, H, W] the list of colours and their numbers [H, W], if they are few and many pixels repeat."""
    beside = (samples[:, :, 1:] == samples[:, :, :-1]).all(0)
    above = (samples[:, 1:] == samples[:, :-1]).all(0)
    if samples.shape[1:] != (1, 1) and beside.sum() + above.sum() < (beside.size + above.size) / 3:
        return None
    flat = samples.reshape(len(samples), -1)
    codes = np.zeros(flat.shape[1], np.int64)
    for channel in flat:
        codes = (codes << 16) | channel
    distinct, numbers = np.unique(codes, return_inverse=True)
    if len(distinct) > MOST_COLOURS:
        return None
    shifts = 16 * np.arange(len(samples) - 1, -1, -1)
    listed = (distinct[:, None] >> shifts) & 0xFFFF
    return listed, numbers.reshape(samples.shape[1:])
