"""The reconstructor `latent_flow`: flow matching in a latent space, given whatever stage 1 knows.

x_t = (1 - t) x_0 + t eps is the rectified flow of the review (eqs. 9 and 10, with alpha_t = 1 - t and sigma_t = t);
the denoiser's x0-hat gives its velocity v = (x_t - x0-hat) / t, and the end point of the ODE from eps is a sample of
P_{X|Y} for any Y that the denoiser can be conditioned on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.networks import Condition, open_denoiser, open_space
from gcodec.signals import Signal
from gcodec.tiles import Tile, noise, through_latents
from gcodec_flow.sampler import euler, times

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LatentFlow"]


class LatentFlow(Reconstructor):
    """A sample of P_{X|Y}, made in the latent space of a denoiser and decoded from there."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise ValueError("latent_flow needs a model; `base/denoiser` is the default")
        run = setup.run
        self.denoiser = open_denoiser(setup.model, run)
        self.space = open_space(run.models.find(self.denoiser.space), run)
        self.steps: int = setup.options["steps"]
        self.tile: int = setup.options["tile"]

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return float32 [3, H, W] in [0, 1]."""
        condition = self.denoiser.condition(signals, size)
        run, channels = self.setup.run, self.space.channels

        def solve(tile: Tile) -> FloatArray:
            return self.solve(
                condition.window(*tile.window), noise(run.randomness, tile.window, channels)
            )

        return through_latents(self.space, size, self.tile, solve, run.progress, "latent_flow")

    def solve(self, condition: Condition, eps: FloatArray) -> FloatArray:
        """One tile through the ODE, from noise [C, h, w] to a latent of that shape."""
        # A network distilled for as few steps as these is told how long they are.
        step = 1 / self.steps if self.steps in self.denoiser.few else 0.0

        def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
            return (x - self.denoiser.x0(x, 1 - t, t, condition, step)) / t

        device = next(iter(condition.maps.values())).device
        start = torch.from_numpy(eps)[None].to(device)
        latent: FloatArray = euler(velocity, start, times(self.steps))[0].cpu().numpy()
        return latent
