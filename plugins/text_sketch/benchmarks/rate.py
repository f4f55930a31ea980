"""Bytes of `text_sketch` on photographs, part by part, beside general compressors of the same sketch.

    python rate.py PHOTOS [--every 1] [--qualities 0,0.25,0.5,0.75,1] [--text "..."]

Rows are means over the photographs. `similar` is the correlation of the decoded edge strength with the photograph's over
4 x 4 pixels. zstd and xz get the levels one byte each, WebP and JPEG XL a lossless gray picture of them.
"""

from __future__ import annotations

import argparse
import lzma
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import zstandard
from PIL import Image

from gcodec.builtin.edges import edge_strength
from gcodec.entropy import RowEncoder
from gcodec.pictures import load_image
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec_text_sketch import sketch
from gcodec_text_sketch.embedding import CELLS

HEAD = (
    "quality",
    "cell",
    "file",
    "sketch",
    "colour",
    "zstd",
    "xz",
    "WebP",
    "JXL",
    "similar",
    "dB",
    "s",
    "s",
)


def measure(path: Path, quality: float, text: str) -> list[float]:
    """One row."""
    picture = load_image(path)
    start = time.perf_counter()
    options = {"text": text}
    made = encode(picture, "text_sketch", target=Target(quality=quality), options=options).data
    encoded = time.perf_counter()
    _, preview, edges = open_stage1(made).signals()
    decoded = time.perf_counter()
    options = {"text": text, "colour": "off"}
    gray = encode(picture, "text_sketch", target=Target(quality=quality), options=options).data
    true = edge_strength(picture.pixels)
    cell = CELLS[round(quality * (len(CELLS) - 1))]
    levels = sketch.analyse(true, cell)
    stream = RowEncoder()
    sketch.put(levels, stream)
    pair = np.corrcoef(blocks(true), blocks(edges.edges)) if cell else np.zeros((2, 2))
    return [
        cell or max(picture.pixels.shape),
        len(made),
        len(stream.finish()),
        len(made) - len(gray),
        *others(levels.astype(np.uint8)),
        pair[0, 1],
        -10 * np.log10(preview.mse),
        encoded - start,
        decoded - encoded,
    ]


def blocks(edges: np.ndarray) -> np.ndarray:
    """Means over 4 x 4 pixels."""
    plane = edges[0, : edges.shape[1] // 4 * 4, : edges.shape[2] // 4 * 4]
    h, w = plane.shape
    return plane.reshape(h // 4, 4, w // 4, 4).mean((1, 3)).ravel()


def others(levels: np.ndarray) -> tuple[int, int, int, float]:
    """Bytes of the same levels by zstd, xz, WebP and JPEG XL (nan without its plugin)."""
    raw = levels.tobytes()
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "pb": 0}]
    return (
        len(zstandard.ZstdCompressor(22, write_content_size=False).compress(raw)),
        len(lzma.compress(raw, lzma.FORMAT_RAW, filters=filters)),
        saved(levels, "WEBP", quality=100, method=6),
        saved(levels, "JXL", effort=9),
    )


def saved(levels: np.ndarray, kind: str, **options: int) -> float:
    """Bytes of a lossless picture."""
    buffer = BytesIO()
    if kind == "JXL":
        try:
            import pillow_jxl  # noqa: F401
        except ImportError:
            return float("nan")
    Image.fromarray(levels).save(buffer, kind, lossless=True, **options)
    return buffer.tell()


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--qualities", default="0,0.25,0.5,0.75,0.9,1")
    parser.add_argument("--text", default="")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.photos.iterdir() if p.suffix == ".png")[:: arguments.every]
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for quality in map(float, arguments.qualities.split(",")):
        row = np.mean([measure(path, quality, arguments.text) for path in paths], 0)
        print(f"| {quality:g} | " + " | ".join(f"{value:.4g}" for value in row) + " |", flush=True)


if __name__ == "__main__":
    main()
