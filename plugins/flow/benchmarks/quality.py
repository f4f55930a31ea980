"""LPIPS and PSNR of `flow` against the preview it starts from, at given rates.

    python plugins/flow/benchmarks/quality.py --lpips FOLDER IMAGE...

Each image goes through a real file (`gcodec.pipeline.encoding.encode` at no more than --bpp), and both
reconstructions are made from that file. LPIPS is AlexNet's, of weights in the folder named.
Means over the images; `x mse` is the mean ratio of squared errors, flow over preview, which theory
bounds by 2.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gcodec.errors import TargetTooSmall
from gcodec.pictures import load_image
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec_eval.metrics import lpips_network
from gcodec_flow.losses import Metric

FloatArray = NDArray[np.float32]


def measure(metric: Metric, x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """(squared error, LPIPS) of two images [3, H, W] in [0, 1]."""
    with torch.inference_mode():
        distance = metric(*(2 * torch.from_numpy(a)[None] - 1 for a in (x, y)))
    return float(np.square(x - y).mean(dtype=np.float64)), float(distance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--lpips", type=Path, required=True)
    parser.add_argument("--embeddings", nargs="+", default=["jpeg", "webp", "avif", "ntc"])
    parser.add_argument("--bpp", type=float, nargs="+", default=[0.15, 0.3])
    parser.add_argument("--steps", type=int, nargs="+", default=[4])
    parser.add_argument("--model", help="other weights: name or folder")
    arguments = parser.parse_args()
    metric = lpips_network(arguments.lpips)

    print("embed   bpp  steps | preview PSNR  LPIPS | flow PSNR  LPIPS  x mse")
    for embedding in arguments.embeddings:
        for target in arguments.bpp:
            rows: dict[int, list[tuple[float, ...]]] = {steps: [] for steps in arguments.steps}
            for path in arguments.images:
                picture = load_image(path)
                x = np.ascontiguousarray(picture.pixels)
                try:
                    data = encode(picture, embedding, target=Target(bpp=target)).data
                except TargetTooSmall as error:
                    print(f"{path.name} left out: {error}")
                    continue
                bpp = 8 * len(data) / (x.shape[1] * x.shape[2])
                before = measure(metric, x, decode(data, "preview").picture.pixels)
                for steps, found in rows.items():
                    options = {"steps": steps}
                    sample = decode(data, "flow", options=options, model=arguments.model)
                    after = measure(metric, x, sample.picture.pixels)
                    found.append((bpp, *before, *after, after[0] / before[0]))
            for steps, found in rows.items():
                if not found:
                    continue
                bpp, _, lpips, _, lpips_flow, ratio = np.mean(found, axis=0)
                decibels = [-10 * np.log10([f[k] for f in found]).mean() for k in (1, 3)]
                print(
                    f"{embedding:5} {bpp:6.3f} {steps:5} | {decibels[0]:12.2f} {lpips:6.3f} |"
                    f" {decibels[1]:9.2f} {lpips_flow:6.3f} {ratio:6.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
