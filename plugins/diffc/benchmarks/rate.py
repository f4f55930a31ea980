"""What the channel costs `diffc`: bits at equal PSNR of `trellis`, `chunked` and the ideal channel, on one schedule.

    python plugins/diffc/benchmarks/rate.py PHOTO... [--quality 0.85] [--threads 2]
    python plugins/diffc/benchmarks/rate.py PHOTO... --results OUT/results.csv

With --results the curves are those that `gcodec eval --recon mse` measured, and only the ideal one is made here.

Rates are bytes of whole files cut after each layer; the ideal channel has no file: each of its steps costs its KL and
nothing else, with a sample of q itself, so its curve is the model's own. PSNR is of one denoise, E[x_0 | x_t], decoded to
8 bits. Bjontegaard rate differences against `chunked`, over the PSNR that both curves reach, mean over the photographs.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

import gcodec_formats as gcx
from gcodec.cli.common import progress_bar
from gcodec.interfaces import Setup, Size
from gcodec.models.networks import Condition, Denoiser, LatentSpace
from gcodec.options import check_options
from gcodec.pictures import load_image
from gcodec.randomness import Domain, Randomness
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Noisy
from gcodec_diffc.diffc._process import start
from gcodec_diffc.diffc.embedding import Diffc
from gcodec_eval._bjontegaard import bd_rate

Array = NDArray[np.float32]
Curve = list[tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--quality", type=float, default=0.85)
    parser.add_argument("--memory", type=int, default=14)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, help="results.csv of gcodec eval")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    curves: dict[str, list[Curve]] = {}
    with progress_bar() as progress:
        for number, photo in enumerate(arguments.photos):
            progress("photographs", number, len(arguments.photos))
            pixels = load_image(photo).pixels
            if arguments.results:
                found = {**evaluated(arguments.results, Path(photo).name)}
                embedding = made(f"trellis:memory={arguments.memory}")
                found["ideal"] = list(ideal(embedding, pixels, arguments.quality))
            else:
                found = dict(measured(pixels, arguments.quality, arguments.memory))
            for name, curve in found.items():
                curves.setdefault(name, []).append(curve)
                points = "  ".join(f"{bpp:.4f} {psnr:.2f}" for bpp, psnr in curve)
                print(f"{photo} {name}: {points}", flush=True)
    for name, found_ in curves.items():
        for other, anchors in curves.items():
            if other != name:
                rates = [bd_rate(a, curve) for a, curve in zip(anchors, found_, strict=True)]
                each = " ".join(f"{rate:+.1f}" for rate in rates)
                print(f"{name:24} {np.mean(rates):+6.1f} % against {other} ({each})")


def evaluated(results: Path, image: str) -> dict[str, Curve]:
    """embedding -> [(bits per pixel, PSNR)] of one picture, as `gcodec eval` found them with `mse`."""
    curves: dict[str, Curve] = {}
    with results.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if (row["image"], row["reconstructor"], row["error"]) == (image, "mse", ""):
                point = float(row["bpp"]), float(row["psnr"])
                curves.setdefault(row["embedding"], []).append(point)
    return curves


def measured(pixels: Array, quality: float, memory: int) -> Iterator[tuple[str, Curve]]:
    """(channel, [(bits per pixel, PSNR)]) of one picture."""
    size = Size(*pixels.shape[1:])
    area = size.height * size.width
    for channel in (f"trellis:memory={memory}", "chunked"):
        embedding = made(channel)
        layers = embedding.encode(embedding.analyse(pixels), quality)
        counts = range(1, len(layers) + 1)
        curve = []
        for count, signals in zip(counts, embedding.refine(layers, counts, size), strict=True):
            state = cast(Noisy, signals[0])
            file = gcx.File(
                gcx.Header(gcx.Identity(id=40, profile=2), size, {}),
                tuple(gcx.Segment(gcx.MAIN, layer) for layer in layers[:count]),
                progressive=True,
            )
            bpp = 8 * len(gcx.write(file)) / area
            curve.append((bpp, psnr(embedding, state, pixels)))
        yield channel.partition(":")[0], curve
    yield "ideal", list(ideal(made(f"trellis:memory={memory}"), pixels, quality))


def ideal(embedding: Diffc, pixels: Array, quality: float) -> Iterator[tuple[float, float]]:
    """Every third step of the same schedule with samples of q and KL for bits."""
    values, size = embedding.analyse(pixels)
    x_0 = torch.from_numpy(values)[None]
    condition: Condition = embedding.denoiser.condition({}, size)
    noise = Randomness(1)
    state = start(embedding.setup.run, values.shape)
    bits = 0.0
    for number, length in enumerate(embedding._lengths(values.size, quality), 1):
        x0_hat = embedding._x0_hat(state, condition)
        r = x_0 - x0_hat
        snr = state.snr + 2 * math.log(2) * 8 * length / float(r.double().square().sum())
        m = math.sqrt(snr - state.snr) * r
        eps = noise.normal(Domain.ENCODER, number, 0, values.shape)
        z = (m + torch.from_numpy(eps)[None]).numpy().ravel()
        state = state.after(x0_hat, z, snr)
        bits += 8 * length
        if number % 3 == 0:
            found = state.signal(embedding.space.name)
            yield bits / (size.height * size.width), psnr(embedding, found, pixels)


def made(channel: str) -> Diffc:
    spec, run = registry().embedding("diffc"), Run()
    values = check_options("diffc", spec.options, {"channel": channel})
    return Diffc(Setup(run, values, run.models.find("base/diffc")))


def psnr(embedding: Diffc, state: Noisy, pixels: Array) -> float:
    """In dB, of one denoise."""
    size = Size(*pixels.shape[1:])
    x0_hat = mean(embedding.denoiser, embedding.space, state, size)
    error = np.rint(x0_hat * 255) / 255 - pixels
    return -10 * math.log10(float(np.square(error, dtype=np.float64).mean()))


def mean(denoiser: Denoiser, space: LatentSpace, state: Noisy, size: Size) -> Array:
    x_t = torch.from_numpy(state.x_t)[None]
    x0_hat = denoiser.x0(x_t, state.alpha_t, state.sigma_t, denoiser.condition({}, size))
    return space.decode(x0_hat[0].numpy(), size)


if __name__ == "__main__":
    main()
