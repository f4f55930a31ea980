"""What `--effort` gains, and takes: bytes, PSNR and processor seconds, and BD-rate against effort 0.

    python plugins/ntc/benchmarks/effort.py PHOTO... [--efforts 0 3 9] [--qualities 0.3 0.5 0.7 0.9] [--threads 1]

Bytes are those of payloads, PSNR that of 8-bit samples, seconds those of encoding alone. Those of the first picture
have the opening of the networks.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import gcodec
from gcodec.interfaces import Setup, Size
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_ntc.embedding import Ntc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--efforts", nargs="+", type=int, default=[0, 3, 9])
    parser.add_argument("--qualities", nargs="+", type=float, default=[0.3, 0.5, 0.7, 0.9])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default="base/ntc", help="name or folder")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    run = Run()
    model = run.models.find(arguments.model)
    shape = (len(arguments.photos), len(arguments.efforts), len(arguments.qualities))
    figures = np.zeros((*shape, 3))
    for i, photo in enumerate(arguments.photos):
        pixels = gcodec.load_image(photo).pixels
        for j, effort in enumerate(arguments.efforts):
            ntc = Ntc(Setup(run, {"effort": effort}, model))
            analysis = ntc.analyse(pixels)
            for k, quality in enumerate(arguments.qualities):
                begin = time.process_time()
                (payload,) = ntc.encode(analysis, quality)
                seconds = time.process_time() - begin
                figures[i, j, k] = len(payload), _psnr(ntc, payload, pixels), seconds
        print(photo.name, *(f"{figures[i, j].mean(0)}" for j in range(shape[1])), flush=True)
    print("effort  quality   bytes   PSNR  seconds")
    for j, effort in enumerate(arguments.efforts):
        for k, quality in enumerate(arguments.qualities):
            size, psnr, seconds = figures[:, j, k].mean(0)
            print(f"{effort:6} {quality:8.2f} {size:7.0f} {psnr:6.2f} {seconds:8.1f}")
    print("effort  BD-rate: mean, least, most")
    for j, effort in enumerate(arguments.efforts[1:], 1):
        rates = [_bd_rate(figures[i, 0], figures[i, j]) for i in range(shape[0])]
        print(f"{effort:6} {np.mean(rates):+7.2%} {np.max(rates):+.2%} {np.min(rates):+.2%}")


def _psnr(ntc: Ntc, payload: bytes, pixels: NDArray[np.float32]) -> float:
    (preview,) = ntc.decode((payload,), Size(*pixels.shape[1:]))
    assert isinstance(preview, Preview)
    shown = np.round(preview.pixels * 255) - np.round(pixels * 255)
    return -10 * math.log10(float(np.mean(np.square(shown), dtype=np.float64)) / 255**2)


def _bd_rate(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Bytes at equal PSNR, of two curves (bytes, PSNR): the mean of their logarithms' difference where both are."""
    low, high = max(before[0, 1], after[0, 1]), min(before[-1, 1], after[-1, 1])
    levels = np.linspace(low, high, 100)
    logs = [np.interp(levels, curve[:, 1], np.log(curve[:, 0])) for curve in (before, after)]
    return float(np.exp(np.mean(logs[1] - logs[0])) - 1)


if __name__ == "__main__":
    main()
