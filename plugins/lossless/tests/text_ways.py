"""Sections 2, 7, 8 and 9 of spec/embeddings/lossless.md in plain integers, of which `text_lossless` is the rest."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from text_entropy import Refused, Stream

# Section 2


def where(y: int, x: int, W: int) -> tuple[int, int] | None:
    """Whose values a neighbour at (y, x) has; None: those of before the first pixel."""
    while True:
        if y < 0:
            y, x = 0, x + 3 * y
        elif x >= W:
            x = W - 1
        elif x < 0:
            if y == 0:
                return None
            y, x = y - 1, 0
        else:
            return y, x


# Section 7


def numbers_of(stream: Stream, count: int, bits: int) -> list[int]:
    found = [0] * count
    while bits:
        digit = (bits - 1) % 6 + 1
        bits -= digit
        for i in range(count):
            found[i] = (found[i] << digit) + stream.equal(2**digit)
    return found


def far(stream: Stream, count: int, most: int = 16) -> list[int]:
    length = [stream.equal(32) for _ in range(count)]
    if any(k > most for k in length):
        raise Refused("too far")
    return rest(stream, length)


def rest(stream: Stream, length: list[int]) -> list[int]:
    v = [2**k for k in length]
    for k in range(1, 32):
        some = [i for i, n in enumerate(length) if n == k]
        for i, more in zip(some, numbers_of(stream, len(some), k), strict=True):
            v[i] += more
    return [n - 1 for n in v]


# Section 8


def way_1(y: Any, a: Any, b: Any) -> Any:
    U, V = 22179 * (a - 156), 18215 * (b - 137)
    green = (13584 * y - 1940 * (U // 10000) - 5090 * (V // 10000) - 1) // 10000
    return green, (13584 * y + V) // 10000, (13584 * y + U) // 10000


def way_2(y: Any, a: Any, b: Any) -> Any:
    green = y + (32768 - 22554 * (a - 128) - 46802 * (b - 128) >> 16)
    return green, y + (91881 * (b - 128) + 32768 >> 16), y + (116130 * (a - 128) + 32768 >> 16)


def way_3(y: Any, a: Any, b: Any) -> Any:
    light = 19077 * y >> 8
    green = light - (6419 * a >> 8) - (13320 * b >> 8) + 8708 >> 6
    return green, light + (26149 * b >> 8) - 14234 >> 6, light + (33050 * a >> 8) - 17685 >> 6


MADE = {1: way_1, 2: way_2, 3: way_3}


def signed(n: int) -> int:
    return -(n + 1) // 2 if n % 2 else n // 2


def put_right(stream: Stream, samples: Any) -> Any:
    flat = samples.reshape(3, -1)
    (n,) = far(stream, 1, 31)
    if n > flat.shape[1]:
        raise Refused("too many pixels")
    place, places = -1, []
    for gap in far(stream, n, 31):
        place += gap + 1
        places.append(place)
    if place >= flat.shape[1]:
        raise Refused("a pixel beyond")
    steps = [signed(step) for step in far(stream, 3 * n, 31)]
    for c in range(3):
        for i, place in enumerate(places):
            flat[c, place] += steps[c * n + i]
    if flat.min() < 0 or flat.max() > 255:
        raise Refused("a sample beyond")
    return samples


# Section 9

AROUND = [
    *[(0, -1), (1, 0), (1, -1), (1, 1), (0, -2), (2, 0)],
    *[(1, -2), (1, 2), (2, -1), (2, 1), (0, -3)],
]


class Counts:
    def __init__(self, symbols: int, limit: int) -> None:
        self.n, self.limit = [0] * symbols, limit

    def frequencies(self) -> list[int]:
        S, K = [0], len(self.n)
        for n in self.n:
            S.append(S[-1] + 2 * n + 1)
        return [b - a for a, b in pairwise(s * (2**24 - K) // S[K] + i for i, s in enumerate(S))]

    def add(self, symbols: list[int]) -> None:
        for symbol in symbols:
            self.n[symbol] += 1
        while sum(self.n) > self.limit:
            self.n = [n >> 1 for n in self.n]


def list_of_colours(stream: Stream, C: int, most: int) -> list[tuple[int, ...]]:
    count = far(stream, 1, 31)[0] + 1
    if count > 2048:
        raise Refused("too many colours")
    made: list[list[int]] = []
    for c in range(C):
        counts, length = Counts(18, 1024), []
        for _ in range(count):
            length.append(stream.entry(counts.frequencies()))
            counts.add(length[-1:])
        steps = rest(stream, length)
        value, values = 0, []
        for i, step in enumerate(steps):
            value += signed(step) if c else step
            values.append(value + (made[c - 1][i] if c else 0))
        made.append(values)
    if any(not 0 <= n <= most for plane in made for n in plane):
        raise Refused("a colour beyond")
    return list(zip(*made, strict=True))


def few_colours(stream: Stream, height: int, width: int, C: int, most: int) -> Any:
    colours = list_of_colours(stream, C, most)
    turned = height > width
    H, W = (width, height) if turned else (height, width)
    known: dict[tuple[int, int], int] = {}

    def colour(y: int, x: int) -> int:
        place = where(y, x, W)
        return 0 if place is None else known[place]

    answers: dict[tuple[int, int, int], Counts] = {}
    others = Counts(len(colours), 2**20)
    memories: list[dict[int, tuple[int, int, int]]] = [{} for _ in range(4)]
    for t in range(W + 3 * (H - 1)) if len(colours) > 1 else ():
        places = [(y, t - 3 * y) for y in range(H) if 0 <= t - 3 * y < W]
        looks = []
        for y, x in places:
            h, look = 0, {}
            for i, (u, r) in enumerate(AROUND, 1):
                h = (h + colour(y - u, x + r) + 1) * 2654435761 % 2**32
                h ^= h >> 15
                look[i] = h
            looks.append([look[i] for i in (11, 6, 4, 2)])
        before = [[memories[k].get(look[k] >> 15, (-1, 0, 0)) for k in range(4)] for look in looks]
        found: list[int | None] = [None] * len(places)
        asked: list[list[int]] = [[] for _ in places]
        for k in range(4):
            told: dict[tuple[int, int, int], list[int]] = {}
            for i in range(len(places)):
                own, answer, sure = before[i][k]
                if found[i] is not None or own != looks[i][k] or answer in asked[i]:
                    continue
                under = k, len(asked[i]), sure
                right = stream.entry(answers.setdefault(under, Counts(2, 1024)).frequencies())
                told.setdefault(under, []).append(right)
                asked[i].append(answer)
                if right:
                    found[i] = answer
            for under, symbols in told.items():
                answers[under].add(symbols)
        left = [i for i, number in enumerate(found) if number is None]
        frequencies = others.frequencies() if left else []
        for i in left:
            found[i] = stream.entry(frequencies)
        others.add([found[i] or 0 for i in left])
        for i, place in enumerate(places):
            number = known[place] = found[i] or 0
            for k in range(4):
                own, answer, sure = before[i][k]
                if own == looks[i][k] and answer == number:
                    new = own, answer, min(sure + 1, 7)
                elif own == looks[i][k] and sure:
                    new = own, answer, sure >> 1
                else:
                    new = looks[i][k], number, 0
                memories[k][looks[i][k] >> 15] = new
    shown = np.array([[colours[known.get((y, x), 0)] for x in range(W)] for y in range(H)])
    return shown.transpose((2, 1, 0) if turned else (2, 0, 1))
