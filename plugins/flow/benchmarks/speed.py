"""Milliseconds of the flow per Euler step, against decoding the preview that it starts from.

    python plugins/flow/benchmarks/speed.py [--height 512] [--width 768] [--threads 1 2]

The baseline, timed in the same run, is Pillow's decoding of a JPEG of the same size; every figure
is also given as a multiple of it.
"""

from __future__ import annotations

import argparse
import io
import timeit
from functools import partial

import numpy as np
import torch
from PIL import Image

from gcodec.interfaces import Setup
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec_flow.reconstructor import Flow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", default="base/flow", help="name or folder")
    arguments = parser.parse_args()
    size = (arguments.height, arguments.width)

    # A smooth random picture: JPEG's speed depends on the content, the flow's does not.
    small = np.random.default_rng(0).integers(0, 256, (*(n // 16 + 1 for n in size), 3), np.uint8)
    image = Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=10)
    preview = np.asarray(image, np.float32).transpose(2, 0, 1) / np.float32(255)

    def decode() -> None:
        Image.open(io.BytesIO(buffer.getvalue())).load()

    baseline = min(timeit.repeat(decode, repeat=20, number=1))
    print(f"{size[1]}x{size[0]}, JPEG decode {1e3 * baseline:.1f} ms")
    print("threads steps      ms   ms/step  x JPEG decode")
    model = ModelStore.installed().find(arguments.model)
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        for steps in (1, 2, 4, 8):
            setup = Setup(Run(), {"steps": steps, "tile": 1024}, model)
            flow = Flow(setup)
            call = partial(flow.residual, preview, 0.05)
            seconds = min(timeit.repeat(call, repeat=arguments.repeats, number=1))
            print(
                f"{threads:7} {steps:5} {1e3 * seconds:7.0f} {1e3 * seconds / steps:9.0f}"
                f" {seconds / baseline:14.0f}"
            )


if __name__ == "__main__":
    main()
