"""A reader of section 8 of spec/embeddings/ntc.md: symbols one by one, the preview in binary64. Written from the text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from text_ntc import Floats, Refused, Stream, borders, model_file, tables_of

Ints = NDArray[np.int64]
AXES = ((-1, 0), (1, 0), (0, -1), (0, 1))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
#: Largest features.
MOST = (255, 255, 255, 255, 255, 1020, 1020, 1020, 1020, 255, 255, 1020, 1020)


class LinearReader:
    """Layers of the linear mode under one model folder of class NtcRange."""

    def __init__(self, folder: Path) -> None:
        config, tensors = model_file(folder)
        assert config["_class_name"] == "NtcRange"
        self.networks: str = config["networks"]
        self.p = {k.removeprefix("linear."): v for k, v in tensors.items() if k[:7] == "linear."}
        self.tables = tables_of(tensors)
        base, weight = self.p["base"].astype(object), self.p["weight"].astype(object)
        sound = base.max(0) + (weight * np.array(MOST, object)).sum(-1) < 1 << 31
        least = min(self.p[name].min() for name in ("base", "weight", "thresholds"))
        if not sound.all() or least < 0 or (np.diff(self.p["thresholds"]) < 1).any():
            raise Refused("model")

    def symbols(
        self,
        payload: bytes,
        height: int,
        width: int,
        told: Callable[[tuple[int, int, int], list[int], list[int], Stream], None] | None = None,
    ) -> tuple[int, Ints, bytes]:
        """D, coefficients [3, 16, 16, h, w], and the bytes of the digest; `told` is told of each batch."""
        if len(payload) < 3 or payload[2] > 160:
            raise Refused("head")
        number, stream = payload[2], Stream(payload[3:])
        h, w = -(-height // 16), -(-width // 16)
        seen: dict[tuple[int, int, int, int, int], int] = {}
        q = np.zeros((3, 16, 16, h, w), np.int64)

        def m(c: int, u: int, v: int, i: int, j: int) -> int:
            return min(abs(seen.get((c, u, v, i, j), 0)), 255)

        def a(c: int, u: int, v: int, i: int, j: int, where: Any = AXES) -> int:
            return sum(m(c, u, v, i + di, j + dj) for di, dj in where)

        def scale(phase: int, c: int, u: int, v: int, i: int, j: int) -> int:
            at = (i, j)
            same = [0, a(c, u, v, *at, DIAGONAL), a(c, u, v, *at)][phase]
            features = [m(c, u - 1, v, *at), m(c, u, v - 1, *at), m(c, u - 1, v - 1, *at)]
            features += [m(c, u - 2, v, *at), m(c, u, v - 2, *at), a(c, u - 1, v, *at)]
            features += [a(c, u, v - 1, *at), a(c, u - 1, v - 1, *at), same]
            features += [m(0, u, v, *at) * (c > 0), m(1, u, v, *at) * (c == 2)]
            features += [a(0, u, v, *at) * (c > 0), a(1, u, v, *at) * (c == 2)]
            k, r = divmod(number, 32)
            low, high = (int(self.p["base"][n][phase, c, u, v]) for n in (k, min(k + 1, 5)))
            weights = self.p["weight"][phase, c, u, v]
            base = (low * (32 - r) + high * r) // 32
            return base + sum(int(x) * y for x, y in zip(weights, features, strict=True))

        for d in range(31):
            for c in range(3):
                for phase in range(3):
                    places = [
                        (c, u, d - u, i, j)
                        for u in range(max(0, d - 15), min(d, 15) + 1)
                        for i in range(h)
                        for j in range(w)
                        if phase == (2 if (i + j) % 2 else i % 2)
                    ]
                    index = [
                        int((self.p["thresholds"] <= scale(phase, *place)).sum())
                        for place in places
                    ]
                    found = stream.batch(self.tables, index)
                    for place, symbol in zip(places, found, strict=True):
                        seen[place] = symbol
                        q[place] = symbol
                        if d == 0:
                            q[place] += before(q[c, 0, 0], phase, *place[3:])
                        if abs(q[place]) > 32767:
                            raise Refused("a coefficient that is too large")
                    if told:
                        told((d, c, phase), index, list(found), stream)
        stream.close()
        return number, q, payload[:3] + q.astype("<i2").tobytes()

    def preview(self, number: int, q: Ints, height: int, width: int) -> Floats:
        """Samples [rows, columns, 3] in [0, 1]."""
        p = {name: value.astype(np.float64) for name, value in self.p.items()}
        h, w = q.shape[3:]
        x = q * 32 * 2 ** (-number / 32) / np.outer(p["norm"], p["norm"])[:, :, None, None]
        x = np.einsum("oklhw,km->hmwol", x, p["dct"]).reshape(16 * h, w, 3, 16)
        x = borders(x, p["post"])
        x = np.einsum("ywol,lm->ywmo", x, p["dct"]).reshape(16 * h, 16 * w, 3)
        x = borders(x.transpose(1, 0, 2), p["post"]).transpose(1, 0, 2) @ p["colour"]
        return np.asarray(np.clip((x + 127.5) / 255, 0, 1)[:height, :width])


def before(q: Ints, phase: int, i: int, j: int) -> int:
    """What the coefficient (0, 0) at a position is the difference from."""
    if phase == 0:
        return int(q[i, j - 2] if j else q[i - 2, 0] if i else 0)
    h, w = q.shape
    near = [(i + di, j + dj) for di, dj in (DIAGONAL if phase == 1 else AXES)]
    known = [int(q[y, x]) for y, x in near if 0 <= y < h and 0 <= x < w]
    return (2 * sum(known) + len(known)) // (2 * len(known))
