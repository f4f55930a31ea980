"""The reconstructor `latent_flow`: flow matching in a latent space, given whatever stage 1 knows.

x_t = (1 - t) x_0 + t eps is the rectified flow of the review (eqs. 9 and 10, with alpha_t = 1 - t and sigma_t = t);
the denoiser's x0-hat gives its velocity v = (x_t - x0-hat) / t, and the end point of the ODE from eps is a sample of
P_{X|Y} for any Y that the denoiser can be conditioned on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.networks import Condition, open_denoiser, open_space
from gcodec.randomness import Domain
from gcodec.signals import Signal
from gcodec_flow.sampler import euler, times
from gcodec_flow.tiles import FloatArray, Tile, tiles

__all__ = ["LatentFlow"]

#: Pixels by which tiles overlap.
OVERLAP = 128


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
        self.tile: int = setup.options["tile"] // self.space.factor

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return float32 [3, H, W] in [0, 1]."""
        condition = self.denoiser.condition(signals, size)
        factor, progress = self.space.factor, self.setup.run.progress
        h, w = (-(-side // factor) for side in (size.height, size.width))
        result = np.zeros((3, h * factor, w * factor), np.float32)
        pieces = list(tiles(h, w, self.tile, OVERLAP // factor))
        for done, tile in enumerate(pieces):
            progress("latent_flow", done, len(pieces))
            z = self.solve(condition.window(*tile.window), self.noise(tile))
            inside = Size(factor * len(tile.rows), factor * len(tile.columns))
            rows, columns = (slice(factor * s.start, factor * s.stop) for s in tile.window)
            weight = np.kron(tile.weight, np.ones((factor, factor), np.float32))
            result[:, rows, columns] += weight * self.space.decode(z, inside)
        progress("latent_flow", len(pieces), len(pieces))
        return np.clip(result[:, : size.height, : size.width], 0, 1)

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

    def noise(self, tile: Tile) -> FloatArray:
        """The initial noise of a tile, float32 [C, h, w].

        Channel c of position (y, x) is element C x + c of row (DECODER_NOISE, a=0, b=y), whatever the tiling.
        """
        channels = self.space.channels
        rows = range(tile.top, tile.top + len(tile.rows))
        shape = (len(tile.columns), channels)
        eps = self.setup.run.randomness.normal(
            Domain.DECODER_NOISE, 0, rows, shape, start=channels * tile.left
        )
        return np.ascontiguousarray(eps.transpose(2, 0, 1))
