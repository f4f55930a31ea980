"""The forward process and its posterior, in the letters of the papers.

x_t = alpha_t x_0 + sigma_t eps with alpha_t^2 + sigma_t^2 = 1, known by snr_t = alpha_t^2 / sigma_t^2 alone; s is nearer to
the picture than t, snr_s > snr_t >= 0, and x_T is pure noise, snr_T = 0. With

    alpha_t|s = alpha_t / alpha_s,    sigma_t|s^2 = sigma_t^2 - alpha_t|s^2 sigma_s^2

(Kingma et al. 2021, "Variational diffusion models", appendix A)

    q(x_s | x_t, x_0) = N(a x_t + b x_0, std^2 I),    p(x_s | x_t) = N(a x_t + b x0-hat, std^2 I)
    a = alpha_t|s sigma_s^2 / sigma_t^2,   b = alpha_s sigma_t|s^2 / sigma_t^2,   std = sigma_t|s sigma_s / sigma_t

Both have one deviation, so a step is the channel N(m, I) under N(0, I) with m = b (x_0 - x0-hat) / std, and since
b^2 / std^2 = snr_s - snr_t,

    KL(q || p) = |m|^2 / 2 = (snr_s - snr_t) |x_0 - x0-hat|^2 / 2    nats.

Over ever smaller steps that is I-MMSE, dI / d snr = mmse / 2 (Guo, Shamai and Verdu 2005; review, section IV).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from gcodec.models.devices import torch_device
from gcodec.randomness import Domain
from gcodec.signals import Noisy

if TYPE_CHECKING:
    from gcodec.run import Run
    from gcodec.signals import FloatArray

__all__ = ["State", "Step", "level", "start"]


def level(snr: float) -> tuple[float, float]:
    """(alpha_t, sigma_t) of a signal-to-noise ratio >= 0."""
    return math.sqrt(snr / (1 + snr)), math.sqrt(1 / (1 + snr))


class Step(NamedTuple):
    """From x_t to x_s."""

    snr_t: float
    snr_s: float

    def __call__(self, x_t: torch.Tensor, x0_hat: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """x_s = a x_t + b x0-hat + std z: a sample of q where z is one of N(m, I), of p where it is one of N(0, I)."""
        (alpha_t, sigma_t), (alpha_s, sigma_s) = level(self.snr_t), level(self.snr_s)
        alpha_ts = alpha_t / alpha_s
        var_ts = sigma_t**2 - (alpha_ts * sigma_s) ** 2
        a = alpha_ts * sigma_s**2 / sigma_t**2
        b = alpha_s * var_ts / sigma_t**2
        std = math.sqrt(var_ts) * sigma_s / sigma_t
        return a * x_t + b * x0_hat + std * z


@dataclass(frozen=True, eq=False)
class State:
    """What both sides know after some steps: x_t float32 [1, C, h, w] and its signal-to-noise ratio."""

    x_t: torch.Tensor
    snr: float = 0.0
    step: int = 0

    def after(self, x0_hat: torch.Tensor, z: FloatArray, snr: float) -> State:
        """The state at `snr`, by the sample z, float32 [C h w]."""
        there = torch.from_numpy(z).to(x0_hat.device).view_as(x0_hat)
        return State(Step(self.snr, snr)(self.x_t, x0_hat, there), snr, self.step + 1)

    def signal(self, space: str) -> Noisy:
        """x_t as stage 1 hands it on."""
        x_t: FloatArray = self.x_t[0].cpu().numpy()
        return Noisy(x_t, space, *level(self.snr))


def start(run: Run, shape: tuple[int, ...]) -> State:
    """x_T: all of row (INITIAL_NOISE, a=0, b=0) in C order, on the run's device."""
    x_T = run.randomness.normal(Domain.INITIAL_NOISE, 0, 0, shape)
    return State(torch.from_numpy(x_T)[None].to(torch_device(run.device)))
