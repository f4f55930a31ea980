"""The latent space of an AutoencoderKL: its units, and its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_space, place_of
from gcodec.run import Run
from gcodec_diffusers.known import KnownDenoiser

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]


def test_latents_are_shifted_and_scaled(folder: Folder) -> None:
    """(mean - shift) * scale there, the inverse back, as diffusers' pipelines do it."""
    path = folder("sd3")
    space = open_space(ModelStore().find(str(path)), Run())
    config = json.loads((path / "vae" / "config.json").read_text())
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(path / "vae", low_cpu_mem_usage=False)
    pixels = np.random.default_rng(4).random((3, 16, 24)).astype(np.float32)
    with torch.no_grad():
        mean = vae.encode(torch.from_numpy(2 * pixels - 1)[None]).latent_dist.mean[0]
        expected = (mean - config["shift_factor"]) * config["scaling_factor"]
        back = (vae.decode(mean[None]).sample[0] / 2 + 0.5).clamp(0, 1)
    np.testing.assert_allclose(space.encode(pixels), expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(
        space.decode(expected.numpy(), Size(16, 24)), back.numpy(), atol=1e-4
    )


def test_a_space_is_named_by_what_decides_its_latents(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    path = shutil.copytree(folder("sd15"), tmp_path / "copy")

    def name() -> str:
        place = place_of(ModelStore().find(str(path)), ModelStore())
        assert place is not None
        alone = place_of(ModelStore().find(str(path / "vae")), ModelStore())
        assert alone is not None and alone.space == place.space and alone.denoiser is None
        return place.space

    first = name()
    assert first == opened(path).parts.encoder.name and first.startswith("kl-")
    config = path / "vae" / "config.json"
    about = json.loads(config.read_text())
    config.write_text(json.dumps({**about, "_diffusers_version": "0.99", "sample_size": 32}))
    assert name() == first
    config.write_text(json.dumps({**about, "scaling_factor": 0.5}))
    assert name() != first
    config.write_text(json.dumps(about))
    weights = path / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["decoder.conv_out.bias"] += 1
    save_file(tensors, weights, {"format": "pt"})
    assert name() != first
