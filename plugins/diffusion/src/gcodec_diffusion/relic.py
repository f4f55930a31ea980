"""The reconstructor `relic`: quantization's error taken for diffusion's noise.

Relic (Relic et al. 2024, "Lossy image compression with foundation diffusion models"; 2025, "Bridging the gap between
Gaussian diffusion models and universal quantization for image compression"): a latent quantized in bins of width Delta errs
by uniform noise of deviation Delta / sqrt(12). On the path x_t = (1 - t) x_0 + t eps that is the noise of the time

    t = eta(Delta) = sigma / (1 + sigma),    sigma = Delta / sqrt(12)

so the dequantized latent, times 1 - t, is put there (`FromLatent.time`, which knows of channels that vary less than a bin is
wide), and an unconditional denoiser goes the short way that is left. Nothing is drawn.

Published US applications 2025/0157087 and 2026/0095599 describe these papers.
"""

from __future__ import annotations

from gcodec.diffusion.latents import FromLatent
from gcodec.interfaces import Setup, Size
from gcodec.signals import Latent

__all__ = ["QuantizationNoise"]


class QuantizationNoise(FromLatent):
    """From the dequantized latent, by DDIM with eta = 0, unconditionally."""

    name = "relic"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.fixed: float = setup.options["time"]

    def time(self, latent: Latent, size: Size) -> float:
        """The one that fits, unless the user fixed another."""
        return self.fixed or super().time(latent, size)
