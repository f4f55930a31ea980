"""The reconstructors `ode`, `sde` and `mse`: a picture from a noisy state x_t that the sender has conveyed.

In "Lossy compression with Gaussian diffusion" (Theis et al. 2022) they are DiffC-F, DiffC-A and DiffC-MSE. Both samplers
are samples of P(X) for a perfect model; that of the ODE is nearer to the sender's picture, by 3 dB at high rates (review,
section IV-B), since it adds no noise to that of x_t.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.networks import Condition, open_denoiser, open_space
from gcodec.signals import Noisy, Signal
from gcodec.tiles import Tile, noise, through_latents
from gcodec_posterior.sampler import sample, times

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Ancestral", "FromNoisy", "Mean", "ProbabilityFlow"]


class FromNoisy(Reconstructor):
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
        state = signals[f"{Noisy.kind}/{self.space.name}"]
        assert isinstance(state, Noisy)
        condition = self.denoiser.condition(signals, size)
        total = state.alpha_t + state.sigma_t

        def solve(tile: Tile) -> FloatArray:
            x_t = np.ascontiguousarray(state.x_t[:, *tile.window] / np.float32(total))
            return self.solve(
                x_t, state.sigma_t / total, condition.window(*tile.window), tile.window
            )

        progress = self.setup.run.progress
        return through_latents(self.space, size, self.tile, solve, progress, self.name)

    def solve(
        self, x_t: FloatArray, t: float, condition: Condition, window: tuple[slice, slice]
    ) -> FloatArray:
        """The latent [C, h, w] of x_t = (1 - t) x_0 + t eps in a window of the picture, in latent positions."""
        device = next(iter(condition.maps.values())).device

        def normals(step: int) -> Tensor:
            made = noise(self.setup.run.randomness, window, self.space.channels, step)
            return torch.from_numpy(made)[None].to(device)

        x_0 = sample(
            lambda x, t, s: self.denoiser.x0(x, 1 - t, t, condition, self.leap(t - s)),
            torch.from_numpy(x_t)[None].to(device),
            times(t, self.steps),
            self.eta,
            normals,
        )
        latent: FloatArray = x_0[0].cpu().numpy()
        return latent

    def leap(self, step: float) -> float:
        """The length of the step that the denoiser is told; 0 asks for E[x_0 | x_t]."""
        return 0.0


class ProbabilityFlow(FromNoisy):
    """DiffC-F: the end point of the probability-flow ODE from x_t.

    A network that was distilled for long steps of the ODE is told how long each is, wherever it begins.
    """

    name = "ode"

    def leap(self, step: float) -> float:
        """`step`, where the denoiser knows steps."""
        return step if self.denoiser.few else 0.0


class Ancestral(FromNoisy):
    """DiffC-A: a sample of P(X_0 | x_t) by ancestral sampling."""

    name = "sde"
    eta = 1.0


class Mean(FromNoisy):
    """DiffC-MSE: E[x_0 | x_t], one denoising step."""

    name = "mse"
