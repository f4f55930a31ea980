"""Small models of CompressAI with random weights, pictures to code with them, and processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gcodec.pictures import Picture
from gcodec_compressai.library import architectures

#: What each registered class is made with to be small.
SMALL: Mapping[str, Mapping[str, Any]] = {
    "bmshj2018-factorized": {"N": 8, "M": 12},
    "bmshj2018-factorized-relu": {"N": 8, "M": 12},
    "bmshj2018-hyperprior": {"N": 8, "M": 12},
    "bmshj2018-hyperprior-vbr": {"N": 8, "M": 12},
    "mbt2018": {"N": 8, "M": 12},
    "mbt2018-mean": {"N": 8, "M": 12},
    "mbt2018-mean-vbr": {"N": 8, "M": 12},
    "mbt2018-vbr": {"N": 8, "M": 12},
    "cheng2020-anchor": {"N": 8},
    "cheng2020-anchor-checkerboard": {"N": 12},
    "cheng2020-attn": {"N": 8},
    "elic2022-chandelier": {"N": 8, "M": 132},
    "elic2022-official": {"N": 8, "M": 132},
}

#: A model of the user's own, as its author would write it: a module that has nothing to do with gcodec.
OWN = '''
import torch
from compressai.entropy_models import EntropyBottleneck
from compressai.models import CompressionModel
from torch import nn


class Mine(CompressionModel):
    def __init__(self, channels=6):
        super().__init__()
        self.entropy_bottleneck = EntropyBottleneck(channels)
        self.analysis = nn.Conv2d(3, channels, 8, stride=8)
        self.synthesis = nn.ConvTranspose2d(channels, 3, 8, stride=8)

    @property
    def downsampling_factor(self):
        return 8

    def forward(self, x):
        y_hat, likelihoods = self.entropy_bottleneck(self.analysis(x))
        return {"x_hat": self.synthesis(y_hat), "likelihoods": {"y": likelihoods}}

    def compress(self, x):
        y = self.analysis(x)
        return {"strings": [self.entropy_bottleneck.compress(y)], "shape": y.size()[-2:]}

    def decompress(self, strings, shape):
        y_hat = self.entropy_bottleneck.decompress(strings[0], shape)
        return {"x_hat": self.synthesis(y_hat).clamp_(0, 1)}


class Threads(Mine):
    """Its decoder depends on the number of threads, as an unlucky sum in floating point does."""

    def decompress(self, strings, shape):
        y_hat = self.entropy_bottleneck.decompress(strings[0], shape)
        return {"x_hat": self.synthesis(y_hat + torch.get_num_threads()).clamp_(0, 1)}


class Liar(Mine):
    """What it reads is not what it wrote."""

    def decompress(self, strings, shape):
        made = [bytes(len(strings[0][0]))]
        return super().decompress([made], shape)


class Fails(Mine):
    def compress(self, x):
        if x.shape[2] > 200:
            raise RuntimeError("no memory\\nfor that")
        return super().compress(x)


class NotFinite(Mine):
    """Latents that are not finite."""

    def compress(self, x):
        bright = x * float("nan") if x.shape[2] > 200 else x
        return super().compress(bright)


class Plain(nn.Module):
    pass
'''


def state(architecture: str, seed: int = 0, gain: float = 1.0) -> dict[str, torch.Tensor]:
    """A random state dictionary; latents are so many times larger than random weights make them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = architectures()[architecture](**SMALL[architecture])
    made: dict[str, torch.Tensor] = net.state_dict()
    last = max(key for key in made if key.startswith("g_a.") and key.endswith(".weight"))
    made[last] *= gain
    return made


def save(folder: Path, architecture: str, name: str = "1", **how: Any) -> Path:
    """Write a checkpoint file whose name begins with its architecture."""
    path = folder / f"{architecture}-{name}.pth.tar"
    torch.save(state(architecture, **how), path)
    return path


def picture(height: int = 70, width: int = 90) -> Picture:
    """Waves, an edge and grain."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = 0.5 + 0.3 * np.sin(x / 9 + y / 23) * np.cos(y / 13)
    planes = np.stack([waves, np.where(x > 30 + y / 3, waves, 0.2), 1 - waves])
    noisy = planes + rng.normal(0, 0.02, planes.shape)
    octets = (255 * np.clip(noisy, 0, 1)).astype(np.uint8)
    return Picture.from_array(octets, layout="CHW")


def process(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a module in a process of its own, with what this one can import."""
    paths = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
