"""A reader of spec/embeddings/lossless.md in plain integers, one pixel at a time. It knows the text alone."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
from text_entropy import Refused, Stream
from text_ways import MADE, far, few_colours, numbers_of, put_right, where

NEIGHBOURS = [
    *[(0, -1), (1, 0), (1, -1), (1, 1), (0, -2), (2, 0), (1, 2), (2, 1), (1, -2), (2, -1)],
    *[(0, -3), (1, -3), (2, -2), (2, 2), (2, 3), (3, 0), (3, -1), (3, 1)],
]


#: Section 13: of ways 33 to 35, less 32, what makes luma and chromas of a companion's red, green and blue.
BACK = {
    1: (
        (14420, 28329, 5496, 34721),
        (-8832, -17351, 26183, 10217349),
        (25226, -21127, -4099, 8986880),
    ),
    2: (
        (19595, 38469, 7471, 42949),
        (-11058, -21710, 32768, 8389654),
        (32768, -27439, -5329, 8360079),
    ),
    3: (
        (16829, 33038, 6417, 1065318),
        (-9714, -19070, 28785, 8400613),
        (28785, -24103, -4681, 8400255),
    ),
}


def clip(a: int, lo: int, hi: int) -> int:
    return min(max(a, lo), hi)


def limit(a: int, m: int) -> int:
    return clip(a, -m, m)


def log(n: int) -> int:
    q = n.bit_length() - 1
    return 16 * q + 16 * n // 2**q - 16


class Picture:
    """A payload for H x W pixels under a model's tensors: section 1.

    beside  tensors of `base/lossless_beside`, and the companion's picture [3, H, W]: section 13.
    """

    def __init__(
        self,
        payload: bytes,
        height: int,
        width: int,
        tensors: dict[str, Any],
        beside: tuple[dict[str, Any], Any] | None = None,
    ) -> None:
        if len(payload) < 2:
            raise Refused("fewer than two bytes")
        head, self.error = payload[:2]
        colour, deep, rounded, other = (head >> bit & 1 for bit in range(4))
        if (rounded and not deep) or (other and len(payload) < 3):
            raise Refused("a head of no kind")
        way = payload[2] if other else None
        if way not in (None, 1, 2, 3, 16, 32, 33, 34, 35) or (
            way in (1, 2, 3, 33, 34, 35) and head != 9
        ):
            raise Refused("a way that is none")
        self.bytes = payload[: 3 if other else 2]
        side = None
        if way is not None and way >= 32:
            if beside is None:
                raise Refused("no companion")
            tensors, picture = beside
            self.bytes, way = payload[:7], way - 32
            if payload[3:7] != hashlib.sha256(picture.tobytes()).digest()[:4]:
                raise Refused("another companion")
            side = picture.astype(np.int64)
        self.top = 65535 if deep else 255
        step = 1 + 2 * (head >> 4) * (257 if deep else 1)
        most = (self.top + step // 2) // step
        self.C = 3 if colour else 1
        stream = Stream(payload[len(self.bytes) :])
        if side is not None and way in BACK:
            side = np.array(
                [sum(m * p for m, p in zip(row, [*side, 1], strict=True)) for row in BACK[way]]
            )
            side = side + 512 >> 10
        elif side is not None:
            unit = 257 if deep else 1
            side = (64 * side[[1, 0, 2]][: self.C] * unit + step // 2) // step
        if way == 16:
            numbers = few_colours(stream, height, width, self.C, most)
        else:
            numbers = Planes(stream, height, width, self.C, most, tensors, side).numbers
        if way in MADE:
            numbers = put_right(stream, np.array(MADE[way](*numbers)).clip(0, 255))
        stream.close()
        self.samples = np.minimum(numbers * step, self.top)

    def stored(self) -> bytes:
        return self.bytes + bytes(self.samples.astype("<u2").tobytes())


class Planes:
    """Pixels of C numbers from 0 to `most`: sections 2 to 7."""

    def __init__(
        self,
        stream: Stream,
        height: int,
        width: int,
        C: int,
        most: int,
        tensors: dict[str, Any],
        side: Any = None,
    ) -> None:
        self.stream, self.C, self.most, self.tensors = stream, C, most, tensors
        self.turned = height > width
        self.H, self.W = (width, height) if self.turned else (height, width)
        self.side = side if side is None or not self.turned else side.transpose(0, 2, 1)
        self.a: dict[tuple[int, int], list[int]] = {}
        self.x: dict[tuple[int, int], list[int]] = {}
        self.e: dict[tuple[int, int], list[int]] = {}
        self.A: dict[tuple[int, int], Any] = {}
        self.B: dict[tuple[int, int], Any] = {}
        near = [(j, 0) for j in range(10)] + [(j, c) for c in range(1, self.C) for j in range(6)]
        self.near = near
        for t in range(self.W + 3 * (self.H - 1)):
            self.wave([(y, t - 3 * y) for y in range(self.H) if 0 <= t - 3 * y < self.W])

    def values(self, y: int, x: int) -> tuple[list[int], list[int]]:
        place = where(y, x, self.W)
        if place is None:
            return [32 * (self.most + 1)] * self.C, [64] * self.C
        return self.x[place], self.e[place]

    def z(self, c: int, y: int, x: int) -> int:
        return int(self.side[c, clip(y, 0, self.H - 1), clip(x, 0, self.W - 1)])

    def apart(self, y: int, x: int) -> list[int]:
        place = where(y, x, self.W)
        return [64] * self.C if place is None else self.a[place]

    def wave(self, places: list[tuple[int, int]]) -> None:
        pixels = [Pixel(self, *place) for place in places]
        for c in range(self.C):
            for pixel in pixels:
                pixel.begin(c)
            interval = [self.stream.entry(pixel.f) for pixel in pixels]
            found = [p.first(j) for p, j in zip(pixels, interval, strict=True)]
            for wide in sorted({p.wide for p in pixels} - {0}):
                some = [i for i, p in enumerate(pixels) if p.wide == wide and 0 < interval[i] < 63]
                for i, more in zip(some, numbers_of(self.stream, len(some), wide), strict=True):
                    found[i] += more
            for end in (0, 63):
                some = [i for i, j in enumerate(interval) if j == end]
                for i, away in zip(some, far(self.stream, len(some)), strict=True):
                    p = pixels[i]
                    found[i] = p.first(63) + away if end else p.first(1) - 1 - away
            if any(not 0 <= s <= self.most for s in found):
                raise Refused("a sample beyond")
            for pixel, sample in zip(pixels, found, strict=True):
                pixel.known(c, sample)
        for pixel in pixels:
            pixel.done()

    # Section 5

    def layer(self, name: str, x: Any) -> tuple[Any, int]:
        weight, bias = (
            self.tensors[f"{name}.{part}"].astype(np.int64) for part in ("weight", "bias")
        )
        return x @ weight + bias[0], int(self.tensors[f"{name}.shift"][0])

    def hidden(self, name: str, x: Any) -> Any:
        sums, shift = self.layer(name, x)
        u = np.maximum(sums, sums // 8)
        return np.clip((2 * u + 2**shift) // 2 ** (shift + 1), -(2**21), 2**21)

    @property
    def numbers(self) -> Any:
        """[C, height, width], in coding order of channels."""
        made = np.array([[self.x[y, x] for x in range(self.W)] for y in range(self.H)]) // 64
        return made.transpose((2, 1, 0) if self.turned else (2, 0, 1))


class Pixel:
    def __init__(self, picture: Planes, y: int, x: int) -> None:
        self.of, self.place = picture, (y, x)
        C, near = picture.C, picture.near
        around = [picture.values(y - u, x + r) for u, r in NEIGHBOURS]
        xs, es = [a for a, _ in around], [b for _, b in around]
        self.base = [(xs[0][c] + xs[1][c]) >> 1 for c in range(C)]
        d = [[xs[j][c] - self.base[c] for c in range(C)] for j in range(18)]
        M = len(near)
        self.scale = (sum(abs(d[j][c]) for j, c in near) * (65536 // M) >> 16) + 64
        self.inverse = 2**30 // self.scale
        self.spread = [
            (sum(w * abs(es[j][c]) for j, w in enumerate((2, 2, 1, 1, 1, 1))) >> 3) + 4
            for c in range(C)
        ]
        self.v = [self.share(d[j][c]) for j, c in near]
        z = picture.z if picture.side is not None else None
        if z:
            self.v += [self.share(z(c, y, x) - self.base[c]) for c in range(C)]
            M += C
        self.M = M
        N = M + C
        zero = np.zeros((N, N), dtype=object)
        self.A0 = picture.A.get((y, x - 1), zero)
        above = picture.B.get((y - 1, min(x + 2, picture.W - 1)), zero)
        self.F = above - (above >> 3)
        self.m = self.A0 + self.F + 65536 * np.eye(N, dtype=int).astype(object)
        self.r = [64 * n for n in self.v] + [0] * C
        for k in range(M):
            self.eliminate(k)
        seen = [self.share(d[j][c]) if c < C else 0 for j in range(18) for c in range(3)]
        seen += [self.ratio(es[j][c], c) if c < C else 0 for j in range(6) for c in range(3)]
        seen += [log(self.scale) - 128]
        seen += [log(self.spread[c]) - 128 if c < C else 0 for c in range(3)]
        if z:
            others = [(c, 1) for c in range(1, 3)]
            for c, far_off in [(0, 2), *others]:
                seen += [
                    self.share(z(c, y - u, x + r) - self.base[c]) if c < C else 0
                    for u in range(far_off, -far_off - 1, -1)
                    for r in range(-far_off, far_off + 1)
                ]
            rests = [picture.apart(y - u, x + r) for u, r in NEIGHBOURS[:6]]
            for c in range(3):
                told = c < C and sum(
                    w * abs(a[c]) for w, a in zip((2, 2, 1, 1, 1, 1), rests, strict=True)
                )
                seen.append(log((told >> 3) + 4) - 128 if c < C else 0)
        hidden = picture.hidden("trunk.first", 16 * np.array(seen))
        self.shared = picture.hidden("trunk.second", hidden)
        self.own: list[int] = []
        self.x: list[int] = []
        self.e: list[int] = []

    def share(self, d: int) -> int:
        return limit(d * self.inverse >> 24, 511)

    def ratio(self, e: int, c: int) -> int:
        return limit(e * (2**20 // self.spread[c]) >> 14, 511)

    def eliminate(self, k: int) -> None:
        m, r, N = self.m, self.r, len(self.r)
        f = {i: 2**28 * m[k, i] // m[k, k] for i in range(k + 1, N)}
        for i in range(k + 1, N):
            m[i, i:] -= f[i] * m[k, i:] >> 28
            r[i] -= f[i] * limit(r[k], 2**24) >> 28

    def begin(self, c: int) -> None:
        """The law of channel c: sections 4 to 6."""
        P = self.of
        shift = limit(-self.r[self.M + c], 65536)
        self.p = clip(self.base[c] + (shift * self.scale >> 12), 0, 64 * P.most)
        extras = [limit(shift >> 6, 511), log(self.spread[c]) - 128, *self.own]
        if P.side is not None:
            y, x = self.place
            for u, r in ((0, 0), (0, -1), (1, 0), (0, 1), (-1, 0)):
                extras.append(self.ratio(P.z(c, y - u, x + r) - self.p, c))
            extras += [self.ratio(self.x[b] - P.z(b, y, x), b) for b in range(c)]
        x = np.concatenate([self.shared, 16 * np.array(extras)])
        x = P.hidden(f"head{c}.hidden", P.hidden(f"head{c}.first", x))
        sums, shift = P.layer(f"head{c}.out", x)
        one = 2 ** (10 + shift)

        def rounded(a: int) -> int:
            return (2 * a + one) // (2 * one)

        told = [int(n) for n in sums]
        weight = [rounded(64 * n) for n in told[:3]]
        mean = [self.p + (limit(rounded(64 * n), 4096) * self.spread[c] >> 6) for n in told[3:6]]
        level = [clip(log(self.spread[c]) + rounded(16 * n), 16, 320) for n in told[6:]]
        logistic, exponential, inverse = (
            P.tensors[f"law.{name}"].tolist() for name in ("logistic", "exponential", "inverse")
        )
        E = [exponential[min(max(weight) - n, 1023)] for n in weight]
        q = [4096 * n // sum(E) for n in E]
        q[0] += 4096 - sum(q)
        self.wide = max(0, (max(level) - 137) >> 4)
        middle = sum(a * b for a, b in zip(q, mean, strict=True)) >> 12
        self.centre = clip((middle + 32) >> 6, 0, P.most)
        F = []
        for j in range(65):
            first, t = self.first(j), 0
            for k in range(3):
                z = ((64 * first - 32 - mean[k]) * inverse[level[k] - 16] + 2**28) >> 18
                t += q[k] * logistic[clip(z, 0, 2048)]
            if first <= 0 or j == 0:
                t = 0
            if j and (first > P.most or j == 64):
                t = 2**34
            F.append((t * (2**24 - 64) >> 34) + j)
        self.f = [b - a for a, b in pairwise(F)]

    def first(self, j: int) -> int:
        return self.centre + (j - 32) * 2**self.wide

    def known(self, c: int, sample: int) -> None:
        e, v = 64 * sample - self.p, self.share(64 * sample - self.base[c])
        self.x.append(64 * sample)
        self.e.append(e)
        self.v.append(v)
        self.own += [v, self.ratio(e, c)]
        k = self.M + c
        self.r[k] += 64 * v
        if c + 1 < self.of.C:
            self.eliminate(k)

    def done(self) -> None:
        v = np.array(self.v, dtype=object)
        A = self.A0 - (self.A0 >> 4) + 64 * np.outer(v, v)
        self.of.A[self.place], self.of.B[self.place] = A, A + self.F
        if self.of.side is not None:
            self.of.a[self.place] = [n - self.of.z(c, *self.place) for c, n in enumerate(self.x)]
        self.of.x[self.place], self.of.e[self.place] = self.x, self.e
