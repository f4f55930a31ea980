"""Training pairs (X, Y, mse): crops of photographs and of their lossy reconstructions.

    python -m gcodec_flow.pairs --images DIR --out DIR [--codecs jpeg,webp,avif,jxl]
    python -m gcodec_flow.pairs --images DIR --out DIR --codecs gcodec:ntc

A whole photograph is encoded at a random quality, by Pillow or by an installed embedding, decoded
again, and cropped at positions that are multiples of 16 (so that 4-, 8- and 16-pixel block grids keep their phase, as
they do when a whole image is reconstructed). Written to DIR:

    x.npy, y.npy   uint8 [N, crop, crop, 3]   the original and the preview
    mse.npy        float32 [N]                squared error per sample of the *whole* image, [0, 1]
    image.npy      int32 [N]                  index of the photograph in the sorted folder

Photographs whose index is a multiple of `HOLD_OUT` are left out of training; the same command
with `--held-out` makes the validation pairs from exactly those.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gcodec.interfaces import Embedding, Setup, Size
from gcodec.options import check_options
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec.stage1 import build

#: One photograph in 62 is held out: 17 of the 1,001 training photographs.
HOLD_OUT = 62
GRID = 16

#: Quality as a function of u ~ U(0, 1), chosen to spread the rates over about 0.05..1 bpp.
QUALITIES = {
    "jpeg": lambda u: round(3 * 20**u),
    "webp": lambda u: round(85 * u**1.3),
    "avif": lambda u: round(8 + 60 * u),
    "jxl": lambda u: round(8 + 75 * u),
}


#: Codec: uint8 [h, w, 3] and u in [0, 1] to the decoded uint8 [h, w, 3].
Codec = Callable[[np.ndarray, float], np.ndarray]


def codec_named(name: str) -> Codec:
    """ "jpeg", "webp", "avif" or "jxl" of Pillow at its defaults, or "gcodec:NAME", an embedding."""
    if name == "jxl":
        import pillow_jxl  # noqa: F401  (registers the format)
    if not name.startswith("gcodec:"):
        return partial(_through_pillow, name)
    spec = registry().embedding(name.removeprefix("gcodec:"))
    run = Run()
    weights = run.models.find(spec.model) if spec.model else None
    setup = Setup(run, check_options(spec.name, spec.options, {}), weights)
    return partial(_through_embedding, build(spec, setup))


def _through_embedding(embedding: Embedding, x: np.ndarray, u: float) -> np.ndarray:
    pixels = np.ascontiguousarray(x.transpose(2, 0, 1), np.float32) / np.float32(255)
    layers = embedding.encode(embedding.analyse(pixels), 0.8 * u)
    (preview,) = embedding.decode(layers, Size(*x.shape[:2]))
    assert isinstance(preview, Preview)
    return np.rint(255 * preview.pixels).astype(np.uint8).transpose(1, 2, 0)


def _through_pillow(codec: str, x: np.ndarray, u: float) -> np.ndarray:
    quality = QUALITIES[codec](u)
    buffer = io.BytesIO()
    settings: dict[str, dict[str, Any]] = {
        "jpeg": {"format": "JPEG", "quality": quality},
        "webp": {"format": "WEBP", "quality": quality, "method": 4},
        "avif": {"format": "AVIF", "quality": quality, "speed": 8},
        "jxl": {"format": "JXL", "quality": quality, "effort": 4},
    }
    Image.fromarray(x).save(buffer, **settings[codec])
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def squared_error(x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error per sample of two uint8 images, on the [0, 1] scale."""
    return float(np.square(x.astype(np.float32) - y.astype(np.float32)).mean() / 255**2)


def crops(
    x: np.ndarray, y: np.ndarray, count: int, size: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`count` aligned crop pairs [size, size, 3] at random multiples of 16."""
    height, width, _ = x.shape
    for _ in range(count):
        top = GRID * int(rng.integers(0, (height - size) // GRID + 1))
        left = GRID * int(rng.integers(0, (width - size) // GRID + 1))
        window = np.s_[top : top + size, left : left + size]
        yield x[window], y[window]


def main() -> None:
    parser = argparse.ArgumentParser(description="make training pairs for `flow`")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--codecs", default="jpeg,webp,avif,jxl")
    parser.add_argument("--photographs", type=int, help="at most so many, chosen at random")
    parser.add_argument("--encodings", type=int, default=6, help="encodings of one photograph")
    parser.add_argument("--crops", type=int, default=4, help="crops of one encoding")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true", help="make the validation pairs")
    arguments = parser.parse_args()

    codecs = [codec_named(name) for name in arguments.codecs.split(",")]
    files = sorted(arguments.images.glob("*.avif"))
    chosen = [i for i in range(len(files)) if (i % HOLD_OUT == 0) == arguments.held_out]
    # In random order, so that a prefix of the arrays is already a fair sample.
    rng = np.random.default_rng(arguments.seed)
    rng.shuffle(chosen)
    chosen = chosen[: arguments.photographs]
    total = len(chosen) * arguments.encodings * arguments.crops
    arguments.out.mkdir(parents=True, exist_ok=True)
    shape = (total, arguments.size, arguments.size, 3)
    xs, ys = (
        np.lib.format.open_memmap(arguments.out / f"{name}.npy", "w+", np.uint8, shape)
        for name in "xy"
    )
    mses, indices = np.zeros(total, np.float32), np.zeros(total, np.int32)
    n = 0
    for index in chosen:
        x = np.asarray(Image.open(files[index]).convert("RGB"))
        if min(x.shape[:2]) < arguments.size:
            continue
        for k in range(arguments.encodings):
            y = codecs[(k + index) % len(codecs)](x, rng.random())
            mse = squared_error(x, y)
            for pair in crops(x, y, arguments.crops, arguments.size, rng):
                xs[n], ys[n] = pair
                mses[n], indices[n] = mse, index
                n += 1
        # Rewritten as it grows: training may start on what is there (mse > 0).
        if (n // (arguments.encodings * arguments.crops)) % 25 == 0:
            np.save(arguments.out / "mse.npy", mses)
            np.save(arguments.out / "image.npy", indices)
            print(f"{n} of {total} pairs", flush=True)
    np.save(arguments.out / "mse.npy", mses)
    np.save(arguments.out / "image.npy", indices)
    print(f"{n} pairs in {arguments.out}", flush=True)


if __name__ == "__main__":
    main()
