"""Trainer "denoiser": flow matching in a latent space, under random conditions, and its few-step shortcuts.

    GCODEC_METRICS=LPIPS gcodec train denoiser.toml --data PHOTOS --out RUN

Each sample is given an estimate of x_0 of one kind (the latent of a real codec's preview, a quantized latent, tokens, or
none) and, now and then, a sketch; whatever was left out the network learns to do without. From the recipe's
[student] start on, a share of each batch learns to take long steps: a step of length d must lead where two steps of
length d/2 lead (Frans et al. 2025, eq. 4), and where a step ends at t = 0 its decoded picture counts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gcodec_diffusers.network import EstimateDenoiser, Given, linear_estimate
from gcodec_diffusers.training._latents import LatentTask, mix
from gcodec_train import Inputs, Schema

__all__ = ["DenoiserTask"]

#: Mean and deviation of the logit of t.
_LOGIT = 0.4, 1.2


@dataclass(frozen=True)
class Matching:
    """The table [matching]: the share of samples at t = 1, where every sampler begins."""

    noisiest: float


@dataclass(frozen=True)
class Student:
    """The table [student].

    start     training step from which on long steps are learnt.
    share     samples of a batch that learn them.
    halvings  steps of length 1, 1/2, ..., 2^-halvings.
    consistency, lpips, squared   weights of the losses.
    """

    start: int
    share: int
    halvings: int
    consistency: float
    lpips: float
    squared: float


class DenoiserTask(LatentTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        **LatentTask.schemas,
        "matching": Matching,
        "student": Student,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.student = inputs.table("student", Student)
        self.noisiest = inputs.table("matching", Matching).noisiest
        super().__init__(inputs)

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, EstimateDenoiser)
        crops = self.crops(self.data.batch, rng, grid=8)
        x, x_0, given, *_ = self.draw(network, crops, rng)
        count = len(x)
        t = torch.from_numpy(times(rng, count, self.noisiest)).to(x.device)
        eps = torch.from_numpy(rng.standard_normal(x_0.shape, np.float32)).to(x.device)
        learners = self.student.share if step >= self.student.start else 0
        matching = slice(learners, count)
        x_t = mix(x_0, eps, t)
        mean, n, u = linear_estimate(x_t[matching], t[matching], part(given, matching))
        zero = torch.zeros_like(t[matching])
        guess = network.correction(u, t[matching], zero, part(given, matching))
        loss = (guess - (x_0[matching] - mean) / n).square().mean()
        result = {"loss": loss, "matching": loss}
        if learners:
            first = slice(0, learners)
            more = self.shortcut(network, x[first], x_0[first], eps[first], part(given, first), rng)
            result |= more
            result["loss"] = loss + self.student.consistency * more["consistency"]
            result["loss"] = result["loss"] + self.student.lpips * more["lpips"]
            result["loss"] = result["loss"] + self.student.squared * more["squared"]
        return result

    def shortcut(
        self,
        network: EstimateDenoiser,
        x: Tensor,
        x_0: Tensor,
        eps: Tensor,
        given: Given,
        rng: np.random.Generator,
    ) -> dict[str, Tensor]:
        """Losses of one long step that starts at a multiple of its length."""
        count = len(x)
        halvings = rng.integers(0, self.student.halvings + 1, count)
        d = 0.5**halvings
        # The last step of each grid ends at the picture; it is drawn half of the time.
        start = np.where(rng.random(count) < 0.5, 1, 1 + rng.integers(0, 2**halvings)) * d
        d_, t = (torch.from_numpy(a.astype(np.float32)).to(x.device) for a in (d, start))
        with torch.no_grad():
            x_t = self.on_path(network, x_0, eps, t, d_, given)
            shortest = d_ <= 0.5**self.student.halvings
            half = torch.where(shortest, torch.zeros_like(d_), d_ / 2)
            middle = leap(x_t, network(x_t, t, half, given), t, d_ / 2)
            target = leap(middle, network(middle, t - d_ / 2, half, given), t - d_ / 2, d_ / 2)
        mean, n, u = linear_estimate(x_t, t, given)
        guess = mean + n * network.correction(u, t, d_, given)
        landed = leap(x_t, guess, t, d_)
        # In units of the correction, so that no condition outweighs another.
        wide = (d_ / t)[:, None, None, None]
        consistency = ((landed - target) / (n * wide)).square().mean()
        last = t == d_
        if not bool(last.any()):
            nothing = guess.sum() * 0
            return {"consistency": consistency, "lpips": nothing, "squared": nothing}
        squared = ((guess - x_0) / n)[last].square().mean()
        decoded = self.space.decode(guess[last])
        distance = self.metric(2 * decoded.clamp(-0.1, 1.1) - 1, 2 * x[last] - 1).sum() / count
        return {"consistency": consistency, "lpips": distance, "squared": squared}

    @staticmethod
    def on_path(
        network: EstimateDenoiser, x_0: Tensor, eps: Tensor, t: Tensor, d: Tensor, given: Given
    ) -> Tensor:
        """x_t of the forward process, or for half of the samples what the first leap from noise leads to."""
        x_t = mix(x_0, eps, t)
        own = (t < 1) & (torch.arange(len(t), device=t.device) % 2 == 0)
        if not bool(own.any()):
            return x_t
        one = torch.ones_like(t)
        jump = leap(eps, network(eps, one, 1 - t, given), one, 1 - t)
        return torch.where(own[:, None, None, None], jump, x_t)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, EstimateDenoiser)
        rng = np.random.default_rng(0)
        size = self.data.crop
        crops = np.stack([self.photos.centre(int(i), size, size) for i in self.aside])
        figures: dict[str, float] = {}
        for kind in self.draw.wanted.shares:
            x, x_0, given, *_ = self.draw.only(kind)(network, crops, rng)
            eps = torch.from_numpy(rng.standard_normal(x_0.shape, np.float32)).to(x.device)
            half = torch.full((len(x),), 0.5, device=x.device)
            guess = network(mix(x_0, eps, half), half, torch.zeros_like(half), given)
            figures[f"{kind}.mse"] = float((guess - x_0).square().mean())
            latents = {"given": given.estimate} | {
                f"after_{steps}": sample(network, eps, steps, given) for steps in (1, 4)
            }
            for name, latent in latents.items():
                decoded = self.space.decode(latent).clamp(0, 1)
                figures[f"{kind}.lpips_{name}"] = float(
                    self.metric(2 * decoded - 1, 2 * x - 1).mean()
                )
        return figures

    def about(self) -> dict[str, Any]:
        return {"few": [2**i for i in range(self.student.halvings + 1)]}


def sample(network: EstimateDenoiser, eps: Tensor, steps: int, given: Given) -> Tensor:
    """x_0 from noise in equal leaps."""
    x, d = eps, torch.full((len(eps),), 1 / steps, device=eps.device)
    for i in range(steps):
        t = torch.full_like(d, 1 - i / steps)
        x = leap(x, network(x, t, d, given), t, d)
    return x


def times(rng: np.random.Generator, count: int, noisiest: float) -> np.ndarray:
    """t in (0, 1]: logistic-normal, and 1 for a share `noisiest` of the samples (steps begin there)."""
    mean, deviation = _LOGIT
    t = 1 / (1 + np.exp(-(mean + deviation * rng.standard_normal(count))))
    return np.where(rng.random(count) < noisiest, 1.0, np.clip(t, 0.01, 1)).astype(np.float32)


def leap(x_t: Tensor, x0_hat: Tensor, t: Tensor, d: Tensor) -> Tensor:
    """x_{t-d} on the straight line from x_t to x0-hat: the Euler step of v = (x_t - x0-hat) / t."""
    return torch.lerp(x_t, x0_hat, (d / t)[:, None, None, None])


def part(given: Given, which: slice) -> Given:
    return Given(*(value[which] for value in given))
