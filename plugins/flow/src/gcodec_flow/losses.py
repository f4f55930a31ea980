"""What the flow is trained to minimise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gcodec.diffusion.sampling import euler, times
from gcodec_flow.network import PatchUNet
from gcodec_train.perceptual import lpips_loss

#: Distance of two batches [B, 3, H, W] in [-1, 1], e.g. `gcodec_train.perceptual.lpips_loss`.
Metric = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Perceptual:
    """The table [perceptual] of the recipe: the loss of the sampler's end point. Raises ValueError.

    start           training step from which on it counts.
    steps           numbers of Euler steps, one of which is drawn for each batch.
    lpips, squared  weights of LPIPS (AlexNet) and of the squared error of the normalised residual.
    """

    start: int
    steps: tuple[int, ...]
    lpips: float
    squared: float

    def __post_init__(self) -> None:
        if not self.steps or min(self.steps) < 1:
            raise ValueError(f"steps = {list(self.steps)}: numbers of Euler steps, 1 or more")

    def network(self, device: torch.device) -> Any:
        """LPIPS, its weights from the folder that GCODEC_METRICS names. Raises MetricUnavailable."""
        return lpips_loss(device)


def objective(
    network: PatchUNet,
    batch: Sequence[Tensor],
    t_min: float,
    wanted: Perceptual | None,
    metric: Metric | None,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """ "loss", its part "matching" and, where a perceptual loss is `wanted`, "squared" and "lpips", of a batch (x, y, s).

    The perceptual loss takes every second member of the batch, flow matching the others. It is the mixture of squared
    error and LPIPS that CDC puts into eq. (22) of "Advances in diffusion-based generative compression" (section IV-A),
    here on the sampler's own end point after a few steps, with the errors of the steps before, which the denoiser never
    meets on the straight path of `flow_matching_loss`.
    """
    generator = torch.Generator(batch[0].device).manual_seed(int(rng.integers(2**62)))
    if wanted is None or metric is None:
        matching = flow_matching_loss(network, batch, t_min, generator)
        return {"loss": matching, "matching": matching}
    first, (x, y, s) = [part[0::2] for part in batch], [part[1::2] for part in batch]
    matching = flow_matching_loss(network, first, t_min, generator)
    steps = int(rng.choice(wanted.steps))
    eps = network.noise * torch.randn(x.shape, generator=generator, device=x.device)
    r_hat = sampled(network, y, s.log(), eps, steps)
    squared = (r_hat - residual(x, y, s)).square().mean()
    distance = perceptual_distance(metric, x, y + s[:, None, None, None] * r_hat, rng)
    loss = matching + wanted.squared * squared + wanted.lpips * distance
    return {"loss": loss, "matching": matching, "squared": squared, "lpips": distance}


def residual(x: Tensor, y: Tensor, s: Tensor) -> Tensor:
    """r = (x - y) / s, [B, 3, H, W]."""
    return (x - y) / s[:, None, None, None]


def flow_matching_loss(
    network: PatchUNet, batch: Sequence[Tensor], t_min: float, generator: torch.Generator
) -> Tensor:
    """Conditional flow matching on x_t = (1 - t) r + t eps, a scalar; for a bridge eps is 0.

    Eq. (10) of "Advances in diffusion-based generative compression" with alpha_t = 1 - t and
    sigma_t = t: the regression of the velocity eps - r. Since v - v_hat = (r_hat - r) / t, the
    squared error of r_hat is the velocity's, weighted by t^2; this is eq. (22) with lambda(t) = 1.
    Small t counts little, which leaves the last steps to the perceptual loss.

    t is uniform on (t_min, 1], stratified over the batch so that its variance is not added.
    """
    x, y, s = batch
    count, device = len(s), s.device
    u = torch.rand(count, generator=generator, device=device)
    u = (torch.arange(count, device=device) + u) / count
    t = t_min + (1 - t_min) * u
    a = t[:, None, None, None]
    r = residual(x, y, s)
    eps = network.noise * torch.randn(x.shape, generator=generator, device=device)
    x_t = (1 - a) * r + a * eps
    return (network.denoise(x_t, y, t, s.log()) - r).square().mean()


def perceptual_distance(
    metric: Metric, x: Tensor, shown: Tensor, rng: np.random.Generator
) -> Tensor:
    """Mean LPIPS of two batches on a window at a random offset, a scalar.

    AlexNet's first stride is 4 as is the network's patch: at a fixed phase a pattern of period 4
    would go unseen.
    """
    top, left = (int(k) for k in rng.integers(0, 4, 2))
    size = x.shape[-1] - 4
    window = np.s_[:, :, top : top + size, left : left + size]
    return metric(2 * shown[window] - 1, 2 * x[window] - 1).mean()


def sampled(network: PatchUNet, y: Tensor, log_s: Tensor, eps: Tensor, steps: int) -> Tensor:
    """The sampler's end point after `steps` Euler steps from eps, differentiable in the last one."""

    def at(t: float) -> Tensor:
        return torch.full_like(log_s, t)

    *before, last, _ = times(steps)
    with torch.no_grad():
        x_t = euler(lambda x, t: network(x, y, at(t), log_s), eps, [*before, last])
    return x_t - last * network(x_t, y, at(last), log_s)
