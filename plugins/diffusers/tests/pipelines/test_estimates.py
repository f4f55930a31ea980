"""What is given beside x_t: previews and latents as Bayes' rule has it, and the space that they live in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gcodec.errors import UsageError
from gcodec.interfaces import Size
from gcodec.signals import Latent, Preview, Sketch
from gcodec_diffusers.known import KnownDenoiser

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]
SIZE = Size(40, 56)


def gaussian(denoiser: KnownDenoiser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the denoiser of a standard normal x_0 in the place of a v-predicting network: x0-hat = alpha x, v = 0."""
    monkeypatch.setattr(denoiser, "output", lambda x, at, condition: torch.zeros_like(x))


@pytest.mark.parametrize("noise", [0.05, 1.0, 10.0])
@pytest.mark.parametrize("v", [0.01, 0.5, 100.0])
def test_an_estimate_beside_x_t_counts_as_bayes_has_it(
    folder: Folder, opened: Opened, monkeypatch: pytest.MonkeyPatch, noise: float, v: float
) -> None:
    """x_0 ~ N(0, 1), x_t = x_0 + noise eps, y = x_0 + n of variance v: E[x_0 | x_t, y] in closed form."""
    denoiser = opened(folder("sd21"))
    gaussian(denoiser, monkeypatch)
    c, h, w = 4, 5, 7
    made = np.random.default_rng(0).standard_normal((2, c, h, w)).astype(np.float32)
    x_t, y = torch.from_numpy(made[0])[None], made[1]
    condition = denoiser.condition({}, SIZE)
    condition.maps["estimate"][:] = torch.from_numpy(y / (1 + v))  # type: ignore[index]
    condition.globals["error"][:] = (v / (1 + v)) ** 0.5  # type: ignore[index]
    exact = (made[0] / noise**2 + y / v) / (1 + 1 / noise**2 + 1 / v)
    found = denoiser.x0(x_t, 1.0, noise, condition)
    torch.testing.assert_close(found[0], torch.from_numpy(exact), rtol=0, atol=2e-4)


def test_a_preview_and_a_latent_are_seen_a_sketch_is_not(folder: Folder, opened: Opened) -> None:
    denoiser = opened(folder("sd15"))
    rng = np.random.default_rng(2)
    pixels = rng.random((3, *SIZE)).astype(np.float32)
    z = denoiser.parts.encoder.encode(pixels)
    coarse, fine = (
        denoiser.estimate({"preview": Preview(pixels, mse)}, SIZE) for mse in (1e-2, 1e-4)
    )
    np.testing.assert_array_equal(coarse[0], z)
    assert (fine[1] < coarse[1]).all() and (coarse[1] < 1).all()
    name = f"latent/{denoiser.parts.encoder.name}"
    c, s = denoiser.estimate({name: Latent(z, denoiser.parts.encoder.name, 0.1)}, SIZE)
    np.testing.assert_array_equal(c, z)
    np.testing.assert_allclose(s, (1 + 12 / 0.1**2) ** -0.5, rtol=1e-5)
    with pytest.raises(UsageError, match=r"can use nothing of sketch; it sees preview, latent/kl-"):
        denoiser.condition({"sketch": Sketch(pixels[:1])}, SIZE)


def test_the_error_of_a_preview_is_about_what_the_encoder_makes_of_noise(
    folder: Folder, opened: Opened
) -> None:
    """`LatentSpace.spread` and `error` against noise of other seeds."""
    space = opened(folder("sd3")).parts.encoder
    rng = np.random.default_rng(3)
    pixels = (0.3 + 0.4 * rng.random((3, 64, 64))).astype(np.float32)
    noisy = pixels + 0.05 * rng.standard_normal(pixels.shape).astype(np.float32)
    true = np.square(space.encode(noisy) - space.encode(pixels)).mean((1, 2))
    np.testing.assert_allclose(np.square(space.spread(pixels, 0.05**2)), true, rtol=0.8)
    z = space.encode(pixels)
    moved = z + 0.2 * rng.standard_normal(z.shape).astype(np.float32)
    mse = np.square(space.decode(moved, Size(64, 64)) - space.decode(z, Size(64, 64))).mean()
    assert space.error(z, np.full(16, 0.2, np.float32)) == pytest.approx(mse, rel=0.5)
