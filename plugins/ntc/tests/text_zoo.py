"""A reader of spec/embeddings/ntc_zoo.md in 64-bit integers. Written from the text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "core" / "tests"))

from text_entropy import Stream  # noqa: E402
from text_integer import Ints, Layer, halved_up, neighbourhoods, tables_of  # noqa: E402

ENLARGING = {"bmshj2018": (0, 1), "mbt2018": (0, 1), "cheng2020": (1, 3)}


def activation(u: Ints, shift: int) -> Ints:
    return np.clip(halved_up(u, 2**shift), -(2**21), 2**21)


def leaky(s: Ints) -> Ints:
    return np.maximum(s, s // 100)


def value(s: Ints, shift: int) -> Ints:
    return np.clip(halved_up(4 * s, 2**shift), -(2**30), 2**30)


def read(config: dict[str, Any], tensors: dict[str, Any], level: int, data: bytes) -> Any:
    """Symbols of hyper-latents (or None) and latents of a stream; `config` has the picture's sides too."""
    name, m = config["architecture"], config["M"]
    hyper = "factorized" not in name
    context, means = "integer.context.weight" in tensors, "hyperprior" not in name
    tables, stream = tables_of(tensors), Stream(data)
    median = np.array(tensors["integer.median"], np.int64)
    f = 64 if hyper else 16
    h, w = (f // 16 * -(-config[side] // f) for side in ("height", "width"))
    l = level if hyper else 8 * ((level + 4) // 8)  # noqa: E741  (the text's letter)
    delta = round(2**12 * 8 ** ((128 - l) / 128))

    def layer(at: str) -> Layer:
        return Layer(tensors, f"integer.{at}")

    def batch(index: Ints) -> Ints:
        return np.array(stream.batch(tables, index.ravel().tolist()), np.int64).reshape(index.shape)

    if not hyper:
        index = np.broadcast_to(l // 8 * m + np.arange(m), (h, w, m))
        y = np.clip(delta * batch(index) + 4 * median, -(2**30), 2**30)
        stream.close()
        return None, y
    first = len(tensors["integer.scales"]) + 1
    z = batch(np.broadcast_to(first + np.arange(config["N"]), (h // 4, w // 4, config["N"])))
    told = np.clip(2**10 * z + median, -(2**21), 2**21)
    count = sum(key.startswith("integer.h_s") for key in tensors) // 3
    for i in range(count):
        each = layer(f"h_s{i}")
        s = each.sums(neighbourhoods(told, 3), 0)
        if i < count - 1:
            told = activation(leaky(s) if means else np.maximum(s, 0), each.shift)
        else:
            told = activation(s, each.shift) if context else value(s, each.shift)
        if i in ENLARGING[name.split("-")[0]]:
            wide = np.zeros((2 * told.shape[0], 2 * told.shape[1], told.shape[2] // 4), np.int64)
            for tap in range(4):
                wide[tap // 2 :: 2, tap % 2 :: 2] = told[:, :, tap::4]
            told = wide
    scales, y = np.array(tensors["integer.scales"], np.int64), np.zeros((h, w, m), np.int64)

    def latents(made: Ints) -> Ints:
        d = np.maximum(made[..., :m], tensors["integer.bound"][0])
        mean = made[..., m:] if means else 0
        index = (scales * delta // 2**12 < d[..., None]).sum(-1)
        return np.clip(delta * batch(index) + mean, -(2**30), 2**30)

    if not context:
        y = latents(told)
        stream.close()
        return z, y
    for t in range(w + 3 * (h - 1)):
        places = [(row, t - 3 * row) for row in range(h) if 0 <= t - 3 * row < w]
        made = []
        for row, column in places:
            taps = [(dy, dx) for dy in (-2, -1, 0) for dx in range(-2, 3) if dy or dx < 0]
            a = [
                activation(y[row + dy, column + dx], 2)
                if row + dy >= 0 and 0 <= column + dx < w
                else np.zeros(m, np.int64)
                for dy, dx in taps
            ]
            each = layer("context")
            x = np.concatenate(
                [told[row, column], activation(each.sums(np.concatenate(a), 0), each.shift)]
            )
            for i in range(2):
                each = layer(f"parameters{i}")
                x = activation(leaky(each.sums(x, 0)), each.shift)
            each = layer("parameters2")
            made.append(value(each.sums(x, 0), each.shift))
        if places:
            rows, columns = np.array(places).T
            y[rows, columns] = latents(np.array(made))
    stream.close()
    return z, y
