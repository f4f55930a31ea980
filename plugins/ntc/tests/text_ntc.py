"""A reader of spec/embeddings/ntc.md: symbols in integers, the preview in binary64. Written from the text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "core" / "tests"))

from text_entropy import Refused, Stream  # noqa: E402
from text_integer import Ints, Model, model_file, tables_of  # noqa: E402

Floats = NDArray[np.float64]


class Reader:
    """Payloads of one model folder of class NtcModel."""

    def __init__(self, folder: Path) -> None:
        config, self.tensors = model_file(folder)
        self.model = Model(config["entropy"], self.tensors)
        self.tables = tables_of(self.tensors)

    def symbols(self, payload: bytes, height: int, width: int) -> tuple[int, Ints, Ints, bytes]:
        """Level, hyper-latents, latents, and the bytes of the digest."""
        if len(payload) < 2:
            raise Refused("no head")
        level, stream = payload[0], Stream(payload[2:])

        def batch(mean: Ints, scale: Ints, number: int, places: Ints) -> Ints:
            index = scale + (67 if number == 0 else 0)
            found = stream.batch(self.tables, index.ravel().tolist())
            return 16 * np.array(found, np.int64).reshape(mean.shape) + mean

        z, y = self.model.read(level, -(-height // 16), -(-width // 16), batch)
        stream.close()
        told = np.concatenate([z.ravel(), y.ravel()]).astype("<i4").tobytes()
        return level, z, y, payload[:2] + told

    def preview(self, level: int, y: Ints, height: int, width: int) -> Floats:
        """Samples [rows, columns, 3] in [0, 1]."""
        p = {
            name.removeprefix("synthesis."): value.astype(np.float64)
            for name, value in self.tensors.items()
            if name.startswith("synthesis.")
        }

        def at(name: str) -> Floats:
            place = level / 255 * (len(p[name]) - 1)
            k = min(int(place), len(p[name]) - 2)
            return np.asarray(p[name][k] * (1 - (place - k)) + p[name][k + 1] * (place - k))

        def conv(name: str, u: Floats) -> Floats:
            return convolved(u, p[f"{name}.weight"]) + p[f"{name}.bias"]

        def blocks(name: str, u: Floats) -> Floats:
            count = sum(key.startswith(name) for key in p) // 2
            for i in range(count):
                u = u + leaky(conv(f"{name}.{i}", u))
            return u

        v = y / 16
        u = leaky(conv("squeeze", v / (1 + np.abs(v) / 4)) + at("squeeze_q"))
        v = (v + conv("expand", blocks("latent_blocks", u))) * np.exp2(at("ungain"))
        h, w = v.shape[:2]
        full = np.zeros((h, w, 768))
        full[:, :, self.tensors["synthesis.order"]] = v
        x = full.reshape(h, w, 3, 16, 16)
        x = np.einsum("hwokl,km->hmwol", x, p["dct"]).reshape(16 * h, w, 3, 16)
        x = borders(x, p["post"])
        x = np.einsum("ywol,lm->ywmo", x, p["dct"]).reshape(16 * h, 16 * w, 3)
        x = borders(x.transpose(1, 0, 2), p["post"]).transpose(1, 0, 2)
        x = x @ p["colour"]
        u = x.reshape(4 * h, 4, 4 * w, 4, 3).transpose(0, 2, 4, 1, 3).reshape(4 * h, 4 * w, 48) / 64
        u = blocks("sample_blocks", leaky(conv("gather", u) + at("gather_q")))
        u = conv("spread_out", u).reshape(4 * h, 4 * w, 3, 4, 4).transpose(0, 3, 1, 4, 2)
        x = x + 64 * u.reshape(16 * h, 16 * w, 3)
        return np.asarray(np.clip((x + 127.5) / 255, 0, 1)[:height, :width])


def leaky(u: Floats) -> Floats:
    return np.maximum(u, u / 8)


def convolved(u: Floats, weight: Floats) -> Floats:
    """[h, w, C] and [out, C, k, k], zeros outside."""
    k = weight.shape[2]
    padded = np.pad(u, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    h, w = u.shape[:2]
    taps = (
        padded[dy : dy + h, dx : dx + w] @ weight[:, :, dy, dx].T
        for dy in range(k)
        for dx in range(k)
    )
    return np.asarray(sum(taps))


def borders(x: Any, post: Floats) -> Floats:
    """The filter across every border between blocks of the first axis."""
    x = x.copy()
    for at in range(8, len(x) - 8, 16):
        x[at : at + 16] = np.tensordot(post, x[at : at + 16], 1)
    return np.asarray(x)
