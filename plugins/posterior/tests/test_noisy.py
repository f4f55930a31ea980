"""`ode`, `sde` and `mse` from states of the forward process."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.diffusion.latents import LatentSampler
from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.models import ModelStore
from gcodec.models.networks import LatentSpace
from gcodec.pictures import psnr
from gcodec.registry import load_object, registry
from gcodec.run import Run
from gcodec.signals import Noisy, Preview

FloatArray = NDArray[np.float32]
SIZE = Size(96, 128)
Maker = Callable[..., Reconstructor]


def made(reconstructor: Reconstructor, state: Noisy) -> FloatArray:
    return reconstructor.reconstruct({"noisy/base": state}, SIZE)


def squared(a: FloatArray, b: FloatArray) -> float:
    return float(np.square(a - b).mean(dtype=np.float64))


@pytest.mark.parametrize("name", ["ode", "sde", "mse"])
def test_without_noise_each_returns_the_picture(
    reconstructor: Maker, space: LatentSpace, latent: FloatArray, name: str
) -> None:
    decoded = space.decode(latent, SIZE)
    for sigma in (0.0, 1e-4):
        assert psnr(decoded, made(reconstructor(name), Noisy(2 * latent, "base", 2.0, sigma))) > 50


@pytest.mark.parametrize("name", ["ode", "sde", "mse"])
def test_less_noise_brings_it_nearer(
    reconstructor: Maker, state: Callable[..., Noisy], photo: FloatArray, name: str
) -> None:
    found = [psnr(photo, made(reconstructor(name), state(t))) for t in (0.8, 0.5, 0.25, 0.1)]
    assert found == sorted(found)
    assert found[-1] > 30


def test_a_path_is_known_by_its_snr(reconstructor: Maker, state: Callable[..., Noisy]) -> None:
    flow = state(0.4)
    other = Noisy(flow.x_t * np.float32(3), "base", 3 * flow.alpha_t, 3 * flow.sigma_t)
    for name in ("ode", "sde", "mse"):
        one, two = made(reconstructor(name), flow), made(reconstructor(name), other)
        assert np.abs(one - two).max() < 1e-3


def test_the_seed_is_in_the_noise_of_sde_alone(
    reconstructor: Maker, state: Callable[..., Noisy]
) -> None:
    noisy = state(0.5)
    for name in ("ode", "sde", "mse"):
        one, again, other = (made(reconstructor(name, seed=s), noisy) for s in (1, 1, 2))
        np.testing.assert_array_equal(one, again)
        assert (squared(one, other) > 1e-4) == (name == "sde")


def test_the_least_error_is_the_mean_and_the_ode_beats_ancestral_sampling(
    reconstructor: Maker, state: Callable[..., Noisy], space: LatentSpace, latent: FloatArray
) -> None:
    """In latent space, as in theory: mse <= ode < sde, and sde about 2 dB or more behind ode at a high rate."""
    decoded = space.decode(latent, SIZE)
    noisy = state(0.1)
    errors = {
        name: squared(made(reconstructor(name), noisy), decoded) for name in ("mse", "ode", "sde")
    }
    assert errors["mse"] < 1.03 * errors["ode"]
    assert errors["sde"] > 10**0.15 * errors["ode"]


def test_the_ode_converges(reconstructor: Maker, state: Callable[..., Noisy]) -> None:
    noisy = state(0.6)
    few, many, more = (made(reconstructor("ode", steps=n), noisy) for n in (5, 20, 40))
    assert squared(many, more) < 0.25 * squared(few, more)
    assert psnr(many, more) > 30


@pytest.mark.parametrize("name", ["ode", "mse"])
def test_only_the_ode_tells_a_distilled_network_how_long_the_step_is(
    reconstructor: Maker, state: Callable[..., Noisy], name: str
) -> None:
    noisy, sampler = state(0.8), reconstructor(name, **{"steps": 1} if name == "ode" else {})
    assert isinstance(sampler, LatentSampler)
    nothing = sampler.denoiser.condition({}, SIZE)

    def landed(step: float) -> FloatArray:
        x_0 = sampler.denoiser.x0(sampler.there(noisy.x_t), 0.2, 0.8, nothing, step)
        return np.clip(sampler.space.decode(x_0[0].numpy(), SIZE), 0, 1)

    step, other = (0.8, 0.0) if name == "ode" else (0.0, 0.8)
    drawn = made(sampler, noisy)
    np.testing.assert_allclose(drawn, landed(step), atol=1e-5)
    assert np.abs(drawn - landed(other)).max() > 0.01
    # One that was not distilled is asked for the mean.
    sampler = copy(sampler)
    sampler.denoiser = copy(sampler.denoiser)
    sampler.denoiser.few = ()
    np.testing.assert_allclose(made(sampler, noisy), landed(0.0), atol=1e-5)


def test_from_pure_noise_sde_draws_latents_of_the_prior(
    reconstructor: Maker, space: LatentSpace
) -> None:
    """Edges and spread as in photographs, not as in noise or in a mean."""
    shape = (space.channels, *(side // space.factor for side in SIZE))
    x_t = Run(seed=9).randomness.normal(0x8000_0000, 0, 0, shape)
    drawn = made(reconstructor("sde", steps=20), Noisy(x_t, "base", 0.0, 1.0))
    mean = made(reconstructor("mse"), Noisy(x_t, "base", 0.0, 1.0))
    assert drawn.std() > 4 * mean.std()
    assert 0.08 < drawn.std() < 0.4
    # Neighbouring samples of a photograph are alike.
    assert np.abs(np.diff(drawn)).mean() < 0.5 * drawn.std()


def test_mse_is_the_adapter(reconstructor: Maker, state: Callable[..., Noisy]) -> None:
    noisy = state(0.4)
    spec = registry().adapters["denoise"]
    setup = Setup(Run(), {}, ModelStore.installed().find("base/denoiser"))
    preview: Preview = load_object("adapter", spec.implementation)(noisy, SIZE, setup)
    np.testing.assert_allclose(preview.pixels, made(reconstructor("mse"), noisy), atol=1e-5)


def test_tiles_show_no_seam(reconstructor: Maker, space: LatentSpace) -> None:
    """A picture of two tiles is that of one where they meet, and memory is bounded by the tile."""
    size = Size(64, 400)
    y, x = np.mgrid[: size.height, : size.width].astype(np.float32)
    pixels = np.stack([0.5 + 0.3 * np.sin(x / w) * np.cos(y / 9) for w in (7, 13, 30)])
    z = space.encode(pixels.astype(np.float32))
    eps = Run().randomness.normal(0x8000_0000, 0, 0, z.shape)
    noisy = Noisy((0.7 * z + 0.3 * eps).astype(np.float32), "base", 0.7, 0.3)
    whole, tiled = (
        reconstructor("sde", tile=tile, steps=2).reconstruct({"noisy/base": noisy}, size)
        for tile in (1024, 256)
    )
    assert not np.array_equal(whole, tiled)
    assert psnr(whole, tiled) > 30
