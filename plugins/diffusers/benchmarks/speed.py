"""Milliseconds of the latent space and the denoiser of `base`, by precision and threads.

    python plugins/diffusers/benchmarks/speed.py [--height 512] [--width 768] [--threads 1 2]

Baseline of each row: the same work in float32 on one thread, in the same run.
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable

import numpy as np
import torch

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_denoiser, open_space
from gcodec.run import Run
from gcodec.signals import Preview


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    size = Size(arguments.height, arguments.width)
    pixels = np.random.default_rng(0).random((3, *size), np.float32)
    store = ModelStore.installed()

    baseline: dict[str, float] = {}
    print(f"{size.width}x{size.height}\nprecision  threads  part           ms  x baseline")
    for dtype in ("float32", "bfloat16"):
        run = Run(dtype=dtype)
        denoiser = open_denoiser(store.find("base/denoiser"), run)
        space = open_space(store.find(denoiser.space), run)
        condition = denoiser.condition({"preview": Preview(pixels, 1e-3)}, size)
        latent = space.encode(pixels)
        x_t = torch.from_numpy(latent)[None]
        work: dict[str, Callable[[], object]] = {
            "encode": lambda s=space: s.encode(pixels),
            "one x0-hat": lambda d=denoiser, c=condition, x=x_t: d.x0(x, 0.5, 0.5, c),
            "decode": lambda s=space, z=latent: s.decode(z, size),
        }
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            for part, call in work.items():
                call()
                seconds = min(timeit.repeat(call, repeat=arguments.repeats, number=1))
                first = baseline.setdefault(part, seconds)
                print(
                    f"{dtype:9}  {threads:7}  {part:10} {1e3 * seconds:6.0f} {seconds / first:11.2f}"
                )


if __name__ == "__main__":
    main()
