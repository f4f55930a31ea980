"""Tokens of all levels to layers and back, given a model's tensors.

spec/embeddings/tokens.md is normative. All tokens of all levels stand in one order, coarse to fine; a file holds the first
N. They are cut into layers at fixed places (`order.layers`), each one stream of `gcodec.entropy.RowEncoder`:

    layer 0 only: whether holes stay holes
    whether tokens are missing at the end of the layer, and if so how many, in bytes
    the tokens

The receiver draws the tokens behind the Nth from the prior that they would have been coded under, by inversion: digit d of
the token at flat position p of level l has the 24 high bits of word p D + d of the row (seed, COMPLETION, l, 0). So what is
drawn for a place hangs on what is known there, and not on how the file was cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION, RowDecoder, RowEncoder
from gcodec.errors import PayloadError
from gcodec.interfaces import Size
from gcodec.randomness import Domain, Randomness
from gcodec_ldm.digits import Visit, Visitor, check_row, digits_of, frequencies
from gcodec_ldm.tokens.order import layers
from gcodec_ldm.tokens.prior import Prior

if TYPE_CHECKING:
    from gcodec.entropy.integers import Ints

__all__ = ["CLASS", "NAME", "Codec", "Level", "Priced", "Read", "draw"]

NAME = "tokens"
#: `_class_name` of models.
CLASS = "TokensPrior"

_RARE = 1 << 16  # of 2**24: how likely what is said of a layer beforehand is to be true
_SAID = np.array([[(1 << PRECISION) - _RARE, _RARE]])
_LAW, _SHARPEST = 4, 255  # `Level.sharp` of the law itself, and the greatest
_BYTE = np.full(256, 1 << PRECISION - 8)


@dataclass(frozen=True)
class Level:
    """One level of a model's config.json.

    side    samples a side of one token.
    digits  number of values of each digit.
    model   digest of the codebook that the tokens index; "" where they are codewords of this model, added to what the
            levels before say of the latent.
    sharp   power of the prior's law that tokens which were not sent are drawn under, in quarters: with 4 the law itself.
    """

    side: int
    digits: tuple[int, ...]
    model: str = ""
    sharp: int = _LAW

    def __post_init__(self) -> None:
        check_row(self.side, self.digits, self.model)
        if type(self.sharp) is not int or not 1 <= self.sharp <= _SHARPEST:
            raise ValueError(f"tokens drawn under power {self.sharp} / {_LAW} of their law")

    def grid(self, size: Size) -> tuple[int, int]:
        """Rows and columns of the tokens of a picture."""
        return -(-size.height // self.side), -(-size.width // self.side)


@dataclass(frozen=True)
class Read:
    """What a file says: `maps` of tokens [h, w] of all levels, of which the first `sent` in the order came with it.

    complete  whether the others were drawn; they are -1 otherwise.
    """

    maps: tuple[Ints, ...]
    sent: int
    complete: bool


class Codec:
    """What turns tokens into bytes and back. `config` and `tensors` are a model's config.json and weights.

    Raises KeyError, TypeError or ValueError if they do not belong together.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
        self.levels = [Level(**{**row, "digits": tuple(row["digits"])}) for row in config["levels"]]
        if not self.levels:
            raise ValueError("no levels of tokens")
        above = [Level(self.levels[0].side, ()), *self.levels]
        for coarser, level in pairwise(above):
            if coarser.side % level.side:
                raise ValueError(f"tokens of {level.side} samples behind those of {coarser.side}")
        self._priors = [
            Prior(level.digits, coarser.digits, coarser.side // level.side, tensors, f"level{i}")
            for i, (coarser, level) in enumerate(pairwise(above))
        ]

    def counts(self, size: Size) -> list[int]:
        """Tokens of each level of a picture."""
        return [int(np.prod(level.grid(size))) for level in self.levels]

    def level(
        self, index: int, coarser: Ints | None, size: Size, count: int, visit: Visitor
    ) -> Ints:
        """See `Prior.code`."""
        return self._priors[index].code(*self.levels[index].grid(size), coarser, count, visit)

    def decode(self, parts: Sequence[bytes], size: Size, randomness: Randomness) -> Read:
        """Read layers. Integer arithmetic only; raises PayloadError."""
        counts = self.counts(size)
        runs, holes = _runs(parts, layers(sum(counts)))
        sent = runs[-1].stop
        wanted, first = (sent if holes else sum(counts)), 0
        maps: list[Ints] = []
        for i, (count, level) in enumerate(zip(counts, self.levels, strict=True)):
            words = randomness.bits(Domain.COMPLETION, i, 0, (count, len(level.digits)))
            here = min(max(wanted - first, 0), count)
            visit = _receiver(runs, first, words, level.sharp)
            maps.append(self.level(i, maps[-1] if maps else None, size, here, visit))
            first += count
        for run in runs:
            run.stream.finish()
        return Read(tuple(maps), sent, not holes)


@dataclass(frozen=True)
class _Run:
    """The tokens from number `start` on, before number `stop`, lie in this stream."""

    start: int
    stop: int
    stream: RowDecoder


def _runs(parts: Sequence[bytes], ends: Sequence[int]) -> tuple[list[_Run], bool]:
    """The runs of a file's layers, and whether holes stay holes. Raises PayloadError."""
    if not 1 <= len(parts) <= len(ends):
        raise PayloadError(NAME, f"{len(parts)} layers instead of 1 to {len(ends)}")
    runs: list[_Run] = []
    holes, start = False, 0
    for i, (part, end) in enumerate(zip(parts, ends, strict=False)):
        if runs and runs[-1].stop < start:
            raise PayloadError(NAME, f"layer {i} follows one that lacks tokens")
        stream = RowDecoder(part, NAME)
        holes = bool(stream.get(_SAID)[0]) if i == 0 else holes
        lacking = 0
        if stream.get(_SAID)[0]:
            octets = stream.get(np.tile(_BYTE, (_octets(end - start), 1)))
            lacking = int.from_bytes(octets.astype(np.uint8).tobytes(), "big")
            if not 0 < lacking < end - start + (i == 0):
                raise PayloadError(NAME, f"layer {i} lacks {lacking} of {end - start} tokens")
        runs.append(_Run(start, end - lacking, stream))
        start = end
    return runs, holes


def _octets(most: int) -> int:
    """Bytes that say a number of up to `most`."""
    return -(-most.bit_length() // 8)


def _receiver(runs: Sequence[_Run], first: int, words: NDArray[np.uint32], sharp: int) -> Visitor:
    """Reads what was sent and draws what was not; `first` is the number of the level's first token."""
    stop = first

    def visit(batch: Visit) -> Ints:
        nonlocal stop
        if batch.digit == 0:
            stop += len(batch.positions)
        start = stop - len(batch.positions)
        tables = frequencies(batch.below * sharp // _LAW)
        digits = draw(tables, words[batch.positions, batch.digit])
        for run in runs:
            here = slice(max(run.start - start, 0), max(min(run.stop - start, len(digits)), 0))
            if here.start < here.stop:
                digits[here] = run.stream.get(batch.frequencies[here])
        return digits

    return visit


def draw(frequencies: NDArray[np.int64], words: NDArray[np.uint32]) -> Ints:
    """Symbols [n], int32, of random words [n] under frequencies [n, K]: how many of the first k sums are not above."""
    place = (words >> np.uint32(32 - PRECISION)).astype(np.int64)[:, None]
    symbols: Ints = (np.cumsum(frequencies, 1) <= place).sum(1).astype(np.int32)
    return symbols


@dataclass
class _Batch:
    """Tokens number `start`, `start` + 1, ...: their digits and what these are coded under, one array a digit."""

    start: int
    digits: list[Ints] = field(default_factory=list)
    tables: list[NDArray[np.int64]] = field(default_factory=list)


class Priced:
    """All tokens of a picture and what they are coded under, which is worked out as far as it is asked for."""

    def __init__(self, codec: Codec, maps: Sequence[Ints], size: Size) -> None:
        self._codec, self._maps, self._size = codec, maps, size
        self._batches: list[_Batch] = []
        self._next = 0  # level that has not been priced
        self.total = sum(tokens.size for tokens in maps)

    def encode(self, count: int, complete: bool) -> tuple[bytes, ...]:
        """The layers that hold the first `count` tokens."""
        made: list[bytes] = []
        start = 0
        for end in layers(self.total):
            stop = min(end, count)
            stream = RowEncoder()
            if not made:
                stream.put([int(not complete)], _SAID)
            stream.put([int(stop < end)], _SAID)
            if stop < end:
                octets = (end - stop).to_bytes(_octets(end - start), "big")
                stream.put(np.frombuffer(octets, np.uint8), np.tile(_BYTE, (len(octets), 1)))
            for batch in self._priced(stop):
                here = slice(max(start - batch.start, 0), max(stop - batch.start, 0))
                for digits, tables in zip(batch.digits, batch.tables, strict=True):
                    if digits[here].size:
                        stream.put(digits[here], tables[here])
            made.append(stream.finish())
            if stop == count:
                break
            start = end
        return tuple(made)

    def _priced(self, stop: int) -> list[_Batch]:
        """Batches with at least the tokens before number `stop`."""
        while sum(tokens.size for tokens in self._maps[: self._next]) < stop:
            index, self._next = self._next, self._next + 1
            tokens = self._maps[index]
            coarser = self._maps[index - 1] if index else None
            self._codec.level(index, coarser, self._size, tokens.size, self._sender(index))
        return self._batches

    def _sender(self, index: int) -> Visitor:
        tokens, stop = self._maps[index].ravel(), sum(t.size for t in self._maps[:index])
        digits = digits_of(tokens, self._codec.levels[index].digits).astype(np.int32)

        def visit(batch: Visit) -> Ints:
            nonlocal stop
            if batch.digit == 0:
                self._batches.append(_Batch(stop))
                stop += len(batch.positions)
            sent: Ints = digits[batch.positions, batch.digit]
            self._batches[-1].digits.append(sent)
            self._batches[-1].tables.append(batch.frequencies)
            return sent

        return visit
