"""A reader of spec/INTEGER.md in 64-bit integers. Written from the text: of gcodec it uses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

#: Given means and scales [n, C] of a batch, its number and the places of its positions: its values, [n, C].
Batch: TypeAlias = Callable[[Ints, Ints, int, Ints], Ints]


def model_file(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """config.json, and the tensors of a safetensors file: a length in 8 bytes, a header in JSON, and the data."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    data = (folder / "diffusion_pytorch_model.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    types = {"I16": "<i2", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4"}
    tensors = {}
    for name, row in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = row["data_offsets"]
            values = np.frombuffer(data[start + first : start + last], types[row["dtype"]])
            tensors[name] = values.reshape(row["shape"])
    return config, tensors


def tables_of(tensors: Mapping[str, NDArray[Any]]) -> list[list[int]]:
    """Frequency tables of a model file (ENTROPY.md, section 6)."""
    ends = np.cumsum(tensors["tables.length"])
    return [part.tolist() for part in np.split(tensors["tables.values"], ends[:-1])]


def at_level(knots: Ints, level: int) -> Ints:
    """Section 2."""
    if len(knots) == 1:
        return knots[0]
    k, part = divmod(level * (len(knots) - 1), 255)
    return (knots[k] * (255 - part) + knots[min(k + 1, len(knots) - 1)] * part) // 255


def halved_up(a: Ints, d: int) -> Ints:
    """round(a / d), halves up."""
    return (2 * a + d) // (2 * d)


class Layer:
    """Section 3. Raises ValueError where section 4 refuses."""

    def __init__(self, tensors: Mapping[str, Any], name: str) -> None:
        self.weight = np.array(tensors[f"{name}.weight"], np.int64)
        self.bias = np.array(tensors[f"{name}.bias"], np.int64)
        self.shift = int(tensors[f"{name}.shift"][0])
        bound = np.abs(self.weight).sum(0) * 2**21 + np.abs(self.bias).max(0)
        if not 0 <= self.shift <= 24 or bound.max() >= 2**50:
            raise ValueError(name)

    def sums(self, x: Ints, level: int) -> Ints:
        return x @ self.weight + at_level(self.bias, level)

    def hidden(self, x: Ints, level: int) -> Ints:
        s = self.sums(x, level)
        return np.clip(halved_up(np.maximum(s, s // 8), 2**self.shift), -(2**21), 2**21)


def neighbourhoods(x: Ints, side: int) -> Ints:
    """Section 5: [h, w, C] -> [h, w, side^2 C]."""
    h, w, channels = x.shape
    out = np.zeros((h, w, side * side, channels), np.int64)
    for row in range(h):
        for column in range(w):
            for tap in range(side * side):
                at = row + tap // side - side // 2, column + tap % side - side // 2
                if 0 <= at[0] < h and 0 <= at[1] < w:
                    out[row, column, tap] = x[at]
    return out.reshape(h, w, -1)


def features(values: Ints, magnitude: Ints) -> Ints:
    """Section 6."""
    size = magnitude[np.minimum(np.abs(values), len(magnitude) - 1)]
    return np.concatenate([np.clip(values, -64, 64), size], -1) * 64


def told(sums: Ints, shift: int) -> tuple[Ints, Ints]:
    """Section 7: means and scales of the sums of an `out` layer."""
    m, s = np.split(sums, 2, -1)
    one = 2 ** (10 + shift)
    return (
        np.clip(halved_up(m, one // 16), -(2**14), 2**14),
        np.clip(halved_up(6 * s + 30 * one, one), 0, 66),
    )


class Model:
    """Section 8."""

    def __init__(self, sizes: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        self.groups: Sequence[int] = sizes["groups"]
        self.prior = np.array(tensors["integer.prior"], np.int64)
        self.magnitude = np.array(tensors["integer.magnitude"], np.int64)
        names = ["decode1", "decode2", "reduce1", "reduce2"]
        names += [f"head{i}.{part}" for i in range(6) for part in ("first", "hidden", "out")]
        self.layers = {name: Layer(tensors, f"integer.{name}") for name in names}

    def read(self, level: int, h: int, w: int, batch: Batch) -> tuple[Ints, Ints]:
        """Hyper-latents [ceil(h / 2), ceil(w / 2), N] and latents [h, w, C]; `batch` says the values of each batch."""
        low_h, low_w = -(-h // 2), -(-w // 2)
        mean, scale = np.split(at_level(self.prior, level), 2)
        every = np.arange(low_h * low_w)
        means, scales = (np.tile(part, (len(every), 1)) for part in (mean, scale))
        z = batch(means, scales, 0, every).reshape(low_h, low_w, -1)

        x = neighbourhoods(np.clip(z * 64, -(2**21), 2**21), 3)
        u = self.layers["decode2"].hidden(self.layers["decode1"].hidden(x, level), level)
        hyper = np.zeros((2 * low_h, 2 * low_w, u.shape[2] // 4), np.int64)
        for i in range(2):
            for j in range(2):
                hyper[i::2, j::2] = u[:, :, 2 * i + j :: 4]
        hyper = hyper[:h, :w]

        values = [np.zeros((h, w, g), np.int64) for g in self.groups]
        row, column = np.divmod(np.arange(h * w), w)
        even = (row + column) % 2 == 0
        where = {"even": np.flatnonzero(even), "odd": np.flatnonzero(~even)}
        where["all"] = np.arange(h * w)

        def group(number: int) -> Ints:
            return features(values[number], self.magnitude)

        def coded(number: int, of: int, places: str, *inputs: tuple[Ints, int]) -> None:
            x = np.concatenate([neighbourhoods(x, side) for x, side in inputs], 2)
            x = x.reshape(h * w, -1)[where[places]]
            for part in ("first", "hidden"):
                x = self.layers[f"head{number}.{part}"].hidden(x, level)
            out = self.layers[f"head{number}.out"]
            made = batch(*told(out.sums(x, level), out.shift), number + 1, where[places])
            values[of].reshape(h * w, -1)[where[places]] = made

        coded(0, 0, "even", (hyper, 1))
        coded(1, 0, "odd", (hyper, 1), (group(0), 3))
        low = group(0)
        coded(2, 1, "even", (hyper, 1), (low, 3))
        coded(3, 1, "odd", (hyper, 1), (low, 3), (group(1), 3))
        middle = self.layers["reduce1"].hidden(group(1), level)
        coded(4, 2, "all", (hyper, 1), (low, 3), (middle, 3))
        high = self.layers["reduce2"].hidden(group(2), level)
        coded(5, 3, "all", (hyper, 1), (low, 1), (middle, 3), (high, 3))
        return z, np.concatenate(values, 2)
