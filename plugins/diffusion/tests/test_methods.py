"""What each method's own dial does, on a small photograph."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.builtin.edges import edge_strength
from gcodec.diffusion.latents import FromLatent, LatentSampler
from gcodec.diffusion.sampling import eta
from gcodec.interfaces import Reconstructor, Size
from gcodec.models.networks import Denoiser
from gcodec.pictures import psnr
from gcodec.signals import Latent, Preview, Sketch, by_type
from gcodec_diffusion.cdc import ConditionalDiffusion

FloatArray = NDArray[np.float32]
Make = Callable[..., Reconstructor]
SIZE = Size(96, 128)
#: Where on the way to noise alpha-bar is 1/2, and the time too.
HALF = {"cosine": 0.4965, "linear": 0.2595}


@pytest.fixture(scope="module")
def quantized(latent: FloatArray) -> Callable[[float], Latent]:
    def at(step: float) -> Latent:
        return Latent((np.rint(latent / step) * step).astype(np.float32), "base", step)

    return at


def test_gamma_turns_cdc_from_a_function_of_the_file_to_a_sample(
    reconstructor: Make, quantized: Callable[[float], Latent], photo: FloatArray
) -> None:
    signals = by_type([quantized(2.0)])

    def drawn(gamma: float, seed: int) -> FloatArray:
        return reconstructor("cdc", seed, gamma=gamma, steps=4).reconstruct(signals, SIZE)

    np.testing.assert_array_equal(drawn(0.0, 1), drawn(0.0, 2))
    spread = [float(np.square(drawn(g, 1) - drawn(g, 2)).mean()) for g in (0.0, 0.5, 1.0)]
    assert all(b > 1.5 * a for a, b in pairwise(spread))
    # And the less noise, the nearer to the picture.
    assert psnr(photo, drawn(0.0, 1)) > psnr(photo, drawn(1.0, 1)) + 0.3


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_cdc_steps_fall_from_noise_to_the_picture(
    reconstructor: Make, schedule: str, steps: int
) -> None:
    grid = reconstructor("cdc", schedule=schedule, steps=steps).grid(1.0)
    assert (grid[0], grid[-1], len(grid)) == (1.0, 0.0, steps + 1)
    assert all(a > b for a, b in pairwise(grid))


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_cdc_steps_are_those_of_the_papers_schedule(reconstructor: Make, schedule: str) -> None:
    """At u = 3/4, 1/2, 1/4 the state's alpha^2 / (alpha^2 + sigma^2) is alpha-bar, alpha = 1 - t and sigma = t.

    Of a denoiser that was distilled, that of `base`, the schedule ends where the last step begins, t = 1/2.
    """
    u = np.array([0.75, 0.5, 0.25])
    # Nichol and Dhariwal 2021, eq. 17, and Ho et al. 2020, section 4, in figures of their own.
    f = np.cos((u + 0.008) / 1.008 * np.pi / 2) / np.cos(0.008 / 1.008 * np.pi / 2)
    linear = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))[np.array([749, 499, 249])]
    expected = {"cosine": f * f, "linear": linear}[schedule]
    cdc = copy(reconstructor("cdc", schedule=schedule, steps=4))
    assert isinstance(cdc, ConditionalDiffusion)
    due = [1.0, *(cdc.time(1 - (1 - HALF[schedule]) * i / 3) for i in (1, 2)), 0.5, 0.0]
    np.testing.assert_allclose(cdc.grid(1.0), due, atol=1e-3)
    cdc.denoiser = copy(cdc.denoiser)
    cdc.denoiser.few = ()
    t = np.array(cdc.grid(1.0)[1:-1])
    np.testing.assert_allclose((1 - t) ** 2 / ((1 - t) ** 2 + t**2), expected, rtol=1e-6)


class Told:
    """A denoiser that remembers the lengths of step that it was told, and how often it was asked."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser, self.lengths = denoiser, list[float]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.denoiser, name)

    def x0_all(self, *given: Any) -> Any:
        self.lengths.append(given[4])
        return self.denoiser.x0_all(*given)


@pytest.mark.parametrize(
    ("name", "options", "due"),
    [
        ("cdc", {"steps": 1}, [1.0]),
        ("cdc", {"steps": 4}, [0, 0, 0, 0.5]),
        ("perco", {"steps": 3, "guidance": 1.0}, [0.25, 0.25, 0.5]),
        ("perco", {"steps": 5, "guidance": 1.0}, [0, 0, 0, 0, 0.5]),
        ("perco", {"steps": 4, "guidance": 1.0}, [0.25] * 4),
    ],
)
def test_a_distilled_denoiser_lands_by_a_step_that_it_was_distilled_for(
    reconstructor: Make,
    quantized: Callable[[float], Latent],
    name: str,
    options: dict[str, Any],
    due: list[float],
) -> None:
    sampler = copy(reconstructor(name, **options))
    assert isinstance(sampler, LatentSampler)
    told = Told(sampler.denoiser)
    sampler.denoiser = told  # type: ignore[assignment]
    sampler.reconstruct(by_type([quantized(1.0)]), SIZE)
    assert told.lengths == due


@pytest.mark.parametrize("name", ["cdc", "perco"])
def test_one_step_of_a_denoiser_that_was_distilled_for_others(
    reconstructor: Make, name: str
) -> None:
    sampler = copy(reconstructor(name, steps=1))
    assert isinstance(sampler, LatentSampler)
    sampler.denoiser = copy(sampler.denoiser)
    sampler.denoiser.few = (2, 4)
    assert sampler.grid(1.0) == [1.0, 0.0]


def test_cdc_gives_as_good_a_picture_in_many_steps_as_in_few(
    reconstructor: Make, quantized: Callable[[float], Latent], photo: FloatArray
) -> None:
    signals = by_type([quantized(2.0)])
    few, many = (
        psnr(photo, reconstructor("cdc", steps=steps).reconstruct(signals, SIZE))
        for steps in (4, 16)
    )
    assert many > few - 0.2


def test_hfd_steps_lie_at_low_noise(reconstructor: Make) -> None:
    even = reconstructor("hfd", shift=1.0).grid(1.0)
    low = reconstructor("hfd").grid(1.0)
    assert all(a < b for a, b in zip(low[1:-1], even[1:-1], strict=True))
    # A shift is a factor of the noise against the signal.
    t, shifted = (np.array(reconstructor("hfd", shift=s).grid(1.0)[1:-1]) for s in (1.0, 0.25))
    np.testing.assert_allclose(shifted / (1 - shifted), 0.25 * t / (1 - t), rtol=1e-6)


def test_hfd_adds_no_more_error_than_theory_has_it(reconstructor: Make, photo: FloatArray) -> None:
    """At most about twice the preview's (review, eq. 19)."""
    coarse = photo.reshape(3, 12, 8, 16, 8).mean((2, 4)).repeat(8, 1).repeat(8, 2)
    mse = float(np.square(coarse - photo).mean())
    drawn = reconstructor("hfd").reconstruct(by_type([Preview(coarse, mse)]), SIZE)
    assert float(np.square(drawn - photo).mean()) < 2.2 * mse
    assert float(np.square(drawn - coarse).mean()) > 0.05 * mse


def test_hfds_eta_adds_noise_between_steps(reconstructor: Make, photo: FloatArray) -> None:
    """From one start, at eta = 0 along the ODE, at 1 by ancestral sampling, which is the default."""
    coarse = photo.reshape(3, 12, 8, 16, 8).mean((2, 4)).repeat(8, 1).repeat(8, 2)
    signals = by_type([Preview(coarse, float(np.square(coarse - photo).mean()))])
    ode, half, ancestral, default = (
        reconstructor("hfd", steps=3, **eta).reconstruct(signals, SIZE)
        for eta in ({"eta": 0.0}, {"eta": 0.5}, {"eta": 1.0}, {})
    )
    np.testing.assert_array_equal(ancestral, default)
    near, far = (float(np.square(x - ode).mean()) for x in (half, ancestral))
    assert 0 < near < 0.7 * far


def test_eta_is_where_the_deviation_is_that_of_uniform_noise() -> None:
    assert eta(0.0) == 0
    step = 1.7
    t = eta(step)
    uniform = np.random.default_rng(0).uniform(-step / 2, step / 2, 1_000_000)
    # Deviation over signal, of the flow's state and of the quantized value; 1/sqrt(2 n) is the standard error.
    assert t / (1 - t) == pytest.approx(float(uniform.std()), rel=5 / 2e6**0.5)


@pytest.mark.parametrize("step", [0.5, 1.5, 5.0])
def test_relic_begins_where_noise_is_as_strong_as_the_error(
    reconstructor: Make, quantized: Callable[[float], Latent], latent: FloatArray, step: float
) -> None:
    """Of bins wider than most channels vary eta is too early: what was rounded to zero errs by less than a bin."""
    sent, relic = quantized(step), reconstructor("relic")
    assert isinstance(relic, FromLatent)
    error = float(np.square(sent.values - latent).mean() ** 0.5)
    t = relic.time(sent, SIZE)
    assert t / (1 - t) == pytest.approx(error, rel=0.35)
    assert t <= eta(step)
    if step > 4:
        assert eta(step) / (1 - eta(step)) > 1.3 * error
    assert relic.time(replace(sent, rounded=False), SIZE) == eta(step)


def test_relic_is_best_at_that_time(
    reconstructor: Make, quantized: Callable[[float], Latent], photo: FloatArray
) -> None:
    """Neither too early, which wipes out what was sent, nor too late, which leaves the quantizer's noise in (Relic 2024)."""
    signals, relic = by_type([quantized(1.5)]), reconstructor("relic")
    assert isinstance(relic, FromLatent)
    t = relic.time(quantized(1.5), SIZE)

    def quality(time: float) -> float:
        return psnr(photo, reconstructor("relic", time=time).reconstruct(signals, SIZE))

    there = quality(0.0)
    assert quality(t) == there
    assert there > quality(0.5 * t) and there > quality(min(2.4 * t, 0.9))


def test_relic_leaves_an_exact_latent_alone(
    reconstructor: Make, latent: FloatArray, photo: FloatArray
) -> None:
    drawn = reconstructor("relic").reconstruct(by_type([Latent(latent, "base", 0.0)]), SIZE)
    assert psnr(photo, drawn) > 30


def test_guidance_leans_on_the_sketch(reconstructor: Make, photo: FloatArray) -> None:
    edges = edge_strength(photo)
    signals = by_type([Sketch(edges)])

    def misfit(guidance: float) -> float:
        drawn = reconstructor("controlnet", guidance=guidance, steps=4).reconstruct(signals, SIZE)
        return float(np.square(edge_strength(drawn) - edges).mean())

    assert misfit(1.0) < 0.95 * misfit(0.0)


def test_guidance_in_tiles_is_that_of_the_whole_picture(
    reconstructor: Make, kodim23: FloatArray
) -> None:
    """Both branches see the tile's part of what they are conditioned on."""
    size = Size(64, 384)
    signals = by_type([Sketch(edge_strength(np.ascontiguousarray(kodim23[:, 200:264, 200:584])))])
    whole, tiled, unguided = (
        reconstructor("controlnet", steps=1, guidance=w, tile=tile).reconstruct(signals, size)
        for w, tile in ((2.5, 1024), (2.5, 256), (1.0, 256))
    )
    assert not np.array_equal(whole, tiled)
    assert psnr(whole, tiled) > psnr(whole, unguided) + 3
