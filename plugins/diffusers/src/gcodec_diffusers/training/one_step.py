"""Trainer "one_step": a small denoiser that is asked once, for the picture.

    GCODEC_METRICS=LPIPS gcodec train one_step.toml --data PHOTOS --out RUN

Its call is the first step of a schedule of one: x_t is noise, and what a file says of x_0 - a codec's preview, a quantized
latent, tokens - is the condition. The losses are what StableCodec (Zhang et al. 2025), OneDC (Xue et al. 2025), AEIC (Zhang
et al. 2025) and OSCAR (Guo et al. 2025) have in common, LPIPS and squared error of the picture. That is what the
reconstructor shows: the preview with its latent changed (`LatentSpace.changed`), so that nothing that the preview holds
beyond the latent is lost.

Where nothing is known, x_t is a state of the forward process at any t, and the end of the many steps of a teacher from
there is aimed at too: that is how a noisy state, of `diffc` or `ddcm`, comes to be a picture in one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.diffusion.sampling import sample
from gcodec.models import ModelStore
from gcodec_diffusers.folders import load_denoiser
from gcodec_diffusers.network import EstimateDenoiser, linear_estimate
from gcodec_diffusers.training._conditions import Samples
from gcodec_diffusers.training._latents import LatentTask, mix
from gcodec_train import Inputs, Schema

__all__ = ["OneStepTask"]

#: LPIPS is asked with the picture at any of so many offsets a side: AlexNet's stride divides that of the latents.
_PHASES = 8


@dataclass(frozen=True)
class Losses:
    """The table [losses]: weights of LPIPS (AlexNet) of the picture, and of its squared error over that of what is shown
    without a network."""

    lpips: float
    squared: float


@dataclass(frozen=True)
class Teacher:
    """The table [teacher]: a denoiser, its steps from x_t to 0, and the weight of the distance to where they end."""

    model: str
    steps: int
    weight: float


class OneStepTask(LatentTask):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        **LatentTask.schemas,
        "losses": Losses,
        "teacher": Teacher,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.weights = inputs.table("losses", Losses)
        self.taught = inputs.table("teacher", Teacher)
        teacher, _ = load_denoiser(ModelStore.installed().find(self.taught.model))
        self.teacher = teacher.to(inputs.device)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        network = super().build()
        for parameter in network.unet.conv_out.parameters():  # type: ignore[union-attr]
            nn.init.zeros_(parameter)  # so that it begins at the estimate itself
        return network

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, EstimateDenoiser)
        drawn = self.draw(network, self.crops(self.data.batch, rng, grid=8), rng)
        x_t, t = self.begin(drawn, rng)
        mean, n, u = linear_estimate(x_t, t, drawn.given)
        guess = mean + n * network.correction(u, t, t, drawn.given)
        picture = self.picture(drawn, guess)
        squared = relative(picture, drawn).mean()
        top, left = (int(k) for k in rng.integers(0, _PHASES, 2))
        side = self.data.crop - _PHASES
        window = (..., slice(top, top + side), slice(left, left + side))
        shown = 2 * picture[window].clamp(-0.1, 1.1) - 1
        distance = self.metric(shown, 2 * drawn.x[window] - 1).mean()
        consistency = self.consistency(drawn, x_t, t, guess, n)
        loss = self.weights.lpips * distance + self.weights.squared * squared
        loss = loss + self.taught.weight * consistency
        return {"loss": loss, "lpips": distance, "squared": squared, "consistency": consistency}

    def begin(self, drawn: Samples, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """x_t [B, C, h, w] and t [B] where the one call begins."""
        eps = torch.from_numpy(rng.standard_normal(drawn.x_0.shape, np.float32)).to(drawn.x.device)
        t = np.ones(len(eps), np.float32)
        noisy = np.array([kind == "none" for kind in drawn.kinds])
        t[noisy] -= 0.97 * rng.random(noisy.sum(), np.float32)
        at = torch.from_numpy(t).to(eps.device)
        return mix(drawn.x_0, eps, at), at

    def picture(self, drawn: Samples, guess: Tensor) -> Tensor:
        """What the reconstructor shows, [B, 3, H, W]."""
        with torch.autocast(guess.device.type, enabled=False):
            return drawn.shown + self.space.expand(guess - drawn.given.estimate) / 2

    def consistency(
        self, drawn: Samples, x_t: Tensor, t: Tensor, guess: Tensor, n: Tensor
    ) -> Tensor:
        """Squared distance, in units of the correction, of noisy states' x0-hat from where the teacher's steps end."""
        total = guess.sum() * 0
        for i, kind in enumerate(drawn.kinds):
            if kind == "none":
                nothing = self.teacher.unknown(x_t[i : i + 1])

                def ask(x: Tensor, time: float, until: float, nothing: Any = nothing) -> Tensor:
                    at = torch.tensor([time, 0.0], device=x.device)
                    answer: Tensor = self.teacher(x, at[:1], at[1:], nothing)
                    return answer

                start = float(t[i])
                grid = [start * (1 - k / self.taught.steps) for k in range(self.taught.steps + 1)]
                with torch.no_grad():
                    end = sample(ask, x_t[i : i + 1], grid)
                total = total + ((guess[i : i + 1] - end) / n[i : i + 1]).square().mean()
        return total / len(drawn.kinds)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, EstimateDenoiser)
        rng = np.random.default_rng(0)
        size = self.data.crop
        crops = np.stack([self.photos.centre(int(i), size, size) for i in self.aside])
        figures: dict[str, float] = {}
        for kind in self.draw.wanted.shares:
            drawn = self.draw.only(kind)(network, crops, rng)
            x_t, t = self.begin(drawn, rng)
            picture = self.picture(drawn, network(x_t, t, t, drawn.given))
            for name, shown in (("given", drawn.shown), ("lpips", picture)):
                distance = self.metric(2 * shown.clamp(0, 1) - 1, 2 * drawn.x - 1)
                figures[f"{kind}.{name}"] = float(distance.mean())
            figures[f"{kind}.squared"] = float(relative(picture, drawn).mean())
        return figures

    def about(self) -> dict[str, Any]:
        return {"few": [1]}


def relative(picture: Tensor, drawn: Samples) -> Tensor:
    """Squared error [B] of pictures, in multiples of that of what was given."""
    error, before = ((one - drawn.x).square().mean((1, 2, 3)) for one in (picture, drawn.shown))
    return error / before.clamp_min(1e-6)
