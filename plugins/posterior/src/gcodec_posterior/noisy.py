"""The reconstructors `ode`, `sde` and `mse`: a picture from a noisy state x_t that the sender has conveyed.

In "Lossy compression with Gaussian diffusion" (Theis et al. 2022) they are DiffC-F, DiffC-A and DiffC-MSE. Both samplers
are samples of P(X) for a perfect model; that of the ODE is nearer to the sender's picture, by 3 dB at high rates (review,
section IV-B), since it adds no noise to that of x_t.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch

from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.networks import open_denoiser, open_space
from gcodec.signals import Noisy, Signal
from gcodec.tiles import Tile, noise, through_latents
from gcodec_posterior.sampler import sample, times

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Ancestral", "Mean", "ProbabilityFlow"]


class _FromNoisy(Reconstructor):
    """`sampler.sample` from x_t on, tile by tile."""

    name: ClassVar[str]
    eta: ClassVar[float] = 0.0

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise ValueError(f"{self.name} needs a model; `base/denoiser` is the default")
        run = setup.run
        self.denoiser = open_denoiser(setup.model, run)
        self.space = open_space(run.models.find(self.denoiser.space), run)
        self.steps: int = setup.options.get("steps", 1)
        self.tile: int = setup.options["tile"]

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return float32 [3, H, W] in [0, 1]."""
        run, channels = self.setup.run, self.space.channels
        state = signals[f"{Noisy.kind}/{self.space.name}"]
        assert isinstance(state, Noisy)
        condition = self.denoiser.condition(signals, size)
        device = next(iter(condition.maps.values())).device
        total = state.alpha_t + state.sigma_t
        grid = times(state.sigma_t / total, self.steps)

        def solve(tile: Tile) -> FloatArray:
            given = condition.window(*tile.window)
            x_t = torch.from_numpy(state.x_t[:, *tile.window] / total)[None].to(device)
            x_0 = sample(
                lambda x, t: self.denoiser.x0(x, 1 - t, t, given),
                x_t,
                grid,
                self.eta,
                lambda i: torch.from_numpy(noise(run.randomness, tile.window, channels, i)).to(
                    device
                ),
            )
            latent: FloatArray = x_0[0].cpu().numpy()
            return latent

        return through_latents(self.space, size, self.tile, solve, run.progress, self.name)


class ProbabilityFlow(_FromNoisy):
    """DiffC-F: the end point of the probability-flow ODE from x_t."""

    name = "ode"


class Ancestral(_FromNoisy):
    """DiffC-A: a sample of P(X_0 | x_t) by ancestral sampling."""

    name = "sde"
    eta = 1.0


class Mean(_FromNoisy):
    """DiffC-MSE: E[x_0 | x_t], one denoising step."""

    name = "mse"
