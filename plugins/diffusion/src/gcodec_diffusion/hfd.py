"""The reconstructor `hfd`: a sample of P(X | X*) by diffusion given the preview.

HFD (Hoogeboom et al. 2023; review, section IV-A): X* is what an autoencoder trained for squared error makes of the file, and
ancestral sampling draws what is lost. The coarse content is known from the start, so the noise schedule is shifted to
low noise, where detail is decided (`gcodec.diffusion.sampling.times`). Tiles are sampled each by itself, under noise that
belongs to its place, and fade into each other.
"""

from __future__ import annotations

from gcodec.diffusion.latents import LatentSampler
from gcodec.diffusion.sampling import times
from gcodec.interfaces import Setup

__all__ = ["HighFidelityDiffusion"]


class HighFidelityDiffusion(LatentSampler):
    """From noise, by DDIM with `eta`, ancestral by default, on shifted times."""

    name = "hfd"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.eta = setup.options["eta"]
        self.shift: float = setup.options["shift"]

    def grid(self, start: float) -> list[float]:
        """Times that crowd towards low noise for a shift below 1."""
        return times(self.steps, start, self.shift)
