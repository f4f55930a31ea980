"""Plain rounding against universal quantization under `relic`: GCODEC_METRICS=LPIPS python dither.py PHOTO... [--side 192]

For each bin width: payload bytes, PSNR / LPIPS of the autoencoder's picture (`preview`) and of `relic` at 3 steps, plain and
dithered. Last, the bytes of the dithered files over those of plain ones of the same PSNR, and of the same LPIPS, under
`relic`: between the widths that were tried. Means over the photographs' middles.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from gcodec.interfaces import Embedding, Reconstructor, Setup, Size
from gcodec.models.networks import LatentSpace, open_space
from gcodec.options import check_options
from gcodec.pictures import load_image, psnr
from gcodec.pipeline.stage1 import build
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import by_type
from gcodec_eval.metrics import lpips

WIDTHS = (0.25, 0.35, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0)
STEPS = 3


def open_embedding(run: Run, dither: bool) -> Embedding:
    spec = registry().embedding("ldm_quant")
    options = check_options(spec.name, spec.options, {"dither": dither})
    return build(spec, Setup(run, options, run.models.find(str(spec.model))))


def open_relic(run: Run) -> Reconstructor:
    spec = registry().reconstructor("relic")
    options = check_options(spec.name, spec.options, {"steps": STEPS})
    options.pop("realism")
    made: Reconstructor = load_object(spec.name, spec.implementation)(
        Setup(run, options, run.models.find(str(spec.model)))
    )
    return made


def measured(
    embedding: Embedding, relic: Reconstructor, space: LatentSpace, pixels: np.ndarray
) -> list[list[float]]:
    """A row for each width: bytes, PSNR and LPIPS of the preview, of `relic`."""
    analysis, size, rows = embedding.analyse(pixels), Size(*pixels.shape[1:]), []
    for width in WIDTHS:
        layers = embedding.encode(analysis, (2.5 - math.log2(width)) / 5)
        signals = by_type(embedding.decode(layers, size))
        (latent,) = signals.values()
        preview, sample = space.decode(latent.values, size), relic.reconstruct(signals, size)
        found = [f(pixels, picture) for picture in (preview, sample) for f in (psnr, lpips)]
        rows.append([float(sum(map(len, layers))), *found])
    return rows


def of_equal(plain: np.ndarray, dithered: np.ndarray, column: int) -> np.ndarray:
    """Bytes of dithered files over those of plain ones with the same figure in that column."""
    order = np.argsort(plain[:, column])
    known = plain[order, column], np.log(plain[order, 0])
    other = np.interp(dithered[:, column], *known, np.nan, np.nan)
    return np.asarray(dithered[:, 0] / np.exp(other))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--side", type=int, default=192)
    arguments = parser.parse_args()
    run = Run()
    space, relic = open_space(run.models.find("base/autoencoder"), run), open_relic(run)
    pair = open_embedding(run, False), open_embedding(run, True)
    found = []
    for photo in arguments.photos:
        pixels, side = load_image(photo).pixels, arguments.side
        top, left = ((length - side) // 2 for length in pixels.shape[1:])
        pixels = np.ascontiguousarray(pixels[:, top : top + side, left : left + side])
        found.append([measured(embedding, relic, space, pixels) for embedding in pair])
        print(photo, flush=True)
    plain, dithered = np.mean(found, 0)
    equal = [of_equal(plain, dithered, column) for column in (3, 4)]
    print(
        "Delta | plain: bytes, preview, relic | dithered: bytes, preview, relic | at equal PSNR, LPIPS"
    )
    for width, a, b, *ratios in zip(WIDTHS, plain, dithered, *equal, strict=True):
        told = [f"{n:6.0f}, {p:.2f} / {q:.3f}, {r:.2f} / {s:.3f}" for n, p, q, r, s in (a, b)]
        print(f"{width:4} | {' | '.join(told)} | {ratios[0]:.2f}, {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
