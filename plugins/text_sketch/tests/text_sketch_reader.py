"""A reader of spec/embeddings/text_sketch.md in plain integers. Written from the text: it uses nothing of gcodec's."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, isqrt, pi, sqrt
from pathlib import Path

from text_entropy import Refused, Stream

DATA = Path(__file__).resolve().parents[3] / "spec" / "data"
SIDES = (0, 64, 48, 40, 32, 28, 24, 20, 16, 14, 12, 11, 10, 9, 8, 7, 6, 5, 4)
PLANES = ((54, 150), (15, 55), (13, 45))


def filled(rest: list[int]) -> list[int]:
    rest[0] += 2**24 - sum(rest)
    return rest


@dataclass
class Layer:
    """Sections 1 to 3: the caption's bytes, multiples by (plane, u, v), strengths by cell."""

    data: bytes
    height: int
    width: int
    steps: dict[tuple[int, int, int], int] = field(default_factory=dict)
    tables: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.data) < 3:
            raise Refused("short")
        settings, self.error = self.data[0], self.data[1]
        self.level = settings & 31
        start = 4 if settings & 64 else 3
        length = int.from_bytes(self.data[2:start], "little")
        if self.level > 18 or settings & 128 or (settings & 64 and length < 256):
            raise Refused("settings")
        if start + length > len(self.data):
            raise Refused("caption")
        self.caption = self.data[start : start + length]
        self.n = 24 + 6 * self.level
        stream = Stream(self.data[start + length :])
        if settings & 32:
            self._colours(stream)
        self._sketch(stream)
        stream.close()

    def _colours(self, stream: Stream) -> None:
        H, W, n = self.height, self.width, self.n
        L, S = max(H, W), min(H, W)
        for plane, (spread, mean) in enumerate(PLANES):
            reach = 8 * spread * n // 1000
            for u in range(min(H - 1, reach) + 1):
                for v in range(min(W - 1, reach) + 1):
                    a, b = (u, v) if H >= W else (v, u)
                    q = a * a + b * b * L * L // (S * S)
                    if u == v == 0:
                        table = self.row(mean * n, 1)
                    elif q * 10**6 <= (8 * spread * n) ** 2:
                        table = self.row(spread * n, q)
                    else:
                        continue
                    self.tables.append(table)
                    p = stream.entry(table)
                    self.steps[plane, u, v] = (p + 1) // 2 if p % 2 else -(p // 2)

    @staticmethod
    def row(M: int, q: int) -> list[int]:
        U = q * 10**6
        theta = (isqrt((M * M + U) * 2**20) - isqrt(U * 2**20)) * 2**16 // (M * 2**10)
        w = [2**30]
        for _ in range(95):
            w.append(w[-1] * theta // 2**16)
        T = sum(w[(p + 1) // 2] for p in range(191))
        return filled([1 + w[(p + 1) // 2] * (2**24 - 191) // T for p in range(191)])

    def _sketch(self, stream: Stream) -> None:
        self.side = SIDES[self.level] or max(self.height, self.width)
        self.h, self.w = -(-self.height // self.side), -(-self.width // self.side)
        lines = (DATA / "text_sketch_counts.txt").read_text().splitlines()
        counts = [list(map(int, line.split())) for line in lines]
        self.cells: dict[tuple[int, int], int] = {}
        for t in range(self.w + 2 * (self.h - 1)):
            wave = [(y, t - 2 * y) for y in range(self.h) if 0 <= t - 2 * y < self.w]
            learnt = []
            for y, x in wave:
                places = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0))
                W, N, NW, NE, WW, NN = (self.cells.get((y + i, x + j), 3) for i, j in places)
                A = 4 * isqrt(2 * (4 * W + 4 * N + 2 * NW + 2 * NE + WW + NN))
                A += min((abs(W - NW) + abs(N - NW) + abs(N - NE) + 1) // 2, 3)
                B = 76 + 8 * min(W, 7) + min(N, 7)
                s = [a + b for a, b in zip(counts[A], counts[B], strict=True)]
                k = stream.entry(filled([1 + c * (2**24 - 13) // sum(s) for c in s]))
                learnt.append((y, x, A, B, k))
            for y, x, A, B, k in learnt:
                self.cells[y, x] = k
                counts[A][k] += 16
                counts[B][k] += 16

    # --- section 4

    def sample(self, y: int, x: int) -> tuple[float, float, float]:
        def e(u: int, at: int, side: int) -> float:
            return 1 if u == 0 else sqrt(2) * cos(pi * u * (2 * at + 1) / (2 * side))

        X = [0.5, 0.0, 0.0]
        for (plane, u, v), step in self.steps.items():
            X[plane] += step / self.n * e(u, y, self.height) * e(v, x, self.width)
        Y, Cb, Cr = X
        red, blue = Y + 1.402 * Cr, Y + 1.772 * Cb
        rgb = red, Y - 0.344136 * Cb - 0.714136 * Cr, blue
        return tuple(min(max(value, 0.0), 1.0) for value in rgb)  # type: ignore[return-value]

    def strength(self, y: int, x: int) -> float:
        def along(j: int, count: int) -> tuple[int, int, float]:
            p = (j + 0.5) / self.side - 0.5
            low = int(p // 1)
            return min(max(low, 0), count - 1), min(max(low + 1, 0), count - 1), p - low

        (a, b, s), (c, d, t) = along(y, self.h), along(x, self.w)

        def r(i: int, j: int) -> float:
            return self.cells[i, j] / 12

        left = r(a, c) + s * (r(b, c) - r(a, c))
        right = r(a, d) + s * (r(b, d) - r(a, d))
        return float((left + t * (right - left)) ** 2)
