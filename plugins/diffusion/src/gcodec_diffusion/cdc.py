"""The reconstructor `cdc`: DDIM given what was sent of the picture's content.

CDC (Yang and Mandt 2023; review, section IV-A): stage 1 sends a quantized latent z, stage 2 draws the rest, x_{t-1} =
alpha_{t-1} x0-hat(x_t, z) + sigma_{t-1} eps-hat (their eq. 5: DDIM with eta = 0), from x_T = gamma noise. gamma below 1 is
nearer to the mean and less real; at 0 the picture is a function of the file. There a network predicts either x_0 or
epsilon; a `Denoiser` here gives x0-hat, whatever its network was trained on, so what remains of the two is where their
steps lie: on Nichol and Dhariwal's cosine schedule or on Ho's linear one. A distilled denoiser goes from t = 1/2 to the
picture in one step, as it was trained to (`LatentSampler.landing`).
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Mapping

from gcodec.diffusion.latents import LatentSampler, Start
from gcodec.diffusion.tiles import noise
from gcodec.interfaces import Setup, Size
from gcodec.signals import Signal

__all__ = ["ConditionalDiffusion"]

#: Ho et al. 2020, section 4: beta from 1e-4 to 0.02 in 1,000 steps.
_BETA = (1e-4, 0.02)
_TRAINED = 1000
#: Nichol and Dhariwal 2021, eq. 17.
_OFFSET = 0.008


class ConditionalDiffusion(LatentSampler):
    """From gamma times noise, by DDIM."""

    name = "cdc"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.gamma: float = setup.options["gamma"]
        self.alpha_bar = _SCHEDULES[setup.options["schedule"]]

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """gamma eps."""
        h, w = (-(-side // self.space.factor) for side in size)
        eps = noise(self.setup.run.randomness, (slice(0, h), slice(0, w)), self.space.channels)
        return Start(eps * self.gamma, 1.0)

    def grid(self, start: float) -> list[float]:
        """The times t = sigma / (alpha + sigma) of evenly spaced steps of the schedule.

        Where there is a `landing`, of what lies before it.
        """
        last, before = self.landing, self.steps - 1
        if before == 0 or last == 0:
            return [start, *(self.time(1 - i / self.steps) for i in range(1, self.steps)), 0.0]
        end = bisect(range(_TRAINED), last, key=lambda n: self.time(n / _TRAINED)) / _TRAINED
        inner = (1 - (1 - end) * i / before for i in range(1, before))
        return [start, *(self.time(u) for u in inner), last, 0.0]

    def time(self, u: float) -> float:
        """The time at u in (0, 1) of the schedule's way to noise."""
        a = self.alpha_bar(u)
        return math.sqrt(1 - a) / (math.sqrt(a) + math.sqrt(1 - a))

    def leap(self, step: float) -> float:
        """The length of a step that the denoiser was distilled for, as the last may be."""
        return self.distilled(step)


def _cosine(u: float) -> float:
    def f(v: float) -> float:
        return math.cos((v + _OFFSET) / (1 + _OFFSET) * math.pi / 2) ** 2

    return f(u) / f(0)


def _linear(u: float) -> float:
    first, last = _BETA
    count = round(u * _TRAINED)
    return math.prod(1 - (first + (last - first) * i / (_TRAINED - 1)) for i in range(count))


#: alpha_bar = alpha^2 at u in [0, 1] of the way to noise.
_SCHEDULES: Mapping[str, Callable[[float], float]] = {"cosine": _cosine, "linear": _linear}
