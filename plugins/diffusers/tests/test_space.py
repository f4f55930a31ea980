"""The latent space: how much survives, and that its encoder is the linear map it is said to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from gcodec.errors import ModelDamaged, UnknownNetwork
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore, folder_digest
from gcodec.models.networks import open_denoiser, open_space
from gcodec.pictures import psnr
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_diffusers.adapters import latent_to_preview, preview_to_latent
from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.space import LappedSpace

FloatArray = NDArray[np.float32]


def size_of(pixels: FloatArray) -> Size:
    return Size(*pixels.shape[1:])


def test_a_photograph_survives_the_round_trip(space: LappedSpace, photo: FloatArray) -> None:
    assert psnr(photo, space.decode(space.encode(photo), size_of(photo))) > 33


def test_latents_have_about_unit_variance(space: LappedSpace, photo: FloatArray) -> None:
    assert 0.2 < float(np.square(space.encode(photo)).mean()) < 3


def test_the_encoder_is_linear(space: LappedSpace, photo: FloatArray) -> None:
    """What adapters and denoisers assume of a preview's error: it arrives as it is, whatever the picture."""
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(photo.shape).astype(np.float32)
    flat = np.full_like(photo, 0.5)
    seen = space.encode(photo + noise) - space.encode(photo)
    alone = space.encode(flat + noise) - space.encode(flat)
    np.testing.assert_allclose(seen, alone, atol=2e-4)


@pytest.mark.parametrize("size", [Size(1, 1), Size(7, 9), Size(8, 8), Size(65, 31)])
def test_any_size(space: LappedSpace, photo: FloatArray, size: Size) -> None:
    """The picture's own samples come back at sides that are no multiple of 8, and those beyond are cut off."""
    pixels = np.ascontiguousarray(photo[:, : size.height, : size.width])
    latent = space.encode(pixels)
    assert latent.shape == (space.channels, -(-size.height // 8), -(-size.width // 8))
    decoded = space.decode(latent, size)
    assert decoded.shape == pixels.shape
    assert psnr(pixels, decoded) > 24


def test_a_tile_decodes_as_the_whole_does(space: LappedSpace, photo: FloatArray) -> None:
    """Nothing is normalised over the image: well inside a tile its surroundings do not matter."""
    latent = space.encode(photo)
    whole = space.decode(latent, size_of(photo))
    part = space.decode(np.ascontiguousarray(latent[:, :, 4:]), Size(192, 224))
    inside = np.s_[:, 96:, 128:]
    np.testing.assert_allclose(whole[:, :, 32:][inside], part[inside], atol=2e-3)


def test_half_precision_shows_in_no_sample(space: LappedSpace, photo: FloatArray) -> None:
    half = LappedSpace(space.network, Run(dtype="bfloat16"), {"space": "base", "ceiling": 0.0})
    latent = space.encode(photo)
    assert psnr(*(s.decode(latent, size_of(photo)) for s in (space, half))) > 48


def test_adapters_state_their_error(space: LappedSpace, photo: FloatArray) -> None:
    """The squared error that comes with a preview from a latent is the true one, within a factor of 2."""
    model = ModelStore.installed().find("base/autoencoder")
    setup, size = Setup(Run(), {}, model), size_of(photo)
    latent = preview_to_latent(Preview(photo, 0.0), size, setup)
    for step in (0.0, 0.5, 1.5):
        values = latent.values if step == 0 else np.round(latent.values / step) * step
        preview = latent_to_preview(type(latent)(values, "base", step), size, setup)
        true = float(np.square(preview.pixels - photo).mean())
        assert true / 2 < preview.mse < true * 2 or step == 0
        assert true < 2 * preview.mse


def test_it_begins_at_the_principal_components() -> None:
    """On images of few components an untrained network is already lossless."""
    rng = np.random.default_rng(1)
    basis = torch.from_numpy(rng.standard_normal((5, 3, 8, 8)).astype(np.float32)) / 30
    weights = torch.from_numpy(rng.standard_normal((4, 5, 6, 6)).astype(np.float32))
    blocks = torch.einsum("ncij,cpyx->npiyjx", weights, basis).reshape(4, 3, 48, 48)
    images = (blocks + 1) / 2
    network = LappedAutoencoder(5, width=8, blocks=0, fine_width=8, fine_blocks=0)
    network.start_linear(images)
    with torch.no_grad():
        assert float((network(images) - images).abs().max()) < 1e-3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped autoencoder, to be spoilt."""
    source = ModelStore.installed().find("base/autoencoder").folder
    for name in ("config.json", "diffusion_pytorch_model.safetensors"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    return tmp_path


def spoilt(folder: Path) -> Model:
    return Model("spoilt", folder_digest(folder), folder)


def edit(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def test_a_missing_tensor_is_refused(folder: Path) -> None:
    path = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["refine.bias"]
    save_file(tensors, path)
    with pytest.raises(ModelDamaged, match=r"refine\.bias"):
        open_space(spoilt(folder), Run())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gcodec": None}, "space, ceiling"),
        ({"gcodec": {"space": "base"}}, "ceiling"),
        ({"width": 64}, "size mismatch"),
        ({"depth": 3}, "depth"),
        ({"_class_name": None}, "names no class"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    edit(folder, **changes)
    with pytest.raises(ModelDamaged, match=message):
        open_space(spoilt(folder), Run())


def test_another_kind_of_network_is_named(folder: Path) -> None:
    with pytest.raises(UnknownNetwork, match="LappedAutoencoder, which no installed plugin"):
        open_denoiser(spoilt(folder), Run())
    edit(folder, _class_name="AutoencoderOfTomorrow")
    with pytest.raises(UnknownNetwork, match="AutoencoderOfTomorrow"):
        open_space(spoilt(folder), Run())
