"""What `ddcm` does with its bits: rate, the SNR that it reaches and whether it is true, picture, processor time.

    python plugins/diffc/benchmarks/ddcm.py PHOTO... [--side 256] [--bpp 0.02 0.05] [--lpips FOLDER]
                                            [--set steps=24 --set method=pursuit atoms=4]

Of each photograph the middle, `side` x `side`; 0 takes it whole. `bpp` is of the layers, without the container.
`variance` is that of (x_t - alpha_t x_0) / sigma_t, 1 where the claimed SNR is true. PSNR and LPIPS (AlexNet, weights in the
folder named) are of one denoise, E[x_0 | x_t]. `seconds` are processor time of encoding, without the check that follows it,
and of decoding stage 1. --set gives options of the embedding; each is a row of its own.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from gcodec.interfaces import Setup, Size
from gcodec.options import check_options
from gcodec.pictures import load_image, psnr
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Noisy
from gcodec_diffc.ddcm.embedding import Ddcm
from gcodec_eval.metrics import lpips

Array = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--bpp", nargs="+", type=float, default=[0.02, 0.05, 0.1, 0.2])
    parser.add_argument("--set", nargs="*", action="append", dest="sets", metavar="OPTION=VALUE")
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        "| options | bpp | SNR, dB | variance | PSNR | LPIPS | seconds |\n|---|---|---|---|---|---|---|"
    )
    for given in arguments.sets or [[]]:
        embedding = made(dict(pair.split("=") for pair in given))
        for bpp in arguments.bpp:
            rows = [
                measured(
                    embedding,
                    middle(load_image(photo).pixels, arguments.side),
                    bpp,
                    arguments.lpips,
                )
                for photo in arguments.photos
            ]
            rate, ratio, variance, quality, distance, there, back = np.mean(rows, axis=0)
            print(
                f"| {' '.join(given) or 'defaults'} | {rate:.4f} | {ratio:.1f} | {variance:.3f} |"
                f" {quality:.2f} | {distance:.3f} | {there:.1f} / {back:.1f} |",
                flush=True,
            )


def made(texts: dict[str, str]) -> Ddcm:
    """The embedding with these options."""
    spec, run = registry().embedding("ddcm"), Run()
    types = {option.name: option.type for option in spec.options}
    options: dict[str, Any] = {name: types[name](text) for name, text in texts.items()}
    model = run.models.find(spec.model or "")
    return Ddcm(Setup(run, check_options("ddcm", spec.options, options), model))


def middle(pixels: Array, side: int) -> Array:
    _, height, width = pixels.shape
    top, left = ((length - side) // 2 if 0 < side < length else 0 for length in (height, width))
    return np.ascontiguousarray(
        pixels[:, top : top + (side or height), left : left + (side or width)]
    )


def measured(embedding: Ddcm, pixels: Array, bpp: float, weights: Path | None) -> tuple[float, ...]:
    """The columns of the table."""
    size = Size(*pixels.shape[1:])
    began = time.process_time()
    analysis = embedding.analyse(pixels)
    area = size.height * size.width
    levels = [q / 1024 for q in range(1025)]
    quality = max(q for q in levels if sum(embedding.sizes(analysis, q)) * 8 <= bpp * area)
    layers = embedding.encode(analysis, quality)
    sent = time.process_time()
    state = cast(Noisy, embedding.decode(layers, size)[0])
    received = time.process_time()
    eps = (state.x_t - state.alpha_t * analysis[0]) / state.sigma_t
    x0_hat = embedding.denoiser.x0(
        torch.from_numpy(state.x_t)[None],
        state.alpha_t,
        state.sigma_t,
        embedding.denoiser.condition({}, size),
    )
    picture = embedding.space.decode(x0_hat[0].numpy(), size)
    return (
        8 * sum(map(len, layers)) / area,
        20 * math.log10(state.alpha_t / state.sigma_t),
        float(eps.var()),
        psnr(pixels, picture),
        lpips(pixels, picture, weights=weights),
        sent - began,
        received - sent,
    )


if __name__ == "__main__":
    main()
