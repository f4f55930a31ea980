"""The reconstructor `relic`: quantization's error taken for diffusion's noise.

Relic (Relic et al. 2024, "Lossy image compression with foundation diffusion models"; 2025, "Bridging the gap between
Gaussian diffusion models and universal quantization for image compression"): a latent quantized in bins of width Delta errs
by uniform noise of deviation Delta / sqrt(12). On the path x_t = (1 - t) x_0 + t eps that is the noise of the time

    t = eta(Delta) = sigma / (1 + sigma),    sigma = Delta / sqrt(12)

so the dequantized latent, times 1 - t, is put there, and an unconditional denoiser goes the short way that is left. Nothing
is drawn. Published US applications 2025/0157087 and 2026/0095599 describe these papers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gcodec.interfaces import Setup, Size
from gcodec.latents import LatentSampler, Start
from gcodec.signals import Latent, Signal

__all__ = ["QuantizationNoise", "eta"]


def eta(step: float) -> float:
    """The time in [0, 1) at which diffusion's noise is that of bins as wide as `step` >= 0."""
    sigma = step / 12**0.5
    return float(sigma / (1 + sigma))


class QuantizationNoise(LatentSampler):
    """From the dequantized latent, by DDIM with eta = 0, unconditionally."""

    name = "relic"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.time: float = setup.options["time"]

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """(1 - t) times the latent."""
        latent = signals[f"{Latent.kind}/{self.space.name}"]
        assert isinstance(latent, Latent)
        t = self.time or eta(latent.step)
        return Start(latent.values * np.float32(1 - t), t)

    def seen(self, signals: Mapping[str, Signal]) -> Mapping[str, Signal]:
        """Not the latent, which is the state itself: it would count twice."""
        return {}
