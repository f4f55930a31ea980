"""Writes the test vectors of ldm_quant and rate_variable that do not exist yet; an existing vector is never written again.

python spec/vectors/embeddings/generate_latents.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import gcodec_formats as gcx
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec_ldm.scalar.adaptive import AdaptiveCodec
from gcodec_ldm.scalar.scale import width_of

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))

from files import Vector, bad, coded, main, picture, with_layers  # noqa: E402

Named = tuple[str, Callable[[], Vector]]


def latent(data: bytes) -> dict[str, Any]:
    """The bin width, and some values of the latent: channel, row, column, value."""
    (signal,) = open_stage1(data).signals()
    values = signal.values  # type: ignore[union-attr]
    c, h, w = values.shape
    at = [(k * 5 % c, k * 7 % h, k * 11 % w) for k in range(16)]
    rows = [[*place, round(float(values[place]), 5)] for place in at]
    return {"bin width": round(float(signal.step), 6), "latent": rows}  # type: ignore[union-attr]


def good(name: str, kind: str, width: int, height: int, quality: float, **how: Any) -> Any:
    """A picture, coded."""

    def make() -> Vector:
        run = Run(seed=how.get("seed", 0))
        options = {"dither": True} if how.get("dither") else {}
        shown = picture(kind, width, height)
        data = coded(name, shown, quality, options=options, model=how.get("model"), run=run)
        return data, {"summary": f"{kind} at quality {quality}", **latent(data)}

    return make


def damaged(name: str, summary: str, damage: Callable[[bytes], Any], **how: Any) -> Any:
    """A file with another layer, or with other layers."""

    def make() -> Vector:
        data = coded(name, picture("photo", 33, 17), 0.4, **how)
        layers = damage(gcx.read(data).bodies(gcx.MAIN)[0])
        return bad(
            with_layers(data, *(layers if isinstance(layers, tuple) else (layers,))), summary
        )

    return make


def common(name: str) -> Iterator[Named]:
    yield "bad-empty", damaged(name, "no bytes at all", lambda p: b"")
    yield "bad-cut", damaged(name, "the stream lacks its last four bytes", lambda p: p[:-4])
    yield "bad-more", damaged(name, "four bytes more than the symbols need", lambda p: p + b"more")
    yield "bad-layers", damaged(name, "two layers", lambda p: (p, p))


def beyond() -> Vector:
    """Three positions, whose last symbol is 2^22 + 1."""
    data = coded("ldm_quant", picture("flat", 24, 1), 1.0, model=OTHER)
    symbols = np.zeros((32, 1, 3), np.float32)
    symbols[0] = 2**22, 2**22, 2**22 + 1
    layer = b"\xff" + AdaptiveCodec(32, "x").encode(symbols * np.float32(width_of(65535)), 65535)
    return bad(with_layers(data, layer), "a symbol of 2^22 + 1")


OTHER = "base/autoencoder"


def ldm_quant() -> Iterator[Named]:
    yield "one-position", good("ldm_quant", "waves", 3, 5, 0.2)
    yield "photo", good("ldm_quant", "photo", 60, 44, 0.5)
    yield "coarsest", good("ldm_quant", "photo", 96, 64, 0.0)
    yield "finest", good("ldm_quant", "noise", 17, 9, 1.0)
    yield "dithered", good("ldm_quant", "photo", 60, 44, 0.4, dither=True)
    yield "dithered-seed", good("ldm_quant", "photo", 33, 17, 0.6, dither=True, seed=2**64 - 1)
    yield "other-model", good("ldm_quant", "photo", 60, 44, 0.5, model=OTHER)
    yield "other-model-wide", good("ldm_quant", "photo", 150, 8, 0.7, model=OTHER)
    yield "other-model-column", good("ldm_quant", "photo", 8, 90, 0.3, model=OTHER)
    yield "other-model-finest", good("ldm_quant", "noise", 20, 20, 1.0, model=OTHER)
    how: dict[str, Any] = {"model": OTHER, "dither": True, "seed": 9}
    yield "other-model-dithered", good("ldm_quant", "photo", 60, 44, 0.4, **how)
    yield from common("ldm_quant")
    yield "bad-two-zeros", damaged("ldm_quant", "two zero bytes at the end", lambda p: p + b"\0\0")
    yield (
        "bad-dither",
        damaged("ldm_quant", "a plain stream that calls itself dithered", lambda p: p + b"\0"),
    )
    cut = "the stream of another model lacks its last four bytes"
    yield "bad-other-model", damaged("ldm_quant", cut, lambda p: p[:-4], model=OTHER)
    yield "bad-symbol", beyond


def rate_variable() -> Iterator[Named]:
    yield "one-position", good("rate_variable", "waves", 3, 5, 0.2)
    yield "photo", good("rate_variable", "photo", 60, 44, 0.501)
    yield "coarsest", good("rate_variable", "photo", 96, 64, 0.0)
    yield "finest", good("rate_variable", "noise", 17, 9, 1.0)
    yield from common("rate_variable")
    yield "bad-head", damaged("rate_variable", "one byte", lambda p: p[:1])
    yield "bad-zero", damaged("rate_variable", "a zero byte behind the stream", lambda p: p + b"\0")


if __name__ == "__main__":
    for embedding, vectors in {"ldm_quant": ldm_quant, "rate_variable": rate_variable}.items():
        print(*(f"{embedding}/{name}" for name in main(HERE / embedding, vectors())), sep="\n")
