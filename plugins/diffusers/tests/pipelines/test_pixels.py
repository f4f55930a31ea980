"""Unconditional models of pixels: against diffusers' own steps, and whatever works with a denoiser works with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gcodec
from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_denoiser, open_space, place_of
from gcodec.run import Run
from gcodec_diffusers.pixels import PixelDenoiser
from gcodec_diffusers.tiny_families import make_pixels

SIZE = Size(24, 40)


def opened(path: Path) -> PixelDenoiser:
    made = open_denoiser(ModelStore().find(str(path)), Run())
    assert isinstance(made, PixelDenoiser)
    return made


@pytest.fixture(scope="module")
def ddpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pixels("DDPMPipeline", tmp_path_factory.mktemp("pixels") / "ddpm")


@pytest.mark.parametrize("name", ["DDPMPipeline", "DDIMPipeline", "PNDMPipeline"])
@pytest.mark.parametrize("cut", [True, False])
def test_x0_is_that_of_the_schedulers_step(tmp_path: Path, name: str, cut: bool) -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    settings = {} if name == "PNDMPipeline" else {"clip_sample": cut}
    denoiser = opened(make_pixels(name, tmp_path / "model", **settings))
    theirs = DDIMScheduler(clip_sample=cut and name != "PNDMPipeline")
    theirs.set_timesteps(8)
    nothing = denoiser.condition({}, SIZE)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, *SIZE))).float()
    for t in theirs.timesteps:
        bar = float(theirs.alphas_cumprod[t])
        out = denoiser.network(x, t).sample
        due = theirs.step(out, int(t), x).pred_original_sample
        found = denoiser.x0(x, bar**0.5, (1 - bar) ** 0.5, nothing)
        assert float((found - due).abs().max() / due.abs().max()) < 1e-5


def test_x0_of_a_consistency_model_is_that_of_the_schedulers_step(tmp_path: Path) -> None:
    from diffusers.schedulers.scheduling_consistency_models import CMStochasticIterativeScheduler

    denoiser = opened(make_pixels("ConsistencyModelPipeline", tmp_path / "model"))
    theirs = CMStochasticIterativeScheduler()
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, *SIZE))).float()
    nothing = denoiser.condition({}, SIZE)
    for step in range(8):
        theirs.set_timesteps(8)
        t, sigma = theirs.timesteps[step], float(theirs.sigmas[step])
        x = sigma * noise
        out = denoiser.network(theirs.scale_model_input(x, t), t).sample
        due = theirs.step(out, t, x, generator=torch.Generator().manual_seed(0))
        again = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
        added = float((theirs.sigmas[step + 1] ** 2 - 0.002**2).clamp(min=0) ** 0.5)
        found = denoiser.x0(x, 1.0, sigma, nothing)
        torch.testing.assert_close(found, due.prev_sample - added * again, rtol=0, atol=2e-5)
    assert denoiser.few == (1, 2, 4)


def test_several_states_are_each_what_it_is_alone(ddpm: Path) -> None:
    denoiser = opened(ddpm)
    nothing = denoiser.condition({}, SIZE)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3, *SIZE))).float()
    made = denoiser.x0_all(x, 0.6, 0.8, [nothing] * 3)
    alone = torch.cat([denoiser.x0(x[n : n + 1], 0.6, 0.8, nothing) for n in range(3)])
    torch.testing.assert_close(made, alone, rtol=1e-4, atol=1e-5)


def test_the_space_is_the_samples(ddpm: Path) -> None:
    store = ModelStore()
    model = store.find(str(ddpm))
    place = place_of(model, store)
    assert place is not None and place.space == "pixels" and place.autoencoder == place.denoiser
    space = open_space(model, Run())
    pixels = np.random.default_rng(1).random((3, 7, 9)).astype(np.float32)
    z = space.encode(pixels)
    np.testing.assert_allclose(z, 2 * pixels - 1, atol=1e-7)
    np.testing.assert_allclose(space.decode(z, Size(7, 9)), pixels, atol=1e-7)
    np.testing.assert_allclose(
        space.render(torch.from_numpy(z)[None])[0].numpy(), pixels, atol=1e-7
    )
    assert space.error(z, np.full(3, 0.2, np.float32)) == pytest.approx(0.01)


@pytest.mark.parametrize("recon", ["ode", "sde", "mse", "dps"])
def test_a_file_and_a_picture(ddpm: Path, recon: str) -> None:
    picture = gcodec.Picture.from_array(
        np.random.default_rng(2).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    )
    with gcodec.Session(models=[ddpm]) as session:
        (made,) = session.encode(
            [picture], "diffc", model=str(ddpm), target=gcodec.Target(bytes=150)
        )
        options = {} if recon == "mse" else {"steps": 2}
        (decoded,) = session.decode([made.data], recon, model=str(ddpm), options=options)
    assert decoded.picture.pixels.shape == (3, 24, 40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"in_channels": 1, "out_channels": 1}, "of 1 channels"),
        ({"num_class_embeds": 10}, "a class"),
    ],
)
def test_other_models_of_pixels_are_refused(
    ddpm: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    from diffusers.models.unets.unet_2d import UNet2DModel

    path = make_pixels("DDPMPipeline", tmp_path / "model")
    config = json.loads((path / "unet" / "config.json").read_text())
    UNet2DModel.from_config({**config, **change}).save_pretrained(path / "unet")
    with pytest.raises(ModelDamaged, match=message):
        opened(path)
