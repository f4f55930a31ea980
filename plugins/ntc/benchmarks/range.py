"""`ntc` over its whole range of rates next to AVIF 4:4:4: python range.py [IMAGES...]

For each picture the bytes (of `ntc` the payload, of AVIF the file) at 42 and at 45 dB of 8-bit RGB, interpolated between
settings, the ratio of the two, and what the highest quality comes to. AVIF is libaom's by Pillow, speed 4, one thread.
Then processor time for the last picture, 768x512 of it, at two rates. Without arguments: the test picture of the
repository.
"""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_ntc.embedding import Ntc

DEFAULT = Path(__file__).parents[3] / "tests/images/kodim23.png"
WANTED = (42.0, 45.0)
AVIF = (78, 88, 93, 96, 98)
QUALITIES = (0.68, 0.74, 0.77, 0.8, 0.83, 0.86, 0.89)
Point = tuple[float, int]  # dB, bytes


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Of two uint8 arrays."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 10 * math.log10(255**2 / max(error, 1e-9))


def avif(pixels: NDArray[np.uint8]) -> list[Point]:
    """Points of AVIF 4:4:4."""
    points = []
    for quality in AVIF:
        stream = io.BytesIO()
        settings = {"quality": quality, "subsampling": "4:4:4", "speed": 4, "max_threads": 1}
        Image.fromarray(pixels).save(stream, "AVIF", **settings)
        decoded = np.asarray(Image.open(stream).convert("RGB"))
        points.append((psnr(decoded, pixels), len(stream.getvalue())))
    return points


def ours(ntc: Ntc, pixels: NDArray[np.uint8]) -> Callable[[float], Point]:
    """The point of `ntc` at a quality."""
    size = Size(*pixels.shape[:2])
    analysis = ntc.analyse(pixels.transpose(2, 0, 1).astype(np.float32) / 255)

    def at(quality: float) -> Point:
        layers = ntc.encode(analysis, quality)
        (preview,) = ntc.decode(layers, size)
        assert isinstance(preview, Preview)
        shown = np.rint(preview.pixels * 255).astype(np.uint8).transpose(1, 2, 0)
        return psnr(shown, pixels), len(layers[0])

    return at


def bytes_at(points: list[Point], wanted: float) -> float:
    """Bytes at a PSNR; NaN beyond the points."""
    fidelity, size = zip(*sorted(points), strict=True)
    found = np.interp(wanted, fidelity, np.log(size), left=np.nan, right=np.nan)
    return float(np.exp(found))


def speed(ntc: Ntc, pixels: NDArray[np.uint8]) -> None:
    """Print processor time at two rates."""
    size = Size(*pixels.shape[:2])
    samples = pixels.transpose(2, 0, 1).astype(np.float32) / 255
    for quality in (0.79, 0.9):
        best = [math.inf, math.inf]
        for _ in range(5):
            start = time.process_time()
            layers = ntc.encode(ntc.analyse(samples), quality)
            middle = time.process_time()
            Ntc(ntc.setup).decode(layers, size)
            best = list(map(min, best, (middle - start, time.process_time() - middle)))
        bpp = 8 * len(layers[0]) / (size.height * size.width)
        print(f"{bpp:.2f} bpp: encode {best[0]:.2f} s, open and decode {best[1]:.2f} s")


def main() -> None:
    """Print the table."""
    images = [Path(name) for name in sys.argv[1:]] or [DEFAULT]
    store = ModelStore.installed()
    ntc = Ntc(Setup(Run(models=store), {}, store.find("base/ntc_range")))
    columns = "".join(f"  {wanted:.0f} dB: ntc    AVIF  ratio" for wanted in WANTED)
    print(f"{'picture':16}{columns}   top: bpp     dB")
    ratios = []
    for path in images:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        at, others = ours(ntc, pixels), avif(pixels)
        points = [at(quality) for quality in QUALITIES]
        found = [(bytes_at(points, w), bytes_at(others, w)) for w in WANTED]
        ratios.append([a / b for a, b in found])
        top, size = at(1.0)
        row = "".join(f"{a:12.0f}{b:8.0f}{a / b:7.3f}" for a, b in found)
        bpp = 8 * size / (pixels.shape[0] * pixels.shape[1])
        print(f"{path.stem[:15]:16}{row}{bpp:12.2f}{top:7.2f}", flush=True)
    mean = "".join(f"{20 * ' '}{ratio:7.3f}" for ratio in np.nanmean(ratios, 0))
    print(f"{'mean':16}{mean}")
    speed(ntc, pixels[:512, :768])


if __name__ == "__main__":
    main()
