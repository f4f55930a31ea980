"""Every family against diffusers' own pipeline, scheduler and loaders, at every step of a run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from gcodec.errors import ModelDamaged, ModelError
from gcodec.interfaces import Size
from gcodec.signals import Preview
from gcodec_diffusers.driven import DrivenDenoiser
from gcodec_diffusers.families import DRIVEN
from gcodec_diffusers.tiny_families import TINY

pytestmark = [
    pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed"),
    # Deprecations within transformers and diffusers are theirs.
    pytest.mark.filterwarnings("default"),
]

Folder = Callable[[str], Path]
Opened = Callable[..., DrivenDenoiser]


def test_every_family_is_tried() -> None:
    assert set(TINY) == {family.name for family in DRIVEN}


@pytest.mark.parametrize("name", TINY)
def test_x0_and_what_the_network_is_told_are_those_of_diffusers(
    folder: Folder, opened: Opened, name: str
) -> None:
    from family_oracle import LIMITS, compare

    found = compare(opened(folder(name)), folder(name))
    assert found.x0 < LIMITS.get(name, 1e-6)
    assert found.told < 2e-6


@pytest.mark.parametrize("name", TINY)
def test_sides_that_do_not_fit_are_continued_and_gradients_pass(
    folder: Folder, opened: Opened, name: str
) -> None:
    denoiser = opened(folder(name))
    factor, channels = denoiser.published.factor, denoiser.published.channels
    if name == "DiTPipeline":
        pytest.skip("it makes pictures of one size")
    h, w = 3, 5
    condition = denoiser.condition({}, Size(h * factor - 1, w * factor - 2))
    assert condition.maps["estimate"].shape == (channels, h, w)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((1, channels, h, w))).float()
    plain = denoiser.x0(x, 1.0, 1.0, condition)
    assert plain.shape == x.shape and plain.dtype == torch.float32 and not plain.requires_grad
    # The same SNR on another path is the same state.
    torch.testing.assert_close(denoiser.x0(3 * x, 3.0, 3.0, condition), plain, rtol=1e-3, atol=1e-4)
    assert float((denoiser.x0(x, 1.0, 0.3, condition) - plain).abs().max()) > 1e-6
    x.requires_grad_()
    (slope,) = torch.autograd.grad(denoiser.x0(x, 1.0, 1.0, condition).sum(), x)
    assert float(slope.abs().max()) > 0


def test_a_preview_pulls_and_without_text_encoders_no_caption_is_seen(
    folder: Folder, opened: Opened
) -> None:
    denoiser = opened(folder("QwenImagePipeline"))
    size = Size(32, 48)
    pixels = np.random.default_rng(2).random((3, *size)).astype(np.float32)
    given = denoiser.condition({"preview": Preview(pixels, 1e-7)}, size)
    pulled = denoiser.x0(torch.zeros(1, 4, 4, 6), 0.01, 1.0, given)
    due = torch.from_numpy(denoiser.published.encode(pixels))
    assert float((pulled[0] - due).abs().max()) < 0.1 * float(due.abs().max())
    assert denoiser.sees == ("preview", f"latent/{denoiser.published.name}")


@pytest.mark.parametrize("name", ["Flux2KleinPipeline", "Flux2Pipeline"])
def test_distilled_models_tell_their_steps(folder: Folder, opened: Opened, name: str) -> None:
    assert bool(opened(folder(name)).few) == (name == "Flux2KleinPipeline")


def test_a_picture_of_a_size_that_a_family_does_not_make_is_refused_in_a_line(
    folder: Folder, opened: Opened, capfd: pytest.CaptureFixture[str]
) -> None:
    denoiser = opened(folder("DiTPipeline"))
    condition = denoiser.condition({}, Size(64, 128))
    capfd.readouterr()
    with pytest.raises(ModelError, match="DiTPipeline cannot run for 128x64 samples") as caught:
        denoiser.x0(torch.ones(1, 4, 8, 16), 1.0, 1.0, condition)
    assert caught.value.exit_status == 9 and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_pipeline_of_two_networks_is_refused(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    """As Wan 2.2 has them: one of them alone would do for a part of the way."""
    path = shutil.copytree(folder("WanPipeline"), tmp_path / "model")
    index = json.loads((path / "model_index.json").read_text())
    second = {"transformer_2": index["transformer"], "boundary_ratio": 0.875}
    (path / "model_index.json").write_text(json.dumps({**index, "transformer_2": [None, None]}))
    assert opened(path).family.name == "WanPipeline"
    (path / "model_index.json").write_text(json.dumps({**index, **second}))
    with pytest.raises(ModelDamaged, match="a second network, transformer_2"):
        opened(path)


def test_a_scheduler_of_another_path_is_refused(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    """The pipeline's call would set its timesteps by what a scheduler of its own path takes."""
    path = shutil.copytree(folder("ZImagePipeline"), tmp_path / "model")
    config = path / "scheduler/scheduler_config.json"
    for name, found in (("EDMEulerScheduler", "edm"), ("LCMScheduler", "diffusion")):
        config.write_text(json.dumps({"_class_name": name}))
        with pytest.raises(ModelDamaged, match=f"path of flow, and {name} is of that of {found}"):
            opened(path)
