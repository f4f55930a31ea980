"""`dps`: what is known draws the sample towards it, whatever kind of signal it is."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from copy import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gcodec.builtin import edges
from gcodec.diffusion.tiles import tiles
from gcodec.interfaces import Reconstructor, Size
from gcodec.models import ModelStore
from gcodec.models.networks import Condition, Denoiser, LatentSpace, open_codebook
from gcodec.pictures import psnr
from gcodec.run import Run
from gcodec.signals import Latent, Noisy, Preview, Signal, Sketch, Tokens, by_type
from gcodec_posterior.dps import PosteriorSampler
from gcodec_posterior.dps import drawn as part_of_sketch
from gcodec_posterior.likelihood import (
    Estimate,
    SketchOperator,
    edge_strength,
    posterior_variance,
)

FloatArray = NDArray[np.float32]
SIZE = Size(96, 128)
Maker = Callable[..., Reconstructor]


def squared(a: FloatArray, b: FloatArray) -> float:
    return float(np.square(a - b).mean(dtype=np.float64))


@pytest.mark.parametrize("t", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("s", [0.05, 0.4, 1.2])
def test_for_gaussians_the_guided_mean_is_bayes_rule(t: float, s: float) -> None:
    """x_0 ~ N(0, d^2) given x_t and an estimate c of deviation s, integrated numerically."""
    d, x_t, c = 1.2, 0.5, 0.3
    x = np.linspace(-8, 8, 400_001)
    g = 1 - s**2 / d**2
    # p(x_0) p(x_t | x_0) p(y | x_0) with y = c / g of variance s^2 / g, multiplied out for g = 0.
    log_p = -(x**2) / (2 * d**2) - (x_t - (1 - t) * x) ** 2 / (2 * t**2)
    log_p -= (g * x**2 - 2 * c * x) / (2 * s**2)
    p = np.exp(log_p - log_p.max())
    expected = (p * x).sum() / p.sum()
    one = torch.ones(1, 1, 1, 1)
    variance = posterior_variance(t, d * one)
    x_0 = variance * (1 - t) / t**2 * x_t
    guided = x_0 + variance * Estimate(c * one, s * one, d * one).gradient(x_0, variance)
    assert float(guided) == pytest.approx(expected, abs=2e-3)


class Gaussian(Denoiser):
    """E[x_0 | x_t] for one position of two channels, x_0 ~ N(0, covariance)."""

    space, sees = "none", ()

    def __init__(self, covariance: Tensor) -> None:
        self.covariance = covariance

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        return Condition({}, {})

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        raise NotImplementedError

    def x0(
        self, x_t: Tensor, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Tensor:
        total = alpha_t**2 * self.covariance + sigma_t**2 * torch.eye(2)
        gain = alpha_t * self.covariance @ torch.linalg.inv(total)
        return torch.einsum("ij,bjhw->bihw", gain, x_t)


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("jacobian", [False, True])
def test_the_jacobian_knows_how_channels_depend_on_each_other(
    reconstructor: Maker, t: float, jacobian: bool
) -> None:
    """E[x_0 | x_t, y] = x0-hat + Cov[x_0 | x_t] w: the true covariance with it, each channel's variance without."""
    deviation = torch.tensor([1.0, 0.6])
    covariance = deviation[:, None] * torch.tensor([[1.0, 0.8], [0.8, 1.0]]) * deviation
    sampler = copy(reconstructor("dps", jacobian=jacobian))
    assert isinstance(sampler, PosteriorSampler)
    sampler.denoiser = Gaussian(covariance)
    d = deviation.view(1, 2, 1, 1)
    known = Estimate(torch.tensor([0.7, -0.2]).view(1, 2, 1, 1), 0.3 * d, d)
    x_t = torch.tensor([0.4, 0.3]).view(1, 2, 1, 1)
    drawn = sampler.guided(Condition({}, {}), [known], d)(x_t, t, 0.0)

    snr = ((1 - t) / t) ** 2
    posterior = torch.linalg.inv(torch.linalg.inv(covariance) + snr * torch.eye(2))
    x_0 = (posterior @ x_t[0, :, 0, 0] * (1 - t) / t**2).view(1, 2, 1, 1)
    w = known.gradient(x_0, posterior_variance(t, d))[0, :, 0, 0]
    alone = posterior_variance(t, d)[0, :, 0, 0]
    moved = posterior @ w if jacobian else alone * w
    torch.testing.assert_close(drawn, x_0 + moved.view(1, 2, 1, 1), rtol=1e-4, atol=1e-5)
    assert t < 0.2 or not torch.allclose(posterior @ w, alone * w, rtol=0.05)


def test_the_edges_are_those_of_core(photo: FloatArray) -> None:
    found = edge_strength(torch.from_numpy(photo)[None])[0].numpy()
    np.testing.assert_allclose(found, edges.edge_strength(photo), atol=2e-4)


def preview_of(photo: FloatArray) -> Preview:
    buffer = io.BytesIO()
    octets = np.rint(photo.transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(octets).save(buffer, "WEBP", quality=5)
    seen = np.asarray(Image.open(buffer).convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    return Preview(np.ascontiguousarray(seen), squared(seen, photo))


def tokens_of(latent: FloatArray) -> Tokens:
    book = open_codebook(ModelStore.installed().find("base/codebook16"), Run())
    return Tokens(book.quantize(latent), book.name)


@pytest.fixture(scope="module")
def signals(
    photo: FloatArray, latent: FloatArray, state: Callable[..., Noisy]
) -> dict[str, Signal]:
    """One of each kind that `dps` takes."""
    coarse = Latent(np.round(latent / 1.5) * np.float32(1.5), "base", 1.5)
    known = (preview_of(photo), coarse, tokens_of(latent), Sketch(edges.edge_strength(photo)))
    return by_type((*known, state(0.4)))


@pytest.fixture(scope="module")
def free(reconstructor: Maker) -> FloatArray:
    """A sample given nothing."""
    return reconstructor("dps", steps=4).reconstruct({}, SIZE)


@pytest.mark.parametrize("jacobian", [False, True])
@pytest.mark.parametrize("name", ["preview", "latent/base", "tokens/base-16"])
def test_estimates_are_met(
    reconstructor: Maker,
    denoiser: Denoiser,
    space: LatentSpace,
    photo: FloatArray,
    free: FloatArray,
    signals: dict[str, Signal],
    name: str,
    jacobian: bool,
) -> None:
    """Far nearer to the estimate than a free sample, in units of the estimate's own error, and to the picture."""
    known = {name: signals[name]}
    drawn = reconstructor("dps", steps=8 if jacobian else 4, jacobian=jacobian).reconstruct(
        known, SIZE
    )
    c, s = denoiser.estimate(known, SIZE)
    _, d = denoiser.estimate({}, SIZE)
    c, s, d = (torch.from_numpy(a)[None] for a in (c, s, d))
    target = Estimate(c, s[..., None, None], d[..., None, None])
    misfit, before = (target.misfit(torch.from_numpy(space.encode(x))[None]) for x in (drawn, free))
    assert misfit < 0.2 * before
    assert misfit < 2
    assert squared(drawn, photo) < 0.7 * squared(free, photo)


def test_a_preview_is_refined_at_a_bounded_cost(
    reconstructor: Maker, signals: dict[str, Signal], photo: FloatArray
) -> None:
    """A posterior sample errs by at most about twice the preview's error (review, eq. 19)."""
    preview = signals["preview"]
    assert isinstance(preview, Preview)
    drawn = reconstructor("dps").reconstruct({"preview": preview}, SIZE)
    assert squared(drawn, photo) < 2 * preview.mse


@pytest.mark.parametrize("off", [0.003, 0.5])
@pytest.mark.parametrize("variance", [1e-4, 1.0])
def test_a_sketch_moves_x_0_by_polyaks_step_and_no_further_than_it_is_uncertain(
    off: float, variance: float
) -> None:
    """beta = f / |grad f|^2 would make the misfit f zero, were it linear; where r^2 is small the step is at most r."""
    x_0 = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))

    def render(z: Tensor) -> Tensor:
        return 0.5 + 0.05 * z.repeat_interleave(8, 2).repeat_interleave(8, 3)

    operator = SketchOperator(edge_strength(render(x_0)) + off, render)
    r2 = torch.full((1, 1, 1, 1), variance)
    step = r2 * operator.gradient(x_0, r2)
    x = x_0.clone().requires_grad_()
    f = operator.misfit(x)
    (slope,) = torch.autograd.grad(f, x)
    gain, length = float(-(slope * step).sum()) / f.item(), float(step.square().mean() / variance)
    if off < 0.1 and variance == 1:
        assert gain == pytest.approx(1, rel=1e-3) and length < 1
    else:
        assert length == pytest.approx(1, rel=1e-3) and gain < 1


def test_a_tile_sees_its_part_of_the_sketch(photo: FloatArray) -> None:
    """A window of latent positions in pixels; beyond the picture's border its last row and column go on."""
    whole = edges.edge_strength(photo)[:, :90, :125]
    continued = np.pad(whole, ((0, 0), (0, 6), (0, 3)), mode="edge")
    for tile in tiles(12, 16, 8, 4):
        rows, columns = (slice(8 * part.start, 8 * part.stop) for part in tile.window)
        np.testing.assert_array_equal(part_of_sketch(whole, tile, 8), continued[:, rows, columns])


def test_a_sketch_is_drawn(
    reconstructor: Maker, signals: dict[str, Signal], free: FloatArray
) -> None:
    sketch = signals["sketch"]
    assert isinstance(sketch, Sketch)
    drawn = reconstructor("dps", steps=12).reconstruct({"sketch": sketch}, SIZE)
    after, before = (squared(edges.edge_strength(x), sketch.edges) for x in (drawn, free))
    assert after < 0.6 * before


def test_of_a_noisy_state_alone_it_is_sde(reconstructor: Maker, signals: dict[str, Signal]) -> None:
    known = {"noisy/base": signals["noisy/base"]}
    dps, sde = (reconstructor(name, steps=4).reconstruct(known, SIZE) for name in ("dps", "sde"))
    np.testing.assert_array_equal(dps, sde)


def test_more_signals_bring_it_nearer(
    reconstructor: Maker, signals: dict[str, Signal], photo: FloatArray
) -> None:
    """A noisy state, and a preview of other origin beside."""
    dps = reconstructor("dps", steps=4)
    both = ("noisy/base", "preview")
    alone = [psnr(photo, dps.reconstruct({name: signals[name]}, SIZE)) for name in both]
    together = psnr(photo, dps.reconstruct({name: signals[name] for name in both}, SIZE))
    assert together > max(alone) + 0.3


def test_the_seed_chooses_the_sample(reconstructor: Maker, signals: dict[str, Signal]) -> None:
    known = {"tokens/base-16": signals["tokens/base-16"]}
    one, again, other = (
        reconstructor("dps", seed=seed, steps=3).reconstruct(known, SIZE) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert squared(one, other) > 1e-4
