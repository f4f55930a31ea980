"""Writes the test vectors of spec/embeddings/ntc_zoo.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/zoo/generate.py

A vector is a small model of arbitrary integers, and a stream with what it stands for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Encoder, fit_frequencies
from gcodec.entropy.integers import pack_tables
from gcodec_ntc.zoo.architectures import ARCHITECTURES
from gcodec_ntc.zoo.prior import Prior

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

N, M, SCALES = 2, 2, 5


def layer(rng: Any, inputs: int, outputs: int, spread: float) -> list[NDArray[Any]]:
    """Weights, biases and shift of one integer layer."""
    shift = int(rng.integers(6, 10))
    weight = np.rint(rng.normal(0, spread * (1 << shift) / np.sqrt(inputs), (inputs, outputs)))
    bias = np.rint(rng.normal(0.3, 0.3, (1, outputs)) * (1 << 10 + shift))
    return [weight.astype(np.int16), bias.astype(np.int32), np.array([shift], np.int32)]


def tensors_of(name: str, rng: Any) -> dict[str, NDArray[Any]]:
    """All tensors that decide bits."""
    which = ARCHITECTURES[name]
    made: dict[str, NDArray[Any]] = {}

    def put(at: str, inputs: int, outputs: int, spread: float = 1.0) -> None:
        parts = zip(("weight", "bias", "shift"), layer(rng, inputs, outputs, spread), strict=True)
        made.update({f"integer.{at}.{part}": value for part, value in parts})

    if which.hyper:
        last = 2 * M if which.means else M
        widths = (
            [(3, False), (2, True), (3, False), (3, True)]
            if which.residual
            else [(3, True), (2, True)]
        )
        inputs = N
        for i, (outputs, double) in enumerate([*widths, (last, False)]):
            put(f"h_s{i}", 9 * inputs, outputs * (4 if double else 1), 2.0)
            inputs = outputs
        scales = np.array([500, 3000, 9000, 40000], np.int32)
        made |= {"integer.scales": scales, "integer.bound": np.array([450], np.int32)}
    if which.context:
        put("context", 12 * M, 3)
        for i, (inputs, outputs) in enumerate([(2 * M + 3, 5), (5, 4), (4, 2 * M)]):
            put(f"parameters{i}", inputs, outputs, 2.0)
    made["integer.median"] = rng.integers(-900, 900, N if which.hyper else M).astype(np.int32)
    count = SCALES + N if which.hyper else 33 * M
    tables = [
        fit_frequencies(rng.integers(1, 50, 2 * int(rng.integers(2, 5)))) for _ in range(count)
    ]
    return made | pack_tables(tables)


def vector(name: str, seed: int, level: int, height: int, width: int) -> dict[str, Any]:
    """A model, and the stream of arbitrary symbols under it."""
    rng, which = np.random.default_rng(seed), ARCHITECTURES[name]
    tensors = tensors_of(name, rng)
    prior = Prior(which, N, M, tensors)
    h, w = (-(-side // which.factor) * (which.factor // 16) for side in (height, width))
    encoder, z, told = Encoder(prior.tables(level)), np.zeros(0, np.int32), None

    def symbols(shape: tuple[int, ...]) -> NDArray[np.int32]:
        return np.rint(rng.laplace(0, 2, shape)).astype(np.int32)

    if which.hyper:
        z = symbols((h // 4, w // 4, N))
        encoder.put(z, prior.hyper_index(h // 4, w // 4))
        told = prior.told(z)

    def visit(where: Any, mean: Any, index: NDArray[Any]) -> NDArray[np.int32]:
        chosen = symbols(index.shape)
        encoder.put(chosen, index)
        return chosen

    y = prior.latents(level, told, h, w, visit)
    return {
        **{"architecture": name, "N": N, "M": M, "level": level},
        **{"height": height, "width": width},
        "tensors": {at: value.astype(int).tolist() for at, value in tensors.items()},
        "stream": encoder.finish().hex(),
        "hyper_symbols": z.tolist(),
        "latents": y.tolist(),
    }


def vectors() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and contents of each."""
    yield "factorized", vector("bmshj2018-factorized", 1, 101, 20, 40)
    yield "factorized-finest", vector("bmshj2018-factorized-relu", 2, 255, 16, 1)
    yield "hyperprior", vector("bmshj2018-hyperprior", 3, 128, 50, 100)
    yield "mean", vector("mbt2018-mean", 4, 60, 64, 65)
    yield "context", vector("mbt2018", 5, 200, 100, 64)
    yield "residual", vector("cheng2020-anchor", 6, 131, 64, 100)
    yield "coarsest", vector("mbt2018", 7, 0, 1, 1)


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, vectors(), write_once.lines)


if __name__ == "__main__":
    print(*write(), sep="\n")
