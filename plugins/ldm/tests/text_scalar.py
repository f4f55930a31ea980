"""A reader of spec/embeddings/rate_variable.md and ldm_quant.md, from the texts; the common randomness is gcodec's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.randomness import Randomness

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "core" / "tests"))

from text_entropy import Refused, Stream  # noqa: E402
from text_integer import Ints, Model, model_file, tables_of  # noqa: E402

_T = """144 181 228 287 362 456 575 724 912 1149 1448 1825 2299 2896 3649 4598 5793 7298 9195 11585 14596 18390
    23170 29193 36781 46341 58386 73562 92682 116772"""
_RATIOS = """1024 1290 1624 2046 2576 3243 4080 5129 6439 8068 10077 12529 15471 18922 22847 27146 31654 36171 40503
    44500 48068 51169 53810 56022 57854 59356 60578 61568 62366 63006 63520"""


def width_of(code: int) -> float:
    return float(2 ** (2.5 - 5 * code / 65535))


def dither(seed: int, h: int, w: int, channels: int) -> tuple[Ints, NDArray[np.float64]]:
    """k and u, [h, w, C]."""
    u = np.asarray(Randomness(seed).dither(5, 0, 24, (h, w, channels))).astype(np.float64)
    return np.floor(16 * u + 0.5).astype(np.int64), u


class Reader:
    """Payloads under one model of class LatentEntropy."""

    def __init__(self, folder: Path) -> None:
        config, tensors = model_file(folder)
        self.factor = config["latents"]["factor"]
        self.model = Model(config["entropy"], tensors)
        self.starts = np.cumsum([0, *config["entropy"]["groups"]])
        self.tables = tables_of(tensors)

    def rate_variable(self, payload: bytes, height: int, width: int) -> tuple[Any, bytes]:
        """The latent, and the bytes of the digest."""
        if len(payload) < 2:
            raise Refused("no head")
        code = 256 * payload[0] + payload[1]
        stream = Stream(payload[2:])

        def batch(mean: Ints, scale: Ints, number: int, places: Ints) -> Ints:
            return self._anchored(stream, mean, scale, number)

        z, y = self.model.read((code + 128) // 257, *self._grid(height, width), batch)
        stream.close()
        return width_of(code) * y / 16, payload[:2] + told(z, y)

    def ldm_quant(self, payload: bytes, seed: int, height: int, width: int) -> tuple[Any, bytes]:
        """The latent, and the bytes of the digest."""
        h, w = self._grid(height, width)
        data, k, u = opened(payload, seed, h, w, int(self.starts[-1]))
        stream = Stream(data)
        flat = k.reshape(h * w, -1)

        def batch(mean: Ints, scale: Ints, number: int, places: Ints) -> Ints:
            if number == 0:
                return self._anchored(stream, mean, scale, number)
            group = (0, 0, 0, 1, 1, 2, 3)[number]
            here = flat[places, self.starts[group] : self.starts[group + 1]]
            a = mean + here
            n = (a + 8) // 16
            e = a - 16 * n
            j = scale if data == payload[1:] else np.maximum(4, np.minimum(scale, 2 * scale - 20))
            index = np.where(j >= 36, j, 134 + 9 * j + np.abs(e))
            t = np.array(stream.batch(self.tables, index.ravel().tolist()), np.int64)
            return 16 * (n + np.where(e < 0, -1, 1) * t.reshape(mean.shape)) - here

        z, y = self.model.read(payload[0], h, w, batch)
        stream.close()
        return width_of(257 * payload[0]) * ((y + k) / 16 - u), payload[:1] + told(z, y)

    def _grid(self, height: int, width: int) -> tuple[int, int]:
        return -(-height // self.factor), -(-width // self.factor)

    def _anchored(self, stream: Stream, mean: Ints, scale: Ints, number: int) -> Ints:
        index = scale + (67 if number == 0 else 0)
        found = stream.batch(self.tables, index.ravel().tolist())
        return 16 * np.array(found, np.int64).reshape(mean.shape) + mean


def told(z: Ints, y: Ints) -> bytes:
    return np.concatenate([z.ravel(), y.ravel()]).astype("<i4").tobytes()


def opened(payload: bytes, seed: int, h: int, w: int, channels: int) -> tuple[bytes, Any, Any]:
    """The stream of a payload of ldm_quant, k and u."""
    if not payload:
        raise Refused("no head")
    if payload[1:].endswith(b"\0"):
        return payload[1:-1], *dither(seed, h, w, channels)
    zeros = np.zeros((h, w, channels), np.int64)
    return payload[1:], zeros, zeros


def geometric(q: int) -> list[int]:
    g = [2**40]
    while len(g) < 500 and g[-1] >= 2**20:
        g.append(g[-1] * q // 2**16)
    w = [g[0], *(each for each in g[1:] for _ in range(2)), 2 * g[-1] * q // (2**16 - q)]
    f = [1 + each * (2**24 - len(w)) // sum(w) for each in w]
    f[0] += 2**24 - sum(f)
    return f


def adaptive(payload: bytes, seed: int, h: int, w: int, channels: int) -> tuple[Any, bytes]:
    """Section 5 of ldm_quant.md: the latent, and the bytes of the digest."""
    data, k, u = opened(payload, seed, h, w, channels)
    stream = Stream(data)
    tables, limits = [geometric(int(q)) for q in _RATIOS.split()], [int(t) for t in _T.split()]
    y, r = np.zeros((2, h, w, channels), np.int64)
    nothing, sums = np.zeros(channels, np.int64), np.zeros((5, channels), np.int64)
    least = [c if c < 4 else (2 + c % 2) * 2 ** (c // 2 - 1) for c in range(40)]
    A = np.tile([4 * (4096 * each // 96) for each in least], (channels, 1))
    B = np.full_like(A, 4)

    def around(values: Ints, row: int, column: int) -> tuple[Ints, Ints, Ints, Ints]:
        west = values[row, column - 1] if column else None
        north = values[row - 1, column] if row else None
        west, north = (north if west is None else west), (west if north is None else north)
        west, north = (nothing if each is None else each for each in (west, north))
        east = values[row - 1, column + 1] if row and column + 1 < w else north
        return west, north, east, values[row - 1, column - 1] if row and column else west

    for t in range(w + 2 * (h - 1)):
        places = [(row, t - 2 * row) for row in range(h) if 0 <= t - 2 * row < w]
        if not places:
            continue
        found = []
        for row, column in places:
            W, N, NE, NW = around(y, row, column)
            five = [nothing, W, N, (W + N) // 2, (3 * W + 3 * N + NE + NW) // 8]
            best = sums.argmin(0)
            p = np.array([five[best[c]][c] for c in range(channels)])
            rW, rN, rNE, rNW = around(r, row, column)
            m = 2 * rW + 2 * rN + rNE + rNW
            v = (channels * m + m.sum()) // (2 * channels)
            context = [context_of(int(each)) for each in v]
            mean = [A[c, context[c]] // B[c, context[c]] for c in range(channels)]
            index = [sum(limit <= each for limit in limits) for each in mean]
            found.append((five, p, context, index))
        read = stream.batch(tables, [i for *_, index in found for i in index])
        for number, ((row, column), (five, p, context, _)) in enumerate(
            zip(places, found, strict=True)
        ):
            told_here = np.array(read[number * channels : (number + 1) * channels], np.int64)
            s = (p + k[row, column] + 8) // 16 + told_here
            if np.abs(s).max() > 2**22:
                raise Refused("a symbol too large")
            y[row, column] = 16 * s - k[row, column]
            r[row, column] = np.abs(p - y[row, column])
            sums += np.abs(np.array(five) - y[row, column])
            for c in range(channels):
                A[c, context[c]] += 4096 * abs(told_here[c])
                B[c, context[c]] += 1
    stream.close()
    latent = width_of(257 * payload[0]) * ((y + k) / 16 - u)
    return latent, payload[:1] + told(np.zeros(0, np.int64), y)


def context_of(v: int) -> int:
    if v < 4:
        return v
    g = v.bit_length() - 1
    return min(39, 2 * g + v // 2 ** (g - 1) % 2)
