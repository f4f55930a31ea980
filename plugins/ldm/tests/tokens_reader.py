"""A reader of spec/embeddings/tokens.md. Written from the text; its layers are those of INTEGER.md's own reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from perco_reader import lacking, one_hot, table
from text_entropy import Refused, Stream
from text_integer import Layer, halved_up

from gcodec.randomness import Randomness

Place = tuple[int, int]

_RARE = [2**24 - 2**16, 2**16]
_NEAR = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if (dy, dx) != (0, 0)]
_AROUND = [(dy, dx) for dy in range(-1, 2) for dx in range(-1, 2)]


def passes(h: int, w: int) -> Iterator[tuple[int, list[Place]]]:
    """Section 3: the step of each batch, and its positions. All batches of a pass are one here: pictures are small."""
    yield 64, [(0, 0)]
    s = 1
    while s < max(h, w):
        s *= 2
    while s > 1:
        s //= 2
        for row, column in ((s, s), (0, s), (s, 0)):
            places = [(y, x) for y in range(row, h, 2 * s) for x in range(column, w, 2 * s)]
            if places:
                yield s, sorted(places, key=lambda p: 2654435769 * (p[0] * w + p[1]) % 2**32)


class Runs:
    """Section 2: the layers of a file; `entry` reads the number-th token's next digit, None where it was not sent."""

    def __init__(self, layers: tuple[bytes, ...], total: int) -> None:
        places = [64 << i for i in range(40) if 64 << i < total] + [total]
        if not 1 <= len(layers) <= len(places):
            raise Refused("layers")
        self.runs: list[tuple[int, int, Stream]] = []
        self.holes = False
        start = 0
        for i, (layer, end) in enumerate(zip(layers, places, strict=False)):
            if self.runs and self.runs[-1][1] < start:
                raise Refused("a layer behind one that lacks tokens")
            stream = Stream(layer)
            if i == 0:
                self.holes = bool(stream.entry(_RARE))
            lacks = 0
            if stream.entry(_RARE):
                for _ in range((end - start).bit_length() + 7 >> 3):
                    lacks = 256 * lacks + stream.entry([2**16] * 256)
                if not 0 < lacks <= end - start or (i and lacks == end - start):
                    raise Refused("tokens that a layer lacks")
            self.runs.append((start, end - lacks, stream))
            start = end
        self.sent = self.runs[-1][1]

    def of(self, number: int) -> Stream | None:
        return next((stream for a, b, stream in self.runs if a <= number < b), None)


class Level:
    """Sections 4 and 5: the tokens of one level, digits by (row, column); `above` is the level before."""

    def __init__(
        self, number: int, config: Mapping[str, Any], tensors: Any, above: Level | None
    ) -> None:
        self.number, self.above = number, above
        self.side, self.K = config["side"], config["digits"]
        self.sharp = config["sharp"]
        self.tensors, self.layers = tensors, dict[str, Layer]()
        self.known: dict[Place, list[int]] = {}

    def layer(self, name: str) -> Layer:
        if name not in self.layers:
            self.layers[name] = Layer(self.tensors, f"level{self.number}.{name}")
        return self.layers[name]

    def one_hots(self, place: Place) -> list[int]:
        digits = self.known.get(place)
        return one_hot(digits, self.K) if digits else [0] * sum(self.K)

    def context(self, y: int, x: int, s: int) -> list[int]:
        """u of section 4."""
        found: list[int] = []
        for dy, dx in _NEAR:
            # What is known on this lattice came in an earlier pass.
            found += self.one_hots((y + dy * s, x + dx * s))
        if self.above:
            r = self.above.side // self.side
            for dy, dx in _AROUND:
                found += self.above.one_hots((y // r + dy, x // r + dx))
            found += one_hot([r * (y % r) + x % r], [r * r])
        found += one_hot([min(s.bit_length() - 1, 5)], [6])
        first = self.layer("first").hidden(np.array(found), 0)
        return list(self.layer("second").hidden(first, 0).tolist())

    def tables(self, u: list[int], digits: list[int]) -> tuple[list[int], list[int]]:
        """What a digit is sent and what it is drawn under."""
        x = np.array([*u, *one_hot(digits, self.K[: len(digits)])])
        out = self.layer(f"out.{len(digits)}")
        hidden = self.layer(f"hidden.{len(digits)}").hidden(x, 0)
        logits = out.sums(hidden, 0).tolist()
        s = [int(halved_up(np.int64(value), 2 ** (4 + out.shift))) for value in logits]
        b = [min((max(s) - value) * self.sharp // 4, 1280) for value in s]
        g = [int(2 ** (20 - value / 64) + 0.5) for value in b]
        drawn = lacking([1 + value * (2**24 - len(g)) // sum(g) for value in g], b.index(0))
        return table(logits, out.shift), drawn

    def read(self, h: int, w: int, number: int, runs: Runs, seed: int, tables: list[Any]) -> None:
        """The tokens from `number` on."""
        words = Randomness(seed).bits(8, self.number, 0, h * w * len(self.K)).tolist()
        for s, places in passes(h, w):
            if runs.holes:
                places = places[: max(runs.sent - number, 0)]
            u = {place: self.context(*place, s) for place in places}
            batch: dict[Place, list[int]] = {place: [] for place in places}
            for i in range(len(self.K)):
                for j, (y, x) in enumerate(places):
                    f, own = self.tables(u[y, x], batch[y, x])
                    tables.append(f)
                    stream = runs.of(number + j)
                    word = words[(y * w + x) * len(self.K) + i] >> 8
                    drawn = sum(c <= word for c in np.cumsum(own).tolist())
                    batch[y, x].append(stream.entry(f) if stream else drawn)
            self.known |= batch
            number += len(places)

    def token(self, place: Place) -> int:
        digits = self.known.get(place)
        if digits is None:
            return -1
        return sum(d * int(np.prod(self.K[:i])) for i, d in enumerate(digits))


def read(
    layers: tuple[bytes, ...], height: int, width: int, seed: int, config: Any, tensors: Any
) -> tuple[list[list[int]], Runs, list[list[int]]]:
    """Tokens of all levels, row by row; the layers; all tables in the order of use."""
    sides = [(-(-height // row["side"]), -(-width // row["side"])) for row in config["levels"]]
    runs = Runs(layers, sum(h * w for h, w in sides))
    levels: list[Level] = []
    tables: list[list[int]] = []
    number = 0
    for i, (row, (h, w)) in enumerate(zip(config["levels"], sides, strict=True)):
        levels.append(Level(i, row, tensors, levels[-1] if levels else None))
        levels[-1].read(h, w, number, runs, seed, tables)
        number += h * w
    for _, _, stream in runs.runs:
        stream.close()
    maps = [
        [level.token((y, x)) for y in range(h) for x in range(w)]
        for level, (h, w) in zip(levels, sides, strict=True)
    ]
    return maps, runs, tables
