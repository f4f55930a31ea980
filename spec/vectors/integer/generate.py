"""Writes the test vectors of spec/INTEGER.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/integer/generate.py

A vector is NAME.json: one operation of the text, or a small model with the symbols of seven batches.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import integers
from gcodec.entropy.integer_model import KERNELS, IntegerModel, Visit
from gcodec.entropy.integers import Layer, patches
from gcodec.errors import InvalidArgument

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

Ints = NDArray[np.int64]
LIMIT = 1 << 21


def plain(values: Any) -> Any:
    """Arrays as nested lists of integers."""
    return np.asarray(values).astype(np.int64).tolist()


def layer(weight: Any, bias: Any, shift: int, level: int, *inputs: list[int]) -> dict[str, Any]:
    """A layer, and what it makes of some inputs."""
    made = Layer(np.array(weight, np.int16), np.array(bias, np.int32), shift)
    x = np.array(inputs, np.float64)
    tensors = {"weight": weight, "bias": bias, "shift": shift}
    answers = {"sums": plain(made(x, level)), "hidden": plain(made.hidden(x, level))}
    return {"kind": "layer", **tensors, "level": level, "inputs": list(inputs), **answers}


def refused(weight: Any, bias: Any, shift: int) -> dict[str, Any]:
    """A layer that a reader must refuse."""
    return {"kind": "layer", "weight": weight, "bias": bias, "shift": shift, "error": "model"}


def summing(last: int, bias: int) -> dict[str, Any]:
    """A layer of one output whose weights are so many that their sum nearly reaches the bound."""
    runs = {"runs": [[32767, 16384], [last, 1]]}
    facts = {"kind": "layer", **runs, "bias": [[5], [bias], [0]], "shift": 15}
    try:
        Layer(np.repeat(*np.array(runs["runs"]).T)[:, None], np.array(facts["bias"]), 15)
    except InvalidArgument:
        facts["error"] = "model"
    return facts


def interpolated(knots: Any) -> dict[str, Any]:
    """Knots, and the row of some levels."""
    levels = [0, 1, 15, 16, 100, 127, 128, 239, 240, 254, 255]
    rows = [plain(integers.interpolate(np.array(knots, np.int64), level)) for level in levels]
    return {"kind": "level", "knots": knots, "levels": levels, "rows": rows}


def neighbourhoods(side: int) -> dict[str, Any]:
    """All neighbourhoods of an array, row by row."""
    array = 1 + np.arange(3 * 4 * 2).reshape(3, 4, 2)
    found = patches(array.astype(np.float64), side, np.arange(12))
    facts = {"kind": "neighbourhoods", "array": plain(array), "side": side}
    return facts | {"answer": plain(found).copy()}


def featured() -> dict[str, Any]:
    """Features of values, with a table of 40 magnitudes."""
    values = np.array([-1000, -65, -64, -1, 0, 1, 7, 38, 39, 40, 63, 64, 65, 1 << 27]).reshape(
        2, 1, 7
    )
    table = integers.magnitudes()[:40]
    found = integers.features(values.astype(np.int32), table)
    facts = {"kind": "features", "values": plain(values), "magnitude": plain(table)}
    return facts | {"answer": plain(found)}


def told(shift: int) -> dict[str, Any]:
    """Means and scales of sums: ties, both sides of every limit, and some between."""
    one = 1 << (10 + shift)
    m = [
        0,
        one // 32,
        one // 32 - 1,
        -one // 32,
        -one // 32 - 1,
        1024 * one,
        -1025 * one,
        5 * one // 7,
    ]
    s = [0, -5 * one, -6 * one, one // 12, one // 12 + 1, 6 * one, 7 * one, -one // 3]
    sums = np.array([m + s], np.float64)
    mean, scale = integers.split(sums, shift)
    answers = {"mean": plain(mean[0]), "scale": plain(scale[0])}
    return {"kind": "told", "shift": shift, "sums": m + s, **answers}


def tensors_of(sizes: dict[str, Any], seed: int) -> dict[str, NDArray[Any]]:
    """The tensors of a small model of arbitrary weights."""
    rng = np.random.default_rng(seed)
    n, f, width, knots = (sizes[key] for key in ("hyper", "features", "width", "knots"))
    g0, g1, g2, g3 = (2 * size for size in sizes["groups"])
    r1, r2 = sizes["reduced"]
    shapes = {"decode1": (9 * n, width, knots), "decode2": (width, 4 * f, 1)}
    shapes |= {"reduce1": (g1, r1, 1), "reduce2": (g2, r2, 1)}
    seen = ((f,), (f, g0), (f, g0), (f, g0, g1), (f, g0, r1), (f, g0, r1, r2))
    for i, (inputs, outputs) in enumerate(zip(seen, (g0, g0, g1, g1, g2, g3), strict=True)):
        taps = sum(k * k * size for k, size in zip(KERNELS[i], inputs, strict=True))
        shapes[f"head{i}.first"] = taps, width, knots
        shapes[f"head{i}.hidden"] = width, width, 1
        shapes[f"head{i}.out"] = width, outputs, knots
    tensors: dict[str, NDArray[Any]] = {}
    for name, (inputs, outputs, rows) in shapes.items():
        shift = int(rng.integers(7, 12))
        spread = (1 << shift) / np.sqrt(inputs)
        weight = np.rint(rng.normal(0, spread, (inputs, outputs)))
        bias = np.rint(rng.normal(0, 1 << (10 + shift), (rows, outputs)))
        tensors[f"integer.{name}.weight"] = weight.astype(np.int16)
        tensors[f"integer.{name}.bias"] = bias.astype(np.int32)
        tensors[f"integer.{name}.shift"] = np.array([shift], np.int32)
    prior = np.concatenate([rng.integers(-40, 41, (knots, n)), rng.integers(0, 67, (knots, n))], 1)
    tensors["integer.prior"] = prior.astype(np.int32)
    tensors["integer.magnitude"] = integers.magnitudes()[:200]
    return tensors


def model(seed: int, level: int, h: int, w: int, knots: int) -> dict[str, Any]:
    """A small model, and each batch: means, scales and symbols, from which the next batch follows."""
    sizes = {"groups": [1, 2, 1, 3], "hyper": 2, "features": 2, "width": 5, "reduced": [2, 1]}
    sizes |= {"knots": knots}
    tensors, rng, batches = tensors_of(sizes, seed), np.random.default_rng(seed + 1), []

    def visit(batch: Visit) -> NDArray[np.int32]:
        symbols = np.rint(rng.laplace(0, 3, batch.index.shape)).astype(np.int32)
        if symbols.size > 2:
            symbols.flat[2] = 1 << 22
        scale = batch.index.astype(int) - (integers.SCALES if batch.group < 0 else 0)
        parts = (batch.mean, scale, symbols)
        batches.append(dict(zip(("mean", "scale", "symbols"), map(plain, parts), strict=True)))
        return batch.values(symbols)

    z, y = IntegerModel(sizes["groups"], tensors).code(level, h, w, visit)
    return {
        "kind": "model",
        "entropy": sizes,
        "tensors": {name: plain(value) for name, value in tensors.items()},
        **{"level": level, "h": h, "w": w},
        "batches": batches,
        "hyper_latents": plain(z),
        "latents": plain(y),
    }


def vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and contents of each."""
    example = [[5, -7], [12, 3]], [[0, 4000], [5130, -20001], [9, 9]], 3
    yield "layer-example", layer(*example, 100, [1536, -700])
    yield "layer-one-knot", layer([[3], [-1]], [[-9]], 0, 77, [1, 0], [0, 1], [5, 2], [-40, -40])
    ties = [[4, -4, 12, 20, -32, -96, -36, 2]], [[0] * 8], 3
    yield "layer-halves", layer(*ties, 0, [1], [-1], [3])
    most = [[32767, -32768], [32767, -32768]], [[2**31 - 1, -(2**31)]], 0
    yield "layer-limits", layer(*most, 255, [LIMIT, LIMIT], [-LIMIT, LIMIT], [-LIMIT, -LIMIT])
    yield "layer-largest-shift", layer([[1]], [[1 << 24]], 24, 0, [LIMIT], [-LIMIT], [0])
    yield "bad-layer-shift", refused([[1]], [[1 << 24]], 25)
    yield "bad-layer-shift-negative", refused([[1]], [[1]], -1)
    yield "layer-bound", summing(16383, 2**21 - 1)
    yield "bad-layer-weights", summing(16384, 0)
    yield "bad-layer-bias", summing(-16383, -(2**21))
    yield "level-three", interpolated([[0, 4000, -1], [5130, -20001, 0], [9, 9, 1]])
    yield "level-seventeen", interpolated([[k * k, -k] for k in range(17)])
    yield "level-two", interpolated([[-(2**31)], [2**31 - 1]])
    yield "level-one", interpolated([[-7, 7]])
    yield "neighbourhoods-1", neighbourhoods(1)
    yield "neighbourhoods-3", neighbourhoods(3)
    yield "features", featured()
    yield "told-3", told(3)
    yield "told-15", told(15)
    yield "model-odd", model(1, 100, 3, 5, 3)
    yield "model-one", model(2, 0, 1, 1, 1)
    yield "model-wide", model(3, 255, 2, 9, 17)


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, vectors(), write_once.lines)


if __name__ == "__main__":
    print(*write(), sep="\n")
