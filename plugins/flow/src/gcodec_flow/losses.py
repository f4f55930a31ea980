"""What the flow is trained to minimise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gcodec_flow.lpips import Lpips
from gcodec_flow.network import FlowUNet
from gcodec_flow.sampler import euler, times


def objective(
    network: FlowUNet,
    batch: tuple[Tensor, Tensor, Tensor],
    recipe: Mapping[str, Any],
    step: int,
    rng: np.random.Generator,
    metric: Lpips | None,
) -> tuple[Tensor, float, float]:
    """(loss, its flow-matching part, its LPIPS part) for a batch (x, y, s) at training step `step`."""
    x, y, s = batch
    size, t_min = len(s), recipe["training"]["t_min"]
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    # Stratified over the batch: t is uniform on (t_min, 1], its variance is not added.
    t = (torch.arange(size) + torch.rand(size, generator=generator)) / size
    t = t_min + (1 - t_min) * t
    eps = torch.randn(x.shape, generator=generator)
    r, log_s = (x - y) / s[:, None, None, None], s.log()
    losses, r_hat = flow_matching_loss(network, r, y, log_s, t, eps)
    matching = losses.mean()
    wanted = recipe.get("perceptual")
    if metric is None or not wanted or step < wanted["start"]:
        return matching, matching.item(), 0.0
    # On every second member of the batch, to save time.
    half = slice(int(rng.integers(2)), None, 2)
    if step >= wanted["own_start"] and rng.random() < wanted["own_share"]:
        shown = sampled(network, y[half], log_s[half], eps[half], int(rng.integers(2, 5)))
    else:
        shown = r_hat[half]
    distance = perceptual_loss(metric, x[half], y[half], s[half], shown, rng)
    return matching + wanted["weight"] * distance, matching.item(), distance.item()


def flow_matching_loss(
    network: FlowUNet, r: Tensor, y: Tensor, log_s: Tensor, t: Tensor, eps: Tensor
) -> tuple[Tensor, Tensor]:
    """Conditional flow matching on x_t = (1 - t) r + t eps: (losses [B], r_hat [B, 3, H, W]).

    Eq. (10) of "Advances in diffusion-based generative compression" with alpha_t = 1 - t and
    sigma_t = t: the regression of the velocity eps - r. Since v - v_hat = (r_hat - r) / t, the
    squared error of r_hat is the velocity's, weighted by t^2; this is eq. (22) with lambda(t) = 1.
    Small t counts little, which leaves the last steps to the perceptual loss.
    """
    a = t[:, None, None, None]
    x_t = (1 - a) * r + a * eps
    r_hat = network.denoise(x_t, y, t, log_s)
    return (r_hat - r).square().mean(dim=(1, 2, 3)), r_hat


def perceptual_loss(
    metric: Lpips, x: Tensor, y: Tensor, s: Tensor, r_hat: Tensor, rng: np.random.Generator
) -> Tensor:
    """LPIPS between x and y + s r_hat, a scalar.

    The perceptual term that CDC adds to eq. (22) of "Advances in diffusion-based generative
    compression" (section IV-A). On a window at a random offset: AlexNet's first stride is 4 as is
    the network's patch, and at a fixed phase a pattern of period 4 would go unseen.
    """
    top, left = (int(k) for k in rng.integers(0, 4, 2))
    size = x.shape[-1] - 4
    window = np.s_[:, :, top : top + size, left : left + size]
    return metric((y + s[:, None, None, None] * r_hat)[window], x[window]).mean()


def sampled(network: FlowUNet, y: Tensor, log_s: Tensor, eps: Tensor, steps: int) -> Tensor:
    """The sampler's end point after `steps` Euler steps from eps, differentiable in the last one.

    Here x_t is the sampler's own, with the errors of the steps before, which the denoiser never
    meets on the straight path of `flow_matching_loss`.
    """

    def at(t: float) -> Tensor:
        return torch.full_like(log_s, t)

    *before, last, _ = times(steps)
    with torch.no_grad():
        x_t = euler(lambda x, t: network(x, y, at(t), log_s), eps, [*before, last])
    return network.denoise(x_t, y, at(last), log_s)
