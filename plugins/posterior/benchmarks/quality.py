"""What the posterior samplers make of noisy states, and `dps` of files.

    python plugins/posterior/benchmarks/quality.py --lpips FOLDER IMAGE... [--side 256] [--steps 8]

The middle `side` x `side` of each image counts.

First table: x_t = (1 - t) x_0 + t eps of the latent of each image, with true noise. Squared
errors in the latent space, in dB against unit variance, since pixels cannot be better than the autoencoder; PSNR and LPIPS
(AlexNet, weights in the folder named) of the pictures. `ideal bpp` is I(X_0; X_t) by the I-MMSE relation (Guo, Shamai and
Verdu 2005; review, eq. 25), 1/2 the integral of the squared error of `mse` over the SNR: what a perfect channel code
would send.

Second table: files of --embedding at no more than --bpp, decoded by the preview and by each of --recon.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from gcodec.diffusion.tiles import Tile
from gcodec.errors import TargetTooSmall
from gcodec.interfaces import Setup, Size
from gcodec.pictures import Picture, load_image
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.randomness import FIRST_PRIVATE
from gcodec.run import Run
from gcodec.signals import Noisy, by_type
from gcodec_eval.metrics import lpips_network
from gcodec_posterior.noisy import Ancestral, FromNoisy, Mean, ProbabilityFlow

FloatArray: TypeAlias = NDArray[np.float32]
Distance: TypeAlias = Callable[[FloatArray, FloatArray], float]
TIMES = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.025)


def decibels(error: float) -> float:
    return -10 * float(np.log10(error))


def squared(a: FloatArray, b: FloatArray) -> float:
    return float(np.square(a - b).mean(dtype=np.float64))


def middle(path: Path, side: int) -> Picture:
    """The middle `side` x `side` of a photograph."""
    picture = load_image(path)
    top, left = ((length - side) // 2 for length in picture.pixels.shape[1:])
    part = picture.pixels[:, top : top + side, left : left + side]
    return replace(picture, pixels=np.ascontiguousarray(part))


@torch.inference_mode()
def latent(sampler: FromNoisy, state: Noisy, size: Size, whole: Tile) -> FloatArray:
    """What the sampler makes of a state, before it is decoded: [C, h, w]."""
    signals = by_type((state,))
    x_t, t = sampler.start(signals, size)
    x_0: FloatArray = sampler.latents([signals], [x_t], t, size)(whole)[0]
    return x_0


def states(paths: Sequence[Path], side: int, steps: int, distance: Distance) -> None:
    """Print the first table."""
    run = Run()
    model = run.models.find("base/denoiser")
    made = [
        cls(Setup(run, {"steps": count, "tile": 1024}, model))
        for cls, count in ((Mean, 1), (ProbabilityFlow, steps), (Ancestral, steps))
    ]
    space = made[0].space
    rows: list[list[list[tuple[float, ...]]]] = [[] for _ in TIMES]
    for number, path in enumerate(paths):
        x = middle(path, side).pixels
        size, z = Size(*x.shape[1:]), space.encode(x)
        whole = Tile(0, 0, np.ones(z.shape[1], np.float32), np.ones(z.shape[2], np.float32))
        eps = run.randomness.normal(FIRST_PRIVATE, 0, number, z.shape)
        for row, t in zip(rows, TIMES, strict=True):
            x_t = np.float32(1 - t) * z + np.float32(t) * eps
            found: list[tuple[float, ...]] = []
            for each in made:
                x_0 = latent(each, Noisy(x_t, space.name, 1 - t, t), size, whole)
                shown = space.decode(x_0, size)
                found.append((squared(x_0, z), squared(shown, x), distance(shown, x)))
            row.append(found)
    print(f"{len(paths)} images, {side}x{side}, {steps} steps; latent dB / PSNR / LPIPS")
    print(
        "    t  log SNR  ideal bpp | "
        + " | ".join(f"{name:^20}" for name in ("mse", "ode", "sde"))
        + " | F - A dB"
    )
    means = np.mean(np.asarray(rows), axis=1)
    snr = np.array([((1 - t) / t) ** 2 for t in TIMES])
    # dI = mmse / 2 dSNR = (mmse SNR) / 2 d ln SNR, which is nearly flat; below the first SNR the error is the prior's.
    flat = means[:, 0, 0] * snr / 2
    pieces = np.diff(np.log(snr)) * (flat[1:] + flat[:-1]) / 2
    nats = np.cumsum([flat[0], *pieces])
    bpp = nats / np.log(2) * space.channels / space.factor**2
    for t, of_snr, bits, row in zip(TIMES, snr, bpp, means, strict=True):
        parts = [f"{decibels(e):6.2f} {decibels(p):6.2f} {d:6.3f}" for e, p, d in row]
        gain = decibels(row[1][0]) - decibels(row[2][0])
        print(f"{t:5.3f} {np.log(of_snr):8.2f} {bits:10.3f} | {' | '.join(parts)} | {gain:8.2f}")


def files(
    paths: Sequence[Path],
    side: int,
    embedding: str,
    bpp: float,
    recons: Sequence[str],
    distance: Distance,
) -> None:
    """Print the second table."""
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in ("preview", *recons)}
    for path in paths:
        picture = middle(path, side)
        x = picture.pixels
        try:
            data = encode(picture, embedding, target=Target(bpp=bpp)).data
        except TargetTooSmall as error:
            print(f"{path.name} left out: {error}")
            continue
        rate = 8 * len(data) / (x.shape[1] * x.shape[2])
        for name, found in rows.items():
            recon, _, settings = name.partition(":")
            options = {"jacobian": True} if settings == "jacobian" else {}
            y = decode(data, recon, options=options).picture.pixels
            found.append((rate, decibels(squared(x, y)), distance(x, y)))
    print(f"\n{embedding}, at most {bpp} bpp\nreconstructor    bpp   PSNR  LPIPS")
    for name, found in rows.items():
        rate, quality, perceived = np.mean(found, axis=0)
        print(f"{name:13} {rate:6.3f} {quality:6.2f} {perceived:6.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--embedding", nargs="*", default=["ntc"])
    parser.add_argument("--bpp", type=float, default=0.1)
    parser.add_argument("--recon", nargs="+", default=["dps", "dps:jacobian", "latent_flow", "ode"])
    arguments = parser.parse_args()
    network = lpips_network(arguments.lpips)

    def distance(x: FloatArray, y: FloatArray) -> float:
        with torch.inference_mode():
            return float(network(*(2 * torch.from_numpy(a)[None] - 1 for a in (x, y))))

    states(arguments.images, arguments.side, arguments.steps, distance)
    for embedding in arguments.embedding:
        files(arguments.images, arguments.side, embedding, arguments.bpp, arguments.recon, distance)


if __name__ == "__main__":
    main()
