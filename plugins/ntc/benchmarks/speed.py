"""Time of `ntc` next to Pillow's WebP on one picture: python speed.py [IMAGE]

Best of several runs, in milliseconds, and the ratio to WebP at about the same size in the same
run; then what whole files cost to a size: the search, the check that they decode, and loading the
model included. Without arguments: the test picture of the repository. Threads as the environment says
(OMP_NUM_THREADS, OPENBLAS_NUM_THREADS).
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import gcodec
import gcodec_base.plugin
from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.run import Run
from gcodec_ntc.embedding import Ntc

DEFAULT = Path(__file__).parents[3] / "tests/images/kodim23.png"


def best(work: Callable[[], object], count: int = 5) -> float:
    """Milliseconds of the fastest of `count` runs."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    """Print the table."""
    path = sys.argv[1] if len(sys.argv) > 1 else DEFAULT
    with Image.open(path) as image:
        picture = image.convert("RGB")
    samples = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
    size = Size(*samples.shape[1:])
    model = ModelStore(tuple(gcodec_base.plugin.MODELS)).find("base/ntc")
    ntc = Ntc(Setup(Run(models=ModelStore()), {}, model))
    analysis = ntc.analyse(samples)
    layers = ntc.encode(analysis, 0.5)

    def webp(quality: int) -> bytes:
        stream = io.BytesIO()
        picture.save(stream, "WEBP", quality=quality, method=4)
        return stream.getvalue()

    quality = min(range(1, 96, 4), key=lambda q: abs(len(webp(q)) - len(layers[0])))
    file = webp(quality)
    encode_webp = best(lambda: webp(quality))
    decode_webp = best(lambda: Image.open(io.BytesIO(file)).convert("RGB"))
    print(f"{size.width}x{size.height}, {torch.get_num_threads()} threads; ms (ratio to WebP)")
    for name, took, other in (
        ("analyse", best(lambda: ntc.analyse(samples)), encode_webp),
        ("encode", best(lambda: ntc.encode(analysis, 0.5)), encode_webp),
        ("size", best(lambda: ntc.sizes(analysis, 0.5)), encode_webp),
        ("decode", best(lambda: ntc.decode(layers, size)), decode_webp),
        ("symbols", best(lambda: ntc.symbols(layers, size)), decode_webp),
    ):
        print(f"{name:8} {took:8.1f} ({took / other:.1f})")
    print(f"WebP encode {encode_webp:.1f}, decode {decode_webp:.1f}")
    print("files by size, one run each: ms, processor ms, bytes")
    for bpp in (0.1, 0.2, 0.4):
        wall, cpu = time.perf_counter(), time.process_time()
        made = gcodec.encode(gcodec.load_image(path), "ntc", target=gcodec.Target(bpp=bpp))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{bpp} bpp {1000 * wall:8.1f} {1000 * cpu:8.1f} {len(made.data)}")


if __name__ == "__main__":
    main()
