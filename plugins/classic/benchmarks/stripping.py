"""Bytes saved by stripping, and what the classical codecs give at the same rates.

    python plugins/classic/benchmarks/stripping.py PICTURE...

For each codec and quality: the codec's own file as Pillow writes it, the layer that a GCX file holds instead (flags and
squared error included), the ratio of the two, PSNR, and the time of encoding and decoding as a multiple of Pillow's own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import numpy as np
from PIL import Image

from gcodec.errors import UnusablePlugin
from gcodec.interfaces import Embedding, Setup
from gcodec.pictures import load_image, psnr
from gcodec.registry import load_object
from gcodec.run import Run
from gcodec_classic.embedding import Classic
from gcodec_classic.plugin import gcodec_embeddings

T = TypeVar("T")
QUALITIES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)


def timed(function: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def rows(codec: Classic, path: str) -> list[list[float]]:
    picture = load_image(path)
    analysis = codec.analyse(picture.pixels)
    found = []
    for quality in QUALITIES:
        own, own_seconds = timed(
            lambda q=quality: codec.codec.compress(analysis.image, q, dict(codec.setup.options))
        )
        (layer,), seconds = timed(lambda q=quality: codec.encode(analysis, q))
        _, own_decode = timed(lambda own=own: np.asarray(Image.open(BytesIO(own.file))))
        (signal,), decode = timed(lambda layer=layer: codec.decode((layer,), picture.size))
        found.append([
            len(own.file), len(layer), 8 * len(layer) / (picture.size.height * picture.size.width),
            psnr(picture.pixels, signal.pixels), seconds / own_seconds, decode / own_decode,
        ])  # fmt: skip
    return found


def main(paths: list[str]) -> None:
    print(f"{'codec':6}{'quality':>8}{'own file':>10}{'layer':>9}{'saved':>7}{'ratio':>8}", end="")
    print(f"{'bpp':>8}{'PSNR':>8}{'encode':>9}{'decode':>9}   (means; times against Pillow's own)")
    for spec in gcodec_embeddings():
        options = {option.name: option.default for option in spec.options}
        try:
            codec: Embedding = load_object(spec.name, spec.implementation)(Setup(Run(), options))
        except UnusablePlugin as error:
            print(error)
            continue
        assert isinstance(codec, Classic)
        means = np.mean([rows(codec, path) for path in paths], axis=0)
        for quality, (own, layer, bpp, db, encode, decode) in zip(QUALITIES, means, strict=True):
            print(f"{spec.name:6}{quality:8.2f}{own:10.0f}{layer:9.0f}{own - layer:7.0f}", end="")
            print(f"{layer / own:8.4f}{bpp:8.3f}{db:8.2f}{encode:8.2f}x{decode:8.2f}x")


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    main(sys.argv[1:])
