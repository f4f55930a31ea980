"""What `uqdm` makes of each layer, and its lossless bytes against the ELBO of its model.

    python plugins/diffc/benchmarks/lossless.py PHOTO... [--model FOLDER] [--side 768] [--lpips FOLDER]

Of each photograph the middle, at most `side` on a side and multiples of 64. `bpp` is of the layers so far, without the
container; `elbo` the expected bits of all stages under the model's densities in floating point, with dither of its own;
`webp` a lossless WebP of the same samples. PSNR and LPIPS (AlexNet, weights in the folder named) are of the preview.
`seconds` are processor time of encoding, previews included, and of decoding the last layer's picture.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gcodec.models import Model
from gcodec.pictures import load_image, psnr
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec_diffc.uqdm.codec import Codec
from gcodec_diffc.uqdm.export import rebuilt
from gcodec_diffc.uqdm.schedule import LAYERS, STAGES
from gcodec_diffc.uqdm.simulation import simulate
from gcodec_eval.metrics import lpips

Array = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model", default="base/uqdm")
    parser.add_argument("--side", type=int, default=768)
    parser.add_argument("--lpips", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = Run().models.find(arguments.model)
    pictures = [middle(load_image(photo).pixels, arguments.side) for photo in arguments.photos]
    codec = Codec(model.config, model.tensors(), Randomness(0))
    steps, whole = [], []
    for name, pixels in zip(arguments.photos, pictures, strict=True):
        layers, rows, (encoding, decoding) = coded(codec, pixels, arguments.lpips)
        steps.append(rows)
        size = pixels.shape[1] * pixels.shape[2]
        bits = 8 * sum(map(len, layers)) / size
        whole.append((bits, elbo(model, pixels) / size, webp(pixels), encoding, decoding))
        print(name.name, *(f"{value:.3f}" for value in whole[-1]), flush=True)
    print("\n| layers | bpp | PSNR | LPIPS |\n|---|---|---|---|")
    for count, row in enumerate(np.mean(steps, 0), 1):
        print(f"| {count} | {row[0]:.3f} | {row[1]:.2f} | {row[2]:.4f} |")
    bits, bound, other, encoding, decoding = np.mean(whole, 0)
    print(
        f"\nlossless {bits:.3f} bpp, ELBO {bound:.3f} ({bits / bound - 1:+.2%}), WebP {other:.3f};"
        f" seconds {encoding:.1f} + {decoding:.1f}"
    )


def middle(pixels: Array, side: int) -> Array:
    """The middle of a photograph, sides multiples of 64."""
    h, w = (min(n, side) // 64 * 64 for n in pixels.shape[1:])
    top, left = (pixels.shape[1] - h) // 2, (pixels.shape[2] - w) // 2
    return np.ascontiguousarray(pixels[:, top : top + h, left : left + w])


def coded(
    codec: Codec, pixels: Array, weights: Path | None
) -> tuple[tuple[bytes, ...], list[tuple[float, float, float]], tuple[float, float]]:
    """All layers; bpp, PSNR and LPIPS after each; seconds of encoding and decoding."""
    height, width = pixels.shape[1:]
    analysed, rows, encoding = codec.analyse(pixels), [], 0.0
    for count in range(1, LAYERS + 1):
        start = time.process_time()
        layers = codec.encode(analysed, count)
        encoding += time.process_time() - start
        preview = codec.preview(analysed.walk.state, count)
        distance = lpips(preview, pixels, weights=weights) if weights else float("nan")
        bpp = 8 * sum(map(len, layers)) / (height * width)
        rows.append((bpp, min(psnr(preview, pixels), 99.0), distance))
    start = time.process_time()
    state, _ = codec.read(layers, height, width)
    assert np.array_equal(codec.preview(state, LAYERS), pixels), "not lossless"
    return layers, rows, (encoding, time.process_time() - start)


def elbo(model: Model, pixels: Array) -> float:
    """Expected bits of a picture by the model's densities."""
    network = rebuilt(model.config, model.tensors())
    octets = np.rint(pixels * 255).astype(np.uint8).transpose(1, 2, 0)[None]
    rng, cpu = np.random.default_rng(1), torch.device("cpu")
    with torch.inference_mode():
        return sum(
            simulate(network, octets, stage, 3, rng, cpu)[0].item() for stage in range(STAGES)
        )


def webp(pixels: Array) -> float:
    """Bits per pixel of a lossless WebP."""
    octets = np.rint(pixels * 255).astype(np.uint8).transpose(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(octets).save(stream, "WEBP", lossless=True, quality=100, method=4)
    return 8 * stream.tell() / (pixels.shape[1] * pixels.shape[2])


if __name__ == "__main__":
    main()
