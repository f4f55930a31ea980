"""Bytes and PSNR of `ldm_quant` and `rate_variable` at several qualities: python rates.py PHOTO...

Beside them, for the same symbols of `ldm_quant`: zstd at its best, and the best code for each channel by itself, its
tables for nothing (bits of the symbols' own histograms). Last, the bytes of `ntc` at the PSNR of `ldm_quant`, between
the qualities that were tried. Payload bytes throughout, means over the photographs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import zstandard

from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.networks import LatentSpace, open_space
from gcodec.pictures import load_image, psnr
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import Latent, Preview

QUALITIES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
NTC = np.linspace(0, 0.95, 14)


def open_embedding(name: str, run: Run) -> Embedding:
    spec = registry().embedding(name)
    made: Embedding = load_object(name, spec.implementation)(
        Setup(run, {}, run.models.find(str(spec.model)))
    )
    return made


def histogram_bytes(symbols: np.ndarray) -> float:
    bits = 0.0
    for channel in symbols.reshape(len(symbols), -1):
        _, counts = np.unique(channel, return_counts=True)
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    return bits / 8


def measured(
    name: str, embedding: Embedding, space: LatentSpace, pixels: np.ndarray
) -> list[list[float]]:
    """Rows of bytes, PSNR, seconds to encode, zstd bytes, bytes by histograms."""
    size, rows = Size(*pixels.shape[1:]), []
    analysis = embedding.analyse(pixels)
    for quality in QUALITIES:
        start = time.process_time()
        layers = embedding.encode(analysis, quality)
        seconds = time.process_time() - start
        (latent,) = embedding.decode(layers, size)
        assert isinstance(latent, Latent)
        fidelity = psnr(pixels, space.decode(latent.values, size))
        row = [float(len(layers[0])), fidelity, seconds]
        if name == "ldm_quant":
            symbols = np.rint(latent.values / latent.step).astype(np.int8)
            row.append(float(len(zstandard.compress(symbols.tobytes(), 22))))
            row.append(histogram_bytes(symbols))
        rows.append(row)
    return rows


def ntc_bytes(run: Run, pixels: np.ndarray, wanted: list[float]) -> list[float]:
    ntc = open_embedding("ntc", run)
    analysis, size = ntc.analyse(pixels), Size(*pixels.shape[1:])
    sizes, fidelities = [], []
    for quality in NTC:
        layers = ntc.encode(analysis, float(quality))
        (preview,) = ntc.decode(layers, size)
        assert isinstance(preview, Preview)
        sizes.append(len(layers[0]))
        fidelities.append(psnr(pixels, preview.pixels))
    between = np.interp(wanted, fidelities, np.log(sizes), np.nan, np.nan)
    return [float(n) for n in np.exp(between)]


def main(paths: list[str]) -> None:
    run = Run()
    space = open_space(run.models.find("base/autoencoder"), run)
    both = {name: open_embedding(name, run) for name in ("ldm_quant", "rate_variable")}
    found = []
    for path in paths:
        pixels = load_image(Path(path).read_bytes()).pixels
        rows = {name: measured(name, e, space, pixels) for name, e in both.items()}
        others = ntc_bytes(run, pixels, [row[1] for row in rows["ldm_quant"]])
        joined = [
            [*plain, *anchored, other]
            for plain, anchored, other in zip(*rows.values(), others, strict=True)
        ]
        found.append(
            np.array(joined) / [pixels[0].size / 8 if i in (0, 5) else 1 for i in range(9)]
        )
        print(Path(path).name, flush=True)
    print("quality | bpp  dB | of zstd, of histograms | rate_variable bpp  dB | of ntc | seconds")
    for quality, row in zip(QUALITIES, np.mean(found, 0), strict=True):
        bpp, fidelity, seconds, zstd, independent, bpp_q, fidelity_q, _, other = row
        size = bpp * pixels[0].size / 8
        print(
            f"{quality:.2f} | {bpp:.4f} {fidelity:.2f} | {size / zstd:.3f} {size / independent:.3f} |"
            f" {bpp_q:.4f} {fidelity_q:.2f} | {size / other:.2f} | {seconds:.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
