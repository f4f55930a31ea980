"""A reader of spec/embeddings/uqdm.md, sections 1 to 7, in 64-bit integers. Written from the text; rows are gcodec's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from text_channels import forty_digits
from text_entropy import Refused, Stream
from text_integer import halved_up, neighbourhoods

from gcodec.randomness import Domain, Randomness

Ints = NDArray[np.int64]
NORM, C = (886, 362, 418), (47888, 16931, 5644, 1881, 627)
GROUPS = ([0], [1], [2], [3, 4, 5], [6, 7, 8])
T = [int(2**26 / (1 + math.exp((768 - p) / 64))) for p in range(1537)]
S = Fraction(1090507732665257659207010655760707978993, 10**39)


class Array:
    """Section 2: averages (level 7) or details of a level."""

    def __init__(self, level: int, h: int, w: int, start: int) -> None:
        if level == 7:
            self.V = np.array([64 * norm for norm in NORM])
            a, b = np.array([0, -255, -255]), np.array([255] * 3)
        else:
            c = [divmod(channel, 3) for channel in range(9)]
            self.V = np.array([NORM[k] * 2**level // (4 if band == 2 else 2) for k, band in c])
            b = np.array([255 * (2 if band == 2 else 1) * (2 if k else 1) for k, band in c])
            a = -b
        shape = (h, w, len(self.V))
        self.start, self.size = start, h * w * len(self.V)
        self.lo = np.broadcast_to(a * self.V - self.V // 2, shape).astype(np.int64)
        self.hi = np.broadcast_to(b * self.V + self.V - self.V // 2, shape).astype(np.int64)

    def cells(self, stage: int, randomness: Randomness) -> tuple[Ints, ...]:
        """Section 3: e, c, count, lo, hi."""
        lo, hi = self.lo, self.hi
        if stage < 4:
            words = randomness.bits(Domain.DITHER, stage, 0, self.size, self.start)
            o = (words.astype(np.int64) * C[stage] >> 32).reshape(lo.shape)
            j = (lo + o) // C[stage]
            count = (hi - 1 + o) // C[stage] - j + 1
            return j * C[stage] - o, np.full_like(lo, C[stage]), count, lo, hi
        j = -(-lo // self.V)
        count = np.maximum((hi - 1) // self.V - j + 1, 1)
        e, c = j * self.V - self.V // 2, np.broadcast_to(self.V, lo.shape)
        return e, c, count, e, e + count * c

    def estimate(self) -> Ints:
        """Section 6."""
        j, last = -(-self.lo // self.V), (self.hi - 1) // self.V
        return np.where(j == last, 64 * j, 32 * twice(self.lo, self.hi) // self.V)


def twice(lo: Ints, hi: Ints) -> Ints:
    return np.where((lo <= 0) & (hi > 0), 0, lo + hi)


def values(lo: Ints, hi: Ints, width: int) -> Ints:
    return halved_up(64 * twice(lo, hi), 2 * width)


def features(v: Ints) -> Ints:
    a = 64 + 4 * np.abs(v)
    k = np.frexp(a)[1] - 1
    log = 64 * (k - 7) + halved_up(64 * a, 2 ** k.astype(np.int64))
    return np.concatenate([16 * np.clip(v, -960, 960), 16 * np.minimum(log, 960)], 2)


def relu(x: Ints) -> Ints:
    return np.clip(x, 0, 2**20)


def lim(x: Ints) -> Ints:
    return np.clip(x, -(2**20), 2**20)


def half(x: Ints) -> Ints:
    return np.where(x % 64 == 0, 64 * ((x // 64 + 1) // 2), x // 2 + 16)


def finer(A: Ints, details: Ints, h: int, w: int, halve: Any = half) -> Ints:
    """Section 6."""
    out = np.zeros((2 * len(A), 2 * A.shape[1], 3), np.int64)
    lh, hl, hh = (details[..., band::3] for band in range(3))
    p, q = A + halve(lh), hl + halve(hh)
    for row in range(2):
        out[row::2, 0::2] = p + halve(q)
        out[row::2, 1::2] = p + halve(q) - q
        p, q = p - lh, q - hh
    return out[:h, :w]


class Picture:
    """What the layers say."""

    def __init__(
        self, H: int, W: int, model: tuple[Mapping[str, Any], Mapping[str, Any]], seed: int
    ) -> None:
        self.sizes = [(-(-H // 2**level), -(-W // 2**level)) for level in range(7)]
        self.P = model[0]["network"]["passed"]
        self.tensors = {
            name: np.array(t, np.int64) for name, t in model[1].items() if name[0] == "p"
        }
        self.randomness = Randomness(seed)
        self.arrays = {7: Array(7, *self.sizes[6], 0)}
        start = self.arrays[7].size
        for level in range(6, 0, -1):
            self.arrays[level] = Array(level, *self.sizes[level], start)
            start += self.arrays[level].size
        self.A = np.zeros(0, np.int64)
        self.handed = np.zeros(0, np.int64)
        self.symbols: list[int] = []

    def read(self, layers: Sequence[bytes]) -> None:
        """Section 1."""
        if not 1 <= len(layers) <= 17 or not all(layers):
            raise Refused("layers")
        for index, layer in enumerate(layers):
            stream, (stage, part) = Stream(layer[1:]), divmod(index, 4)
            levels = [[7, 6, 5, 4], [3], [2], [1]][part] if stage < 4 else [7, 6, 5, 4, 3, 2, 1]
            for level in levels:
                if level == 7:
                    self.averages(stage, stream)
                else:
                    self.level(stage, level, stream)
            stream.close()

    def group(self, stream: Stream, count: Ints, tables: Any) -> Ints:
        """Section 4."""
        m, flat = np.zeros(count.size, np.int64), count.ravel()
        sent = np.flatnonzero(flat > 1)
        for first in range(0, len(sent), 8192):
            strip = sent[first : first + 8192]
            N = int(flat[strip].max())
            for at in strip:
                w = tables(int(at), N)
                f = [1 + int(x) * (2**24 - N) // sum(w) for x in w]
                f[0] += 2**24 - sum(f)
                m[at] = stream.entry(f)
                if m[at] >= flat[at]:
                    raise Refused("a cell that is not there")
        self.symbols += m[sent].tolist()
        return m.reshape(count.shape)

    def averages(self, stage: int, stream: Stream) -> None:
        array = self.arrays[7]
        e, c, count, lo, hi = array.cells(stage, self.randomness)
        flat = count.ravel().tolist()
        m = self.group(stream, count, lambda at, N: [1] * flat[at] + [0] * (N - flat[at]))
        array.lo, array.hi = np.maximum(lo, e + m * c), np.minimum(hi, e + m * c + c)
        self.A = array.estimate()
        self.handed = np.zeros((*self.sizes[6], self.P), np.int64)

    def layer(self, name: str, x: Ints, k: int, side: int) -> Ints:
        weight, gain, bias, shift = (
            self.tensors[f"prior.{name}.{p}"] for p in ("weight", "gain", "bias", "shift")
        )
        s = int(shift[0])
        sums = (x if side == 1 else neighbourhoods(x, 3)) @ weight
        return (sums * gain[k] + (bias[k] + 2**11) * 2**s) // 2 ** (12 + s)

    def level(self, stage: int, level: int, stream: Stream) -> None:
        """Section 5."""
        array, width, k = self.arrays[level], C[stage], 6 * stage + level - 1
        e, c, count, lo, hi = array.cells(stage, self.randomness)
        right, below = np.zeros_like(self.A), np.zeros_like(self.A)
        right[:, :-1], below[:-1] = np.diff(self.A, axis=1), np.diff(self.A, axis=0)
        d = np.concatenate([right * array.V[::3], below * array.V[::3]], 2)
        x = np.concatenate(
            [features(halved_up(d, width)), features(values(lo, hi, width)), self.handed], 2
        )
        x = relu(self.layer("first", x, k, 3))
        y = relu(self.layer("second", x, k, 3))
        y = relu(self.layer("third", y, k, 3) + x)
        u = lim(self.layer("spread", y, k, 1))
        for i, channels in enumerate(GROUPS):
            q = self.layer(f"out.{i}", relu(self.layer(f"hidden.{i}", relu(u), k, 1)), k, 1)
            mu, g = np.split(q, 2, axis=2)
            mu = np.clip(mu, -15360, 15360)
            g = np.clip(halved_up(8 * g, 1024), -64, 40) + 64
            part = [np.ascontiguousarray(a[..., channels]) for a in (e, c, count, lo, hi)]
            mean = np.clip(0, part[3], part[4]) + mu * width // 2**10
            fields = [a.ravel().tolist() for a in (*part, mean, g)]
            m = self.group(
                stream, part[2], lambda at, N, of=fields: logistic([a[at] for a in of], N, width)
            )
            lower = part[0] + m * part[1]
            array.lo[..., channels] = np.maximum(part[3], lower)
            array.hi[..., channels] = np.minimum(part[4], lower + part[1])
            z = features(values(array.lo[..., channels], array.hi[..., channels], width))
            u = lim(u + self.layer(f"known.{i}", z, k, 3))
        r = relu(self.layer("hand", relu(u), k, 1))
        h, w = self.sizes[level - 1]
        handed = np.zeros((2 * r.shape[0], 2 * r.shape[1], self.P), np.int64)
        for i in range(2):
            for j in range(2):
                handed[i::2, j::2] = r[..., 2 * i + j :: 4]
        self.handed = handed[:h, :w]
        self.A = finer(self.A, array.estimate(), h, w)

    def stored(self) -> bytes:
        """What extension 5 is the digest of, behind the errors."""
        parts = [edge.ravel() for array in self.arrays.values() for edge in (array.lo, array.hi)]
        return np.concatenate(parts).astype("<i4").tobytes()

    def estimates(self, halve: Any = half, whole: bool = False) -> Ints:
        """Section 7: Y, Co, Cg [H, W, 3]."""
        n = {level: -(-a.lo // a.V) if whole else a.estimate() for level, a in self.arrays.items()}
        A = n[7]
        for level in range(6, 0, -1):
            A = finer(A, n[level], *self.sizes[level - 1], halve)
        return A

    def lossless(self) -> Ints:
        """R, G, B [3, H, W]."""
        Y, Co, Cg = np.moveaxis(self.estimates(lambda x: (x + 1) // 2, whole=True), 2, 0)
        t = Y - Cg // 3
        b = t - Co // 2
        return np.clip(np.stack([b + Co, Cg + t, b]), 0, 255)


def logistic(of: list[int], N: int, width: int) -> list[int]:
    """w of CHANNELS.md, section 6, with two widths."""
    e, c, count, lo, hi, mean, g = of
    R = scale(width, g)

    def F(u: int) -> int:
        v = max(-49152, min(49151, u * R >> 20)) + 49152
        p = v // 64
        return T[p] + (T[p + 1] - T[p]) * (v % 64) // 64

    b = [F(max(lo, min(hi, e + m * c)) - mean) for m in range(count + 1)]
    return [b[m + 1] - b[m] + 4096 if m < count else 0 for m in range(N)]


@cache
def scale(width: int, g: int) -> int:
    """R."""
    P, U = forty_digits(S**g), forty_digits(Fraction(2**40, width))
    return int(forty_digits(U / P))
