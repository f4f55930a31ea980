"""Rate and distortion of `ntc` next to JPEG and WebP: python rate_distortion.py [IMAGES...]

Bits are payload bytes (JPEG, WebP: file bytes); PSNR is of 8-bit RGB, averaged over images in dB.
For each quality of `ntc`, JPEG and WebP are interpolated per image to the bits that `ntc` spent.
Without arguments: the test picture of the repository.
"""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import gcodec_base.plugin
from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_ntc.embedding import Ntc

DEFAULT = Path(__file__).parents[3] / "tests/images/kodim23.png"
QUALITIES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)


def psnr(a: NDArray, b: NDArray) -> float:
    """Of two uint8 arrays."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 10 * math.log10(255**2 / max(error, 1e-9))


def classic(pixels: NDArray, kind: str) -> tuple[NDArray, NDArray]:
    """log2 of bits per pixel, and PSNR, over the qualities of JPEG or WebP."""
    points = []
    for quality in (*range(1, 10, 2), *range(10, 97, 5)):
        stream = io.BytesIO()
        extra = {"optimize": True} if kind == "JPEG" else {"method": 6}
        Image.fromarray(pixels).save(stream, kind, quality=quality, **extra)
        decoded = np.asarray(Image.open(stream).convert("RGB"))
        bpp = len(stream.getvalue()) * 8 / (pixels.shape[0] * pixels.shape[1])
        points.append((math.log2(bpp), psnr(decoded, pixels)))
    points.sort()
    rate, fidelity = zip(*points, strict=True)
    return np.array(rate), np.array(fidelity)


def main() -> None:
    """Print the table."""
    images = [Path(name) for name in sys.argv[1:]] or [DEFAULT]
    ntc = Ntc(
        Setup(
            Run(models=ModelStore()),
            {},
            ModelStore(tuple(gcodec_base.plugin.MODELS)).find("base/ntc"),
        )
    )
    rows: dict[float, list[list[float]]] = {quality: [] for quality in QUALITIES}
    for path in images:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        curves = [classic(pixels, "JPEG"), classic(pixels, "WEBP")]
        samples = pixels.transpose(2, 0, 1).astype(np.float32) / 255
        analysis = ntc.analyse(samples)
        for quality in QUALITIES:
            layers = ntc.encode(analysis, quality)
            (preview,) = ntc.decode(layers, Size(*pixels.shape[:2]))
            assert isinstance(preview, Preview)
            decoded = np.round(preview.pixels * 255).astype(np.uint8).transpose(1, 2, 0)
            bpp = len(layers[0]) * 8 / (pixels.shape[0] * pixels.shape[1])
            # Below their lowest rate the classic codecs have no value.
            others = [
                float(np.interp(math.log2(bpp), *curve, left=float("nan"))) for curve in curves
            ]
            rows[quality].append([bpp, psnr(decoded, pixels), *others])
    print(f"{len(images)} images\nquality     bpp     ntc    JPEG    WebP   (dB at equal bpp)")
    for quality, values in rows.items():
        mean = np.mean(values, 0)
        print(f"{quality:7.2f} {mean[0]:7.4f} {mean[1]:7.2f} {mean[2]:7.2f} {mean[3]:7.2f}")


if __name__ == "__main__":
    main()
