"""Each architecture as a denoiser: what its network is told, and how."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gcodec.diffusion.latents import LatentSampler
from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.options import GUIDANCE, TILE, check_options, steps
from gcodec.run import Run
from gcodec.signals import Latent, Signal
from gcodec_diffusers import tiny
from gcodec_diffusers.architectures import ARCHITECTURES
from gcodec_diffusers.known import KnownDenoiser
from gcodec_diffusers.layout import FAMILIES
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.plugin import gcodec_networks

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]
Least = Callable[[KnownDenoiser, Size], dict[str, Signal]]
SIZE = Size(40, 56)


def test_every_class_of_pipelines_is_registered() -> None:
    offered = {spec.name for spec in gcodec_networks()}
    assert set(FAMILIES) <= offered and {f.name for f in FAMILIES.values()} == set(ARCHITECTURES)


@pytest.mark.parametrize("kind", list(tiny.KINDS))
def test_several_states_are_each_what_it_is_alone(
    folder: Folder, opened: Opened, least: Least, kind: str
) -> None:
    """Under conditions of their own; a hyper-encoder's tokens are taken one by one."""
    denoiser = opened(folder(kind))
    channels = denoiser.parts.encoder.channels
    rng = np.random.default_rng(2)
    given = least(denoiser, SIZE)
    latents = rng.standard_normal((2, channels, 5, 7)).astype(np.float32)
    name = denoiser.parts.encoder.name
    conditions = [
        denoiser.condition({**given, f"latent/{name}": Latent(latent, name, 0.5)}, SIZE)
        for latent in latents
    ]
    x = torch.from_numpy(rng.standard_normal((2, channels, 5, 7)).astype(np.float32))
    made = denoiser.x0_all(x, 0.7, 0.4, conditions)
    for n, condition in enumerate(conditions):
        alone = denoiser.x0(x[n : n + 1], 0.7, 0.4, condition)
        torch.testing.assert_close(made[n : n + 1], alone, rtol=1e-4, atol=1e-5)
    assert float((made[0] - made[1]).abs().max()) > 0.1


@pytest.mark.parametrize("kind", list(tiny.KINDS))
def test_each_network_sees_latent_level_and_prompt(
    folder: Folder, opened: Opened, least: Least, kind: str
) -> None:
    """Every input matters, batches of odd sides work, and gradients reach x_t."""
    denoiser = opened(folder(kind))
    nothing = denoiser.condition(least(denoiser, SIZE), SIZE)
    channels = denoiser.parts.encoder.channels
    assert nothing.maps["estimate"].shape == (channels, 5, 7)
    x = torch.from_numpy(
        np.random.default_rng(1).standard_normal((1, channels, 5, 7)).astype(np.float32)
    )
    plain = denoiser.x0(x, 1.0, 1.0, nothing)
    assert plain.shape == x.shape and plain.dtype == torch.float32
    # The same SNR on another path is the same state.
    torch.testing.assert_close(denoiser.x0(3 * x, 3.0, 3.0, nothing), plain, rtol=1e-3, atol=1e-4)
    # The network's own part, with the level's share taken out, depends on the level and on the prompt.
    early, late = (Level(1.0, 0.5, 0.5, timestep) for timestep in (500.0, 300.0))
    out = denoiser.output(x, early, nothing)
    assert float((denoiser.output(x, late, nothing) - out).abs().max()) > 1e-6
    other = type(nothing)(nothing.maps, {**nothing.globals, "text": nothing.globals["text"] + 1})
    assert float((denoiser.output(x, early, other) - out).abs().max()) > 1e-6
    x.requires_grad_()
    (slope,) = torch.autograd.grad(denoiser.x0(x, 1.0, 1.0, nothing).sum(), x)
    assert float(slope.abs().max()) > 0


def test_patches_of_flux_are_its_tokens() -> None:
    """Token (i, j) holds the 2x2 patch there, channels first, at row i and column j; the way back is the inverse."""
    seen: dict[str, torch.Tensor] = {}

    class Network:
        class config:
            guidance_embeds = False

        def __call__(self, **given: Any) -> tuple[torch.Tensor]:
            seen.update(given)
            return (given["hidden_states"],)

    x = torch.arange(3 * 4 * 6, dtype=torch.float32).view(1, 3, 4, 6)
    given = {"text": torch.zeros(1, 5, 8), "pooled": torch.zeros(1, 8)}
    back = ARCHITECTURES["flux"].call(Network(), x, torch.tensor([250.0]), given, None)
    assert torch.equal(back, x)
    token = seen["hidden_states"][0, 1 * 3 + 2]
    assert torch.equal(token, x[0, :, 2:4, 4:6].flatten())
    assert seen["img_ids"][1 * 3 + 2].tolist() == [0, 1, 2]
    assert float(seen["timestep"]) == 0.25 and seen["guidance"] is None


@pytest.mark.parametrize(("kind", "numbers"), [("sdxl", 6), ("sdxl-refiner", 5)])
def test_sdxl_is_told_the_size(folder: Folder, opened: Opened, kind: str, numbers: int) -> None:
    ids = opened(folder(kind)).condition({}, Size(40, 56)).globals["time_ids"]
    assert ids.shape == (1, numbers) and ids[0, :4].tolist() == [40, 56, 0, 0]


def test_a_network_that_guidance_was_distilled_into_is_told_of_none(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    """As diffusers embeds a guidance of 1; left out, x0-hat is off by a per cent."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    path = shutil.copytree(folder("sd15"), tmp_path / "lcm")
    config = json.loads((path / "unet" / "config.json").read_text())
    torch.manual_seed(0)
    UNet2DConditionModel.from_config({**config, "time_cond_proj_dim": 6}).save_pretrained(
        path / "unet"
    )
    denoiser = opened(path)
    seen: dict[str, Any] = {}
    denoiser.parts.network.register_forward_pre_hook(
        lambda module, given, named: seen.update(named), with_kwargs=True
    )
    denoiser.x0(torch.ones(1, 4, 5, 7), 1.0, 1.0, denoiser.condition({}, SIZE))
    assert seen["timestep_cond"].tolist() == [[0, 0, 0, 1, 1, 1]]


class Sampler(LatentSampler):
    name = "test"


@pytest.mark.parametrize(
    ("kind", "change", "most"),
    [
        ("flux", {}, None),
        ("flux", {"guidance_embeds": False}, 4),
        ("sd15", {}, None),
        ("sd15", {"_class_name": "LCMScheduler"}, 4),
    ],
)
def test_distilled_models_are_asked_for_few_steps_without_guidance(
    folder: Folder,
    opened: Opened,
    tmp_path: Path,
    kind: str,
    change: dict[str, Any],
    most: int | None,
) -> None:
    """Unless the user says how many."""
    path = shutil.copytree(folder(kind), tmp_path / "model")
    scheduler = path / "scheduler" / "scheduler_config.json"
    config = json.loads(scheduler.read_text())
    if "guidance_embeds" in change:  # as FLUX.1 [schnell] is saved
        from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

        about = json.loads((path / "transformer" / "config.json").read_text())
        torch.manual_seed(0)
        made = FluxTransformer2DModel.from_config({**about, **change})
        made.save_pretrained(path / "transformer")
        scheduler.write_text(json.dumps({**config, "use_dynamic_shifting": False}))
    else:
        scheduler.write_text(json.dumps({**config, **change}))
    assert opened(path).most == most
    model = ModelStore().find(str(path))
    options = (steps(8), replace(GUIDANCE, default=1.5), TILE)
    for given, due in (
        ({}, (4, 1.0) if most else (8, 1.5)),
        ({"steps": 6, "guidance": 2.0}, (6, 2.0)),
    ):
        sampler = Sampler(Setup(Run(), check_options("test", options, given), model))
        assert (sampler.steps, sampler.guidance) == due
