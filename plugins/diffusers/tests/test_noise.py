"""In and out of noise: what the adapters say of their error is so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.pipeline.binding import bind, ways
from gcodec.pipeline.resolver import resolve
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Latent, Noisy, Preview, Tokens
from gcodec_diffusers.adapters import noisy_to_preview, to_noisy, tokens_to_noisy
from gcodec_diffusers.denoiser import LatentDenoiser
from gcodec_diffusers.tokens import ScalarCodebook

FloatArray = NDArray[np.float32]


def setup(seed: int = 0, model: str = "base/denoiser") -> Setup:
    return Setup(Run(seed=seed), {}, ModelStore.installed().find(model))


def size_of(pixels: FloatArray) -> Size:
    return Size(*pixels.shape[1:])


@pytest.fixture(scope="module")
def latent(denoiser: LatentDenoiser, photo: FloatArray) -> FloatArray:
    return denoiser.encoder.encode(photo)


@pytest.mark.parametrize("t", [0.02, 0.1, 0.4, 0.8])
def test_a_denoised_preview_states_its_error(
    photo: FloatArray, latent: FloatArray, t: float
) -> None:
    """Within a factor of 3 of the true one: pictures differ by that much."""
    eps = np.random.default_rng(1).standard_normal(latent.shape, np.float32)
    noisy = Noisy(((1 - t) * latent + t * eps).astype(np.float32), "base", 1 - t, t)
    preview = noisy_to_preview(noisy, size_of(photo), setup())
    true = float(np.square(preview.pixels - photo).mean())
    assert true / 3 < preview.mse < 3 * true


def test_the_stated_error_grows_with_the_noise(latent: FloatArray) -> None:
    """And stays finite where a state is all noise or none."""
    size = Size(16, 16)
    x_t = np.zeros((latent.shape[0], 2, 2), np.float32)
    states = [(1.0, 0.0), *((1 - t, t) for t in np.linspace(0.001, 0.999, 40)), (0.0, 1.0)]
    errors = [noisy_to_preview(Noisy(x_t, "base", a, s), size, setup()).mse for a, s in states]
    assert errors == sorted(errors)
    assert 0 < errors[0] < 1e-3 and 0.02 < errors[-1] < 0.2


def test_all_channels_of_a_noised_estimate_err_alike(
    denoiser: LatentDenoiser, book: ScalarCodebook, photo: FloatArray, latent: FloatArray
) -> None:
    """sigma is the true distance from x_0, within what pictures differ in; the seed chooses the noise."""
    rng = np.random.default_rng(0)
    seen = np.clip(photo + 0.06 * rng.standard_normal(photo.shape, np.float32), 0, 1)
    preview = Preview(seen, float(np.square(seen - photo).mean()))
    coarse = Latent(np.round(latent), "base", 1.0)
    tokens = Tokens(book.quantize(latent), "base-16")

    def noised(signal: Preview | Latent | Tokens, seed: int) -> Noisy:
        if isinstance(signal, Tokens):
            return tokens_to_noisy(signal, size_of(photo), setup(seed, "base/codebook16"))
        return to_noisy(signal, size_of(photo), setup(seed))

    for signal in (preview, coarse, tokens):
        noisy, again, other = (noised(signal, seed) for seed in (1, 1, 2))
        assert noisy.alpha_t == 1
        true = np.square(noisy.x_t - latent).mean((1, 2))
        assert noisy.sigma_t**2 / 3 < float(true.mean()) < 3 * noisy.sigma_t**2
        assert float(true.min()) > noisy.sigma_t**2 / 5
        np.testing.assert_array_equal(noisy.x_t, again.x_t)
        assert not np.array_equal(noisy.x_t, other.x_t)


def test_what_is_known_exactly_gets_no_noise(photo: FloatArray, latent: FloatArray) -> None:
    noisy = to_noisy(Latent(latent, "base", 0.0), size_of(photo), setup())
    assert noisy.sigma_t < 1e-3
    np.testing.assert_allclose(noisy.x_t, latent, atol=5e-3)


def test_a_preview_gets_its_noise_from_its_own_error() -> None:
    """Not by way of a latent, which is taken for exact."""
    for name in ("ode", "sde"):
        if name in registry().reconstructors:
            receiver = bind(registry().reconstructors[name], None, ModelStore.installed())
            path = resolve(("preview",), receiver.spec, ways(registry(), receiver))
            assert path is not None
            assert [(a.source, a.target) for a in path.adapters] == [("preview", "noisy/base")]
    direct, first, second = (
        registry().adapters[name].cost for name in ("noise_preview", "encode", "noise_latent")
    )
    assert direct < first + second and math.isfinite(direct)
