"""One call against four steps, at the same files: LPIPS, DISTS, PSNR, and the processor time of stage 2.

    GCODEC_METRICS=FOLDER python plugins/flow/benchmarks/one_step.py PHOTO... [--side 384] [--model FOLDER]

The middle of every photograph goes through one real file for each of `FILES`; every reconstructor decodes that file, in one
process, on one thread, with its networks open already. Time is that of the processor, the best of `--repeats`, without what
stage 1 takes; it is given in multiples of `latent_flow` in four steps too. Means over the photographs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import gcodec
from gcodec.errors import MetricUnavailable
from gcodec.pictures import psnr
from gcodec_eval.metrics import dists, lpips

FloatArray = NDArray[np.float32]

#: Embedding and quality of the files.
FILES = (("ntc", 0.1), ("ntc", 0.3), ("webp", 0.1), ("jpeg", 0.15), ("perco", 0.5), ("diffc", 0.3))
#: Reconstructor and its options; the first gives the time of stage 1, the second is the baseline.
TRIED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("preview", {}),
    ("latent_flow", {"steps": 4}),
    ("latent_flow", {"steps": 1}),
    ("flow", {"steps": 4}),
    ("bridge", {"steps": 2}),
    ("bridge", {"steps": 1}),
    ("one_step", {}),
)


def middle(path: Path, side: int) -> FloatArray:
    """At most side x side samples, float32 [3, H, W]."""
    pixels = gcodec.load_image(path).pixels
    top, left = (max(0, (length - side) // 2) for length in pixels.shape[1:])
    return np.ascontiguousarray(pixels[:, top : top + side, left : left + side])


def textures(x: FloatArray, y: FloatArray) -> float:
    """DISTS; NaN where its weights are not here."""
    try:
        return float(dists(x, y))
    except MetricUnavailable:
        return float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", help="other weights for one_step: name or folder")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    pictures = [middle(path, arguments.side) for path in arguments.photos]
    print(
        "| file | bpp | stage 2 | LPIPS | DISTS | PSNR | s | x |\n|---|---|---|---|---|---|---|---|"
    )
    with gcodec.Session() as session:
        for embedding, quality in FILES:
            files = [
                session.encode(
                    gcodec.Picture.from_array(x), embedding, target=gcodec.Target(quality=quality)
                ).data
                for x in pictures
            ]
            bits = [8 * len(f) / x[0].size for f, x in zip(files, pictures, strict=True)]
            seconds: list[float] = []
            for name, options in TRIED:
                model = arguments.model if name == "one_step" else None
                rows, spent = [], []
                for x, data in zip(pictures, files, strict=True):
                    taken = []
                    for _ in range(arguments.repeats):
                        begun = time.process_time()
                        y = session.decode(data, name, options=options, model=model).picture.pixels
                        taken.append(time.process_time() - begun)
                    spent.append(min(taken))
                    rows.append((lpips(x, y), textures(x, y), psnr(x, y)))
                seconds.append(float(np.mean(spent)) - (seconds[0] if seconds else 0))
                share = f"{seconds[-1] / seconds[1]:.2f}" if len(seconds) > 1 else ""
                told = " ".join([name, *(f"{k}={v}" for k, v in options.items())])
                lp, di, db = np.mean(rows, 0)
                print(
                    f"| {embedding} {quality} | {np.mean(bits):.3f} | `{told}` | {lp:.3f} | {di:.3f} | {db:.2f} |"
                    f" {seconds[-1]:.3f} | {share} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
