"""Every class of autoencoders as a latent space, against diffusers' own calls; and TAEF2, whose weights are real."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from taef2 import open_weights

import gcodec
from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models import ModelStore, _torchvision_cpu
from gcodec.models.networks import open_space, place_of
from gcodec.pictures import psnr
from gcodec.run import Run
from gcodec_diffusers import tiny, tiny_parts
from gcodec_diffusers.layout import SPACES
from gcodec_diffusers.spaces import PublishedSpace

SHARED = Path(__file__).resolve().parents[4] / ".." / "shared" / "weights" / "taef2"
PHOTO = Path(__file__).resolve().parents[4] / "tests" / "images" / "kodim23.png"


def small(**settings: Any) -> dict[str, Any]:
    blocks = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    return {**blocks, "num_encoder_blocks": (1,) * 4, "num_decoder_blocks": (1,) * 4, **settings}


def asymmetric() -> Any:
    import diffusers

    sides = {f"{side}_block_out_channels": (8, 8, 8, 16) for side in ("down", "up")}
    types: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
    }
    return diffusers.AsymmetricAutoencoderKL(**sides, **types, norm_num_groups=4)


def tiny_one(**settings: Any) -> Any:
    import diffusers

    return diffusers.AutoencoderTiny(**small(**settings))


MAKERS: dict[str, Callable[[], Any]] = {
    "AsymmetricAutoencoderKL": asymmetric,
    "AutoencoderDC": tiny_parts.dc_vae,
    "AutoencoderKL": lambda: tiny.autoencoder(16),
    "AutoencoderKLFlux2": tiny_parts.flux2_vae,
    "AutoencoderKLHunyuanImage": tiny_parts.hunyuan_vae,
    "AutoencoderKLQwenImage": lambda: tiny_parts.video_vae("AutoencoderKLQwenImage"),
    "AutoencoderKLWan": lambda: tiny_parts.video_vae("AutoencoderKLWan"),
    "AutoencoderTiny": lambda: tiny_one(latent_channels=5, scaling_factor=0.8, shift_factor=0.1),
    "VQModel": tiny_parts.movq,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("spaces")
    _torchvision_cpu.install()

    def make(name: str) -> Path:
        if not (root / name).exists():
            torch.manual_seed(0)
            MAKERS[name]().save_pretrained(root / name)
        return root / name

    return make


def opened(path: Path) -> PublishedSpace:
    made = open_space(ModelStore().find(str(path)), Run())
    assert isinstance(made, PublishedSpace)
    return made


def test_every_class_is_tried() -> None:
    assert set(MAKERS) == set(SPACES)


@pytest.mark.parametrize("name", MAKERS)
def test_a_latent_is_that_of_the_library_and_leads_back(
    folder: Callable[[str], Path], name: str
) -> None:
    space = opened(folder(name))
    network, f = space.network, space.factor
    size = Size(2 * f - 1, 3 * f)
    pixels = np.random.default_rng(1).random((3, *size)).astype(np.float32)
    latent = space.encode(pixels)
    assert latent.shape == (space.channels, 2, 3) and latent.dtype == np.float32
    x = torch.from_numpy(np.pad(pixels, ((0, 0), (0, 1), (0, 0)), mode="edge"))[None] * 2 - 1
    frames = name in ("AutoencoderKLQwenImage", "AutoencoderKLWan")
    with torch.no_grad():
        made = network.encode(x[:, :, None] if frames else x)
    z = next(
        getattr(made, key) for key in ("latent_dist", "latents", "latent") if hasattr(made, key)
    )
    z = z.mode() if hasattr(z, "mode") and not isinstance(z, torch.Tensor) else z
    torch.testing.assert_close(space.raw(torch.from_numpy(latent)[None]), z, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        due = network.decode(z).sample if name != "VQModel" else None
    if due is not None:
        due = ((due[:, :, 0] if frames else due)[0, :, : size.height] + 1) / 2
        np.testing.assert_allclose(space.decode(latent, size), due.clamp(0, 1), atol=1e-4)
    point = torch.from_numpy(latent)[None].requires_grad_()
    (slope,) = torch.autograd.grad(space.render(point).sum(), point)
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize("name", MAKERS)
def test_its_name_says_the_class_and_changes_with_what_counts(
    folder: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    def named(path: Path) -> str:
        place = place_of(ModelStore().find(str(path)), ModelStore())
        assert place is not None
        return place.space

    first = named(folder(name))
    assert first.startswith(SPACES[name] + "-") and first == opened(folder(name)).name
    moved = shutil.copytree(folder(name), tmp_path / "moved")
    assert named(moved) == first
    config = moved / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "scaling_factor": 0.123}))
    assert named(moved) != first


@pytest.mark.parametrize("name", ["AutoencoderTiny", "AsymmetricAutoencoderKL"])
def test_a_pipeline_with_another_autoencoder_codes_a_picture(tmp_path: Path, name: str) -> None:
    path = tiny.make("sd15", tmp_path / "model")
    shutil.rmtree(path / "vae")
    torch.manual_seed(0)
    (tiny_one() if name == "AutoencoderTiny" else asymmetric()).save_pretrained(path / "vae")
    pixels = np.random.default_rng(2).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    with gcodec.Session(models=[path]) as session:
        (made,) = session.encode(
            [gcodec.Picture.from_array(pixels)],
            "diffc",
            model=str(path),
            target=gcodec.Target(bytes=60),
        )
        (decoded,) = session.decode([made.data], "mse", model=str(path))
    assert decoded.picture.pixels.shape == (3, 90, 120)


def test_an_autoencoder_of_another_class_is_refused(tmp_path: Path) -> None:
    path = tiny.make("sd15", tmp_path / "model")
    config = path / "vae" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "_class_name": "AutoencoderX"}))
    with pytest.raises(ModelDamaged, match=r"AutoencoderX.*known are .*AutoencoderKL"):
        place_of(ModelStore().find(str(path)), ModelStore())


@pytest.mark.skipif(not SHARED.is_dir(), reason="TAEF2's weights are not here")
def test_the_real_weights_of_taef2_lead_there_and_back() -> None:
    picture = gcodec.load_image(PHOTO)
    pixels = np.ascontiguousarray(picture.pixels[:, :256, :384])
    space = open_weights(SHARED)
    latent = space.encode(pixels)
    assert latent.shape == (32, 32, 48) and 0.3 < float(latent.std()) < 3
    assert psnr(space.decode(latent, Size(256, 384)), pixels) > 30
