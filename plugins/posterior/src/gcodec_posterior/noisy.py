"""The reconstructors `ode`, `sde` and `mse`: a picture from a noisy state x_t that the sender has conveyed.

In "Lossy compression with Gaussian diffusion" (Theis et al. 2022) they are DiffC-F, DiffC-A and DiffC-MSE. Both samplers
are samples of P(X) for a perfect model; that of the ODE is nearer to the sender's picture, by 3 dB at high rates (review,
section IV-B), since it adds no noise to that of x_t.
"""

from __future__ import annotations

from collections.abc import Mapping

from gcodec.diffusion.latents import LatentSampler, Start, from_noisy
from gcodec.interfaces import Size
from gcodec.signals import Noisy, Signal

__all__ = ["Ancestral", "FromNoisy", "Mean", "ProbabilityFlow"]


class FromNoisy(LatentSampler):
    """`gcodec.diffusion.sampling.sample` from x_t on."""

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """The state conveyed."""
        state = signals[f"{Noisy.kind}/{self.space.name}"]
        assert isinstance(state, Noisy)
        return from_noisy(state)


class ProbabilityFlow(FromNoisy):
    """DiffC-F: the end point of the probability-flow ODE from x_t.

    A network that was distilled for long steps of the ODE is given the length of each, wherever it begins.
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
