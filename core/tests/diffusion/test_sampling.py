"""The sampler on a source whose denoiser is known: x_0 ~ N(0, d^2)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gcodec.diffusion.sampling import sample, times

D = 0.7
COUNT = 200_000


def gaussian(x_t: Tensor, t: float, s: float) -> Tensor:
    """E[x_0 | x_t] of x_0 ~ N(0, D^2)."""
    return (1 - t) * D**2 / ((1 - t) ** 2 * D**2 + t**2) * x_t


def normals(seed: int) -> Tensor:
    return torch.randn(COUNT, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("start", [1.0, 0.4])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_have_the_variance_of_the_source(start: float, eta: float) -> None:
    """Whatever eta, and from whatever state of the forward process."""
    x_t = (1 - start) * D * normals(0) + start * normals(1)
    drawn = sample(gaussian, x_t, times(200, start), eta, lambda i: normals(10 + i))
    assert float(drawn.var()) == pytest.approx(D**2, rel=0.03)
    assert abs(float(drawn.mean())) < 5 * D / math.sqrt(COUNT)


def test_the_ode_is_twice_as_near_as_ancestral_sampling() -> None:
    """At high rates MSE_F / MSE_A goes to 1/2 (Theis et al. 2022); ancestral sampling doubles the least error at any."""
    t = 0.05
    x_0, eps = D * normals(0), normals(1)
    x_t = (1 - t) * x_0 + t * eps
    least = 1 / (D**-2 + ((1 - t) / t) ** 2)
    ode, sde = (
        float(
            (sample(gaussian, x_t, times(100, t), eta, lambda i: normals(10 + i)) - x_0)
            .square()
            .mean()
        )
        for eta in (0.0, 1.0)
    )
    assert sde == pytest.approx(2 * least, rel=0.03)
    assert ode / sde == pytest.approx(0.5, rel=0.05)
    mean = sample(gaussian, x_t, times(1, t))
    assert float((mean - x_0).square().mean()) == pytest.approx(least, rel=0.02)


def test_one_ancestral_step_has_the_moments_of_bayes_rule() -> None:
    """q(x_s | x_t, x_0) of the forward process, from its joint Gaussian."""
    t, s, x_0, x_t = 0.8, 0.3, 0.4, -1.1
    drawn = sample(
        lambda x, *_: torch.full_like(x, x_0),
        torch.full((COUNT,), x_t),
        [t, s],
        1.0,
        lambda i: normals(i),
    )
    # x_t = a x_s + noise of variance v, and x_s = (1 - s) x_0 + s eps.
    a = (1 - t) / (1 - s)
    v = t**2 - a**2 * s**2
    variance = 1 / (a**2 / v + 1 / s**2)
    mean = variance * (a * x_t / v + (1 - s) * x_0 / s**2)
    assert float(drawn.mean()) == pytest.approx(mean, abs=0.005)
    assert float(drawn.var()) == pytest.approx(variance, rel=0.02)


def test_a_state_without_noise_is_left_as_it_is() -> None:
    x = torch.tensor([0.3, -2.0])
    assert torch.equal(sample(gaussian, x, times(8, 0.0)), x)
    assert times(3, 0.6) == pytest.approx([0.6, 0.4, 0.2, 0])
