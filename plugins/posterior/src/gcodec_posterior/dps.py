"""The reconstructor `dps`: a sample of P(X | Y) from an unconditional denoiser, for signals nobody trained it for.

Diffusion posterior sampling (Chung et al. 2023) adds to the score of p(x_t) that of the likelihood of what is known. By
Tweedie's formula this moves x0-hat = E[x_0 | x_t] to

    E[x_0 | x_t, y] = x0-hat + Cov[x_0 | x_t] w,    w = grad_{x_0} log p(y | x_t)         (`likelihood`)

With `jacobian` the covariance is t^2 / (1 - t) J^T, J the denoiser's Jacobian: back-propagation through the network, as in
Chung et al. (eqs. 10 and 16) and Song et al. 2023 (eq. 7). Without, it is r^2 in each channel, as if x_0 were Gaussian:
Zhu et al. 2023 ("Denoising diffusion models for plug-and-play image restoration", eq. 12), at no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gcodec.diffusion.latents import LatentSampler, Start, from_noisy, in_turn
from gcodec.diffusion.sampling import Denoise
from gcodec.diffusion.tiles import Tile
from gcodec.interfaces import Setup, Size
from gcodec.models.networks import Condition
from gcodec.signals import Noisy, Signal, Sketch
from gcodec_posterior.likelihood import Estimate, Likelihood, SketchOperator, posterior_variance

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PosteriorSampler"]


class PosteriorSampler(LatentSampler):
    """`gcodec.diffusion.sampling.sample` with an unconditional denoiser, guided by what the signals say.

    It starts from noise, or from a noisy state where there is one: nothing else then needs to be done about that.
    """

    name = "dps"
    eta = 1.0

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.jacobian: bool = setup.options["jacobian"]

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """The noisy state, if there is one."""
        state = signals.get(f"{Noisy.kind}/{self.space.name}")
        return from_noisy(state) if isinstance(state, Noisy) else super().start(signals, size)

    def denoise(
        self, several: Sequence[Mapping[str, Signal]], size: Size
    ) -> Callable[[Tile], Denoise]:
        """E[x_0 | x_t, y] in each tile, of one picture after another."""
        each = [self.posterior(signals, size) for signals in several]
        return lambda tile: in_turn([inside(tile) for inside in each])

    def posterior(self, signals: Mapping[str, Signal], size: Size) -> Callable[[Tile], Denoise]:
        """E[x_0 | x_t, y] in each tile of a picture of these signals."""
        condition = self.denoiser.condition({}, size)
        c, s = self.denoiser.estimate(signals, size)
        _, d = map(self.there, self.denoiser.estimate({}, size))
        s_, d_ = self.there(s)[..., None, None], d[..., None, None]
        sketch = signals.get(Sketch.kind)

        def inside(tile: Tile) -> Denoise:
            known: list[Likelihood] = [Estimate(self.there(c[:, *tile.window]), s_, d_)]
            if isinstance(sketch, Sketch):
                edges = self.there(drawn(sketch.edges, tile, self.space.factor))
                known.append(SketchOperator(edges, self.space.render))
            return self.guided(condition.window(*tile.window), known, d_)

        return inside

    def guided(self, condition: Condition, known: Sequence[Likelihood], d: Tensor) -> Denoise:
        """E[x_0 | x_t, y] for what is `known`; d [1, C, 1, 1] is the prior's deviation."""

        def gradient(x_0: Tensor, variance: Tensor) -> Tensor:
            return torch.stack([each.gradient(x_0, variance) for each in known]).sum(0)

        def denoise(x_t: Tensor, t: float, s: float) -> Tensor:
            variance = posterior_variance(t, d)
            # At t = 1 x_t says nothing of x_0, and the covariance is the prior's.
            if not self.jacobian or t == 1:
                x_0 = self.denoiser.x0(x_t, 1 - t, t, condition)
                return x_0 + variance * gradient(x_0, variance)
            x = x_t.detach().clone().requires_grad_()
            x_0 = self.denoiser.x0(x, 1 - t, t, condition)
            w = gradient(x_0.detach(), variance)
            (pulled,) = torch.autograd.grad(x_0, x, w)
            return x_0.detach() + t**2 / (1 - t) * pulled

        return denoise


def drawn(edges: FloatArray, tile: Tile, factor: int) -> FloatArray:
    """The part [1, factor h, factor w] of a sketch [1, H, W] that a tile sees, continued beyond the picture's border."""
    rows, columns = (
        np.minimum(np.arange(factor * part.start, factor * part.stop), length - 1)
        for part, length in zip(tile.window, edges.shape[1:], strict=True)
    )
    return np.ascontiguousarray(edges[:, rows[:, None], columns[None]])
