"""`ntc` with a checkpoint of CompressAI next to CompressAI itself: python zoo.py CHECKPOINT [IMAGES...]

Bytes at the trained quality, what CompressAI's own coder spends on the same pictures, what its densities say (of
autoregressive models: about other latents than are coded), and the PSNR of both; needs `pip install compressai`. Without
arguments, or without it, says so and ends.
"""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

import gcodec
from gcodec.models import _torchvision_cpu
from gcodec_ntc.zoo.checkpoint import open_checkpoint
from gcodec_ntc.zoo.codec import ZooCodec
from gcodec_ntc.zoo.convert import folder_tensors

DEFAULT = Path(__file__).parents[3] / "tests/images/kodim23.png"
TRAINED = 128


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of samples in [0, 1]."""
    return -10 * math.log10(float(np.mean((a - b) ** 2)))


def main() -> None:
    """Print a line per picture, and the sums."""
    if len(sys.argv) < 2 or find_spec("compressai") is None:
        print("give a checkpoint of CompressAI, which must be installed")
        return
    _torchvision_cpu.install()
    from compressai.zoo.image import model_architectures

    path = Path(sys.argv[1])
    checkpoint = open_checkpoint(path)
    family, sizes = checkpoint.which.name, {"N": checkpoint.n, "M": checkpoint.m}
    config = {"architecture": family, **sizes}
    ours = ZooCodec(config, folder_tensors(checkpoint), torch.device("cpu"))
    theirs = model_architectures[family].from_state_dict(torch.load(path, weights_only=True)).eval()
    theirs.update()
    sums = np.zeros(3)
    print("picture               ntc  CompressAI      ideal   dB ntc  dB CompressAI")
    for name in sys.argv[2:] or [DEFAULT]:
        pixels = gcodec.load_image(Path(name)).pixels
        pixels = np.ascontiguousarray(pixels[:, : pixels.shape[1] & -64, : pixels.shape[2] & -64])
        analysed = ours.analyse(pixels)
        payload = ours.encode(analysed, TRAINED)
        level, _, _, y = ours.read(payload, *pixels.shape[1:])
        preview = ours.synthesise(y, level, *pixels.shape[1:])
        with torch.inference_mode():
            x = torch.from_numpy(pixels)[None]
            coded = theirs.compress(x)
            decoded = theirs.decompress(coded["strings"], coded["shape"])["x_hat"][0].numpy()
            likelihoods = theirs(x)["likelihoods"].values()
        spent = sum(len(part[0]) for part in coded["strings"])
        ideal = sum(float(-p.log2().sum()) for p in likelihoods) / 8
        sums += len(payload) - 2, spent, ideal
        print(
            f"{Path(name).stem:16} {len(payload) - 2:8} {spent:11} {ideal:10.0f}"
            f" {psnr(preview, pixels):8.2f} {psnr(decoded, pixels):14.2f}"
        )
    print(
        f"{sums[0] / sums[1] - 1:+.2%} against its coder, {sums[0] / sums[2] - 1:+.2%} against its densities"
    )


if __name__ == "__main__":
    main()
