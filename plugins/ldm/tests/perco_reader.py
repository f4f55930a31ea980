"""A reader of spec/embeddings/perco.md. Written from the text; its layers are those of INTEGER.md's own reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from text_entropy import Refused, Stream
from text_integer import Layer, halved_up

NEIGHBOURS = [(0, -1), (0, -2), *((dy, dx) for dy in (-1, -2) for dx in range(-2, 3))]


def lacking(f: list[int], at: int) -> list[int]:
    """f[at] grows by what the sum lacks of 2^24."""
    f[at] += 2**24 - sum(f)
    return f


def one_hot(digits: list[int], levels: list[int]) -> list[int]:
    return [2**10 * (k == d) for d, K in zip(digits, levels, strict=True) for k in range(K)]


def table(logits: list[int], shift: int) -> list[int]:
    """Section 4."""
    s = [int(halved_up(np.int64(x), 2 ** (4 + shift))) for x in logits]
    b = [min(max(s) - value, 1280) for value in s]
    g = [int(2 ** (20 - value / 64) + 0.5) for value in b]
    return lacking([1 + x * (2**24 - len(g)) // sum(g) for x in g], b.index(0))


class Tokens:
    """Sections 2 to 4: number of the codebook, digits by (row, column), and tables in the order of reading."""

    def __init__(
        self, layer: bytes, height: int, width: int, config: Mapping[str, Any], tensors: Any
    ) -> None:
        books, stream = config["codebooks"], Stream(layer)
        share = 2**24 // len(books)
        self.number = stream.entry(lacking([share] * len(books), 0))
        self.book = books[self.number]
        self.levels: list[int] = self.book["levels"]
        side = self.book["side"]
        self.h, self.w = -(-height // side), -(-width // side)
        self.tensors, self.layers = tensors, dict[str, Layer]()
        self.digits: dict[tuple[int, int], list[int]] = {}
        self.tables: list[list[int]] = []
        for t in range(self.w + 3 * (self.h - 1)):
            places = [(y, t - 3 * y) for y in range(self.h) if 0 <= t - 3 * y < self.w]
            u = {place: self.context(*place) for place in places}
            found: dict[tuple[int, int], list[int]] = {place: [] for place in places}
            for i in range(len(self.levels)):
                for place in places:
                    x = np.array([*u[place], *one_hot(found[place], self.levels[:i])])
                    out = self.layer(f"out.{i}")
                    hidden = self.layer(f"hidden.{i}").hidden(x, 0)
                    self.tables.append(table(out.sums(hidden, 0).tolist(), out.shift))
                    found[place].append(stream.entry(self.tables[-1]))
            self.digits |= found
        stream.close()

    def layer(self, name: str) -> Layer:
        if name not in self.layers:
            self.layers[name] = Layer(self.tensors, f"{self.book['space']}.{name}")
        return self.layers[name]

    def context(self, y: int, x: int) -> list[int]:
        """u of section 4."""
        near: list[int] = []
        for dy, dx in NEIGHBOURS:
            digits = self.digits.get((y + dy, x + dx))
            near += one_hot(digits, self.levels) if digits else [0] * sum(self.levels)
        first = self.layer("first").hidden(np.array(near), 0)
        return list(self.layer("second").hidden(first, 0).tolist())

    @property
    def tokens(self) -> list[int]:
        """Row by row."""
        radix = [int(np.prod(self.levels[:i])) for i in range(len(self.levels))]
        return [
            sum(d * r for d, r in zip(self.digits[y, x], radix, strict=True))
            for y in range(self.h)
            for x in range(self.w)
        ]


def layers_of(layers: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """Section 1."""
    if len(layers) not in (1, 2) or (len(layers) == 2 and not layers[1]):
        raise Refused("layers")
    return layers[0], layers[1] if len(layers) == 2 else b""
