"""The denoiser: its linear part is Bayes' rule, and what it is told makes its answer better."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gcodec.builtin.edges import edge_strength
from gcodec.interfaces import Size
from gcodec.models.networks import Condition
from gcodec.randomness import Domain, Randomness
from gcodec.signals import Latent, Preview, Signal, Sketch, Text, Tokens, by_type
from gcodec_diffusers.denoiser import LatentDenoiser
from gcodec_diffusers.estimates import latent_error, preview_error
from gcodec_diffusers.network import Given, linear_estimate, sketch_planes
from gcodec_diffusers.space import LappedSpace
from gcodec_diffusers.tokens import ScalarCodebook

FloatArray = NDArray[np.float32]


def given(c: float, s: float) -> Given:
    one = torch.ones(1, 1, 1, 1)
    return Given(c * one, torch.tensor([[s]]), one, torch.ones(1))


@pytest.mark.parametrize("t", [0.01, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("s", [0.05, 1.0, 3.0])
def test_the_linear_estimate_is_the_gaussian_posterior(t: float, s: float) -> None:
    """x_0 ~ N(c, s^2) and x_t = (1 - t) x_0 + t eps, integrated numerically."""
    c, x_t = 0.4, 0.9
    x_0 = np.linspace(c - 12 * s, c + 12 * s, 400_001)
    log_p = -((x_0 - c) ** 2) / (2 * s**2) - (x_t - (1 - t) * x_0) ** 2 / (2 * t**2)
    p = np.exp(log_p - log_p.max())
    mean = (p * x_0).sum() / p.sum()
    deviation = np.sqrt((p * (x_0 - mean) ** 2).sum() / p.sum())
    found = linear_estimate(torch.full((1, 1, 1, 1), x_t), torch.tensor([t]), given(c, s))
    assert float(found[0]) == pytest.approx(mean, abs=2e-3)
    assert float(found[1]) == pytest.approx(deviation, rel=2e-3)
    v = np.hypot((1 - t) * s, t)
    assert float(found[2]) == pytest.approx((x_t - (1 - t) * c) / v, rel=1e-5)


def test_knowing_nothing_it_is_the_preconditioning_of_edm() -> None:
    """Karras et al. 2022, eq. 7 and table 1, in the rectified flow's time: sigma = t / (1 - t), x = x_t / (1 - t)."""
    t, data = 0.4, 1.7
    sigma, x = t / (1 - t), 0.8
    mean, n, u = linear_estimate(
        torch.full((1, 1, 1, 1), x * (1 - t)), torch.tensor([t]), given(0, data)
    )
    total = np.hypot(sigma, data)
    assert float(mean) == pytest.approx(data**2 / total**2 * x, rel=1e-5)
    assert float(n) == pytest.approx(sigma * data / total, rel=1e-5)
    assert float(u) == pytest.approx(x / total, rel=1e-5)


def test_sides_that_cannot_be_halved_go_on_as_they_end(denoiser: LatentDenoiser) -> None:
    """What the network sees beyond a latent of 5 x 7 is its last row and column again."""
    network = denoiser.network
    draw = torch.Generator().manual_seed(3)
    deviation = network.deviation.cpu()

    def latent() -> torch.Tensor:
        return torch.randn(1, len(deviation), 5, 7, generator=draw)

    def continued(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(x, (0, 1, 0, 3), mode="replicate")

    u, t, d = latent(), torch.tensor([0.4]), torch.zeros(1)
    sketch = torch.rand(1, 4, 5, 7, generator=draw)
    known = Given(latent(), 0.3 * deviation[None], sketch, torch.ones(1))
    beyond = known._replace(estimate=continued(known.estimate), sketch=continued(sketch))
    with torch.inference_mode():
        short = network.correction(u, t, d, known)
        long = network.correction(continued(u), t, d, beyond)
    torch.testing.assert_close(short, long[:, :, :5, :7], atol=1e-4, rtol=1e-4)


def test_errors_of_estimates_lie_between_nothing_and_all() -> None:
    scale, deviation = torch.tensor([0.5, 3.0]), torch.tensor([3.0, 0.5])
    for error in (
        lambda v: preview_error(v, scale, deviation),
        lambda v: latent_error(v, deviation),
    ):
        small, large, most = error(1e-4), error(1e-2), error(1e6)
        assert bool((small < large).all()) and bool((large < deviation).all())
        torch.testing.assert_close(most, deviation, rtol=1e-3, atol=0)


def jpeg(photo: FloatArray, quality: int) -> Preview:
    buffer = io.BytesIO()
    octets = np.rint(photo.transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(octets).save(buffer, "JPEG", quality=quality)
    seen = np.asarray(Image.open(buffer), np.float32).transpose(2, 0, 1) / 255
    return Preview(np.ascontiguousarray(seen), float(np.square(seen - photo).mean()))


@pytest.mark.parametrize("quality", [5, 15, 40])
def test_the_claimed_error_of_a_preview_is_about_the_true_one(
    space: LappedSpace, denoiser: LatentDenoiser, photo: FloatArray, quality: int
) -> None:
    """Training and decoding both rest on it: the network's target has about unit variance."""
    preview = jpeg(photo, quality)
    true = space.encode(preview.pixels) - space.encode(photo)
    claimed = preview_error(preview.mse, space.scale, denoiser.deviation).numpy()
    assert 0.2 < np.square(true / claimed[:, None, None]).mean() < 4


@pytest.fixture(scope="module")
def eps(photo: FloatArray) -> torch.Tensor:
    """Noise [1, 32, 24, 32] that is the same everywhere."""
    made = Randomness(5).normal(Domain.DECODER_NOISE, 0, range(24), (32, 32))
    return torch.from_numpy(np.ascontiguousarray(made.transpose(2, 0, 1)))[None]


def error_of(
    denoiser: LatentDenoiser,
    photo: FloatArray,
    eps: torch.Tensor,
    t: float,
    *signals: Signal,
) -> float:
    """Squared error of x0-hat at time t, given signals."""
    condition = denoiser.condition(by_type(signals), Size(*photo.shape[1:]))
    x_0 = torch.from_numpy(denoiser.encoder.encode(photo))[None]
    x_t = (1 - t) * x_0 + t * eps
    return float((denoiser.x0(x_t, 1 - t, t, condition) - x_0).square().mean())


def test_less_noise_and_more_signals_make_it_better(
    denoiser: LatentDenoiser, book: ScalarCodebook, photo: FloatArray, eps: torch.Tensor
) -> None:
    errors = [error_of(denoiser, photo, eps, t) for t in (1.0, 0.7, 0.4, 0.1)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.1 * errors[0]
    latent = denoiser.encoder.encode(photo)
    tokens = Tokens(book.quantize(latent), "base-16")
    coarse = Latent(np.round(latent / 2) * 2, "base", 2.0)
    fine = Latent(np.round(latent / 0.3) * 0.3, "base", 0.3)
    nothing = errors[0]
    for signal, share in ((tokens, 0.7), (jpeg(photo, 10), 0.5), (coarse, 0.6), (fine, 0.05)):
        assert error_of(denoiser, photo, eps, 1.0, signal) < share * nothing
    # Beside a better estimate a worse one is not looked at.
    both = error_of(denoiser, photo, eps, 1.0, fine, tokens)
    assert both == error_of(denoiser, photo, eps, 1.0, fine)


def test_it_improves_on_a_coarse_preview(
    denoiser: LatentDenoiser, photo: FloatArray, eps: torch.Tensor
) -> None:
    """E[x_0 | preview] is nearer than the preview: the network is more than its linear part."""
    preview = jpeg(photo, 8)
    latent = denoiser.encoder.encode(photo)
    own = float(np.square(denoiser.encoder.encode(preview.pixels) - latent).mean())
    assert error_of(denoiser, photo, eps, 1.0, preview) < 0.97 * own


def test_a_sketch_is_seen_and_a_caption_is_not(
    denoiser: LatentDenoiser, photo: FloatArray, eps: torch.Tensor
) -> None:
    size = Size(*photo.shape[1:])

    def answer(*signals: Signal) -> torch.Tensor:
        return denoiser.x0(eps, 0.0, 1.0, denoiser.condition(by_type(signals), size))

    alone = answer()
    assert torch.equal(answer(Text("two parrots")), alone)
    assert "text" not in denoiser.sees
    sketch = Sketch(edge_strength(photo))
    assert float((answer(sketch) - alone).square().mean()) > 1e-4
    assert error_of(denoiser, photo, eps, 0.9, sketch) < error_of(denoiser, photo, eps, 0.9)


def test_any_path_at_the_same_snr_gives_the_same(
    denoiser: LatentDenoiser, eps: torch.Tensor, photo: FloatArray
) -> None:
    """Variance-preserving, -exploding and rectified-flow states differ by a factor alone."""
    x_0 = torch.from_numpy(denoiser.encoder.encode(photo))[None]
    none = denoiser.condition({}, Size(*photo.shape[1:]))
    flow = denoiser.x0(0.6 * x_0 + 0.4 * eps, 0.6, 0.4, none)
    norm = np.hypot(0.6, 0.4)
    preserving = denoiser.x0((0.6 * x_0 + 0.4 * eps) / norm, 0.6 / norm, 0.4 / norm, none)
    exploding = denoiser.x0(x_0 + 0.4 / 0.6 * eps, 1.0, 0.4 / 0.6, none)
    torch.testing.assert_close(preserving, flow, rtol=0, atol=1e-3)
    torch.testing.assert_close(exploding, flow, rtol=0, atol=1e-3)


def test_planes_of_a_sketch_are_means_of_quarters() -> None:
    edges = torch.zeros(1, 1, 8, 16)
    edges[0, 0, :4, 4:8] = 1
    planes = sketch_planes(edges)
    assert planes.shape == (1, 4, 1, 2)
    assert planes[0, :, 0, 0].tolist() == [0, 1, 0, 0] and float(planes[..., 1].sum()) == 0


def test_windows_of_a_condition() -> None:
    maps = {"estimate": torch.arange(24.0).reshape(1, 4, 6)}
    condition = Condition(maps, {"error": torch.ones(1)})
    part = condition.window(slice(1, 3), slice(2, 5))
    assert part.maps["estimate"][0].tolist() == [[8, 9, 10], [14, 15, 16]]
    assert part.globals is condition.globals
