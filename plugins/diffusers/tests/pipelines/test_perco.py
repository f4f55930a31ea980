"""PerCo(SD): tokens by the hyper-encoder, and the U-Net that sees them beside x_t."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from gcodec.errors import InvalidArgument, ModelDamaged, UsageError
from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_codebook, place_of
from gcodec.run import Run
from gcodec.signals import Preview, Tokens
from gcodec_diffusers import tiny
from gcodec_diffusers.adapters import tokens_by_denoiser
from gcodec_diffusers.hyper import HyperEncoder
from gcodec_diffusers.known import KnownDenoiser
from gcodec_diffusers.layout import HYPER_ENCODER
from gcodec_diffusers.tokens import HyperCodebook

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]
FloatArray = NDArray[np.float32]
SIZE = Size(40, 56)
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def perco(folder: Folder, opened: Opened) -> KnownDenoiser:
    return opened(folder("perco"))


@pytest.fixture(scope="module")
def book(perco: KnownDenoiser) -> HyperCodebook:
    assert perco.parts.codebook is not None
    return perco.parts.codebook


def latent(*shape: int) -> FloatArray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def given(book: HyperCodebook, indices: NDArray[np.int32]) -> dict[str, Tokens]:
    return {f"tokens/{book.name}": Tokens(indices, book.name)}


def indices(book: HyperCodebook) -> NDArray[np.int32]:
    """Of a picture of SIZE, whose latent is 5x7."""
    return np.random.default_rng(8).integers(book.entries, size=(3, 4), dtype=np.int32)


def test_no_token_stands_for_a_latent_that_is_no_number(
    perco: KnownDenoiser, book: HyperCodebook
) -> None:
    values = latent(book.network.channels, 8, 8)
    values[1, 2, 3] = np.inf
    with pytest.raises(InvalidArgument, match="not finite"):
        book.quantize(values)


@pytest.mark.parametrize(("grid", "numbers"), [(64, 4_080_128), (8, 5_868_032)])
def test_the_published_network_has_as_many_parameters_as_its_authors_count(
    grid: int, numbers: int
) -> None:
    """The hyper-encoder of 0.125 bpp and that of 0.0019 bpp, before the quantizer."""
    with torch.device("meta"):
        made = HyperEncoder(cfg_ss=grid)
    assert sum(p.numel() for p in made.backbone.parameters()) == numbers
    names = set(made.state_dict())
    assert {
        "backbone.0.weight",
        "backbone.1.layers.4.bias",
        "backbone.8.conv_a.2.conv.2.weight",
        "backbone.14.conv_b.3.weight",
        "quantizer.project_in.weight",
        "quantizer.project_out.bias",
        "quantizer._codebook.embed",
    } <= names
    assert made.quantizer._codebook.embed.shape == (1, 256, 32)


@pytest.mark.parametrize(("grid", "stride"), [(64, 1), (32, 2), (16, 4), (8, 8)])
@pytest.mark.parametrize("by", ["cosine", "distance"])
def test_a_token_is_the_nearest_entry(grid: int, stride: int, by: str) -> None:
    """On each grid, at sides that are no multiples: as a codebook of either kind was trained."""
    torch.manual_seed(grid)
    network = HyperEncoder(N=4, M=6, codebook_dim=3, cfg_ss=grid, cfg_cs=11).requires_grad_(False)
    entries = network.quantizer._codebook.embed
    torch.testing.assert_close(entries.norm(dim=2), torch.ones(1, 11))
    z = latent(4, 45, 37)
    bottom, right = -45 % stride, -37 % stride
    whole = torch.from_numpy(np.pad(z, ((0, 0), (0, bottom), (0, right)), mode="edge"))[None]
    points = network.quantizer.project_in(network.backbone(whole)[0].permute(1, 2, 0))
    # A random encoder's points lie far off in one direction.
    middle = points.mean((0, 1))
    network.quantizer.project_in.bias -= middle
    points -= middle
    if by == "cosine":
        expected = F.cosine_similarity(points[..., None, :], entries[0], dim=-1).argmax(-1)
    else:
        entries *= float(points.norm(dim=2).mean()) * torch.linspace(0.3, 2, 11)[:, None]
        expected = (points[..., None, :] - entries[0]).norm(dim=-1).argmin(-1)
    found = HyperCodebook(network, Run(), "vq", "vae").quantize(z)
    assert found.shape == (-(-45 // stride), -(-37 // stride)) and found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 4


def test_the_network_sees_what_its_own_token_says_at_every_place(
    book: HyperCodebook, perco: KnownDenoiser
) -> None:
    chosen = indices(book)
    plane = perco.condition(given(book, chosen), SIZE).maps["tokens"]
    z = book.hyper_latent(plane)
    assert plane.shape == (5, 7) and z.shape == (book.width, 5, 7)
    quantizer = book.network.quantizer
    for y, x in ((0, 0), (1, 1), (2, 5), (4, 6)):
        entry = quantizer._codebook.embed[0, int(chosen[y // 2, x // 2])]
        expected = quantizer.project_out.weight @ entry + quantizer.project_out.bias
        torch.testing.assert_close(z[:, y, x], expected)
    window = perco.condition(given(book, chosen), SIZE).window(slice(1, 5), slice(2, 4))
    torch.testing.assert_close(book.hyper_latent(window.maps["tokens"]), z[:, 1:5, 2:4])


def test_tokens_of_the_wrong_number_or_beyond_the_codebook_are_refused(book: HyperCodebook) -> None:
    with pytest.raises(ValueError, match="where"):
        book.plane(np.zeros((3, 5), np.int32), (5, 7))
    with pytest.raises(ValueError, match="token is not one"):
        book.plane(np.full((3, 4), book.entries, np.int32), (5, 7))
    c, s = book.dequantize(indices(book), (5, 7))
    assert c.shape == (4, 5, 7) and not c.any() and (s == 1).all()


def test_the_first_layer_takes_x_t_and_then_the_hyper_latent(
    folder: Folder, opened: Opened, perco: KnownDenoiser, book: HyperCodebook, tmp_path: Path
) -> None:
    """The published folder, which keeps the layer that it replaced, and one that is saved without it are one network."""
    path = shutil.copytree(folder("perco"), tmp_path / "plain")
    weights = path / "unet" / WEIGHTS
    tensors = load_file(weights)
    extended = tensors.pop("conv_in_extended.weight"), tensors.pop("conv_in_extended.bias")
    assert tensors["conv_in.weight"].shape[1] == 4 and extended[0].shape[1] == 4 + book.width
    tensors["conv_in.weight"], tensors["conv_in.bias"] = extended
    save_file(tensors, weights, {"format": "pt"})
    config = path / "unet" / "config.json"
    about = json.loads(config.read_text())
    config.write_text(json.dumps({**about, "in_channels": 4 + book.width}))
    plain = opened(path)
    x = torch.from_numpy(latent(1, 4, 5, 7))
    condition = perco.condition(given(book, indices(book)), SIZE)
    torch.testing.assert_close(
        plain.x0(x, 1.0, 1.0, condition), perco.x0(x, 1.0, 1.0, condition), rtol=0, atol=0
    )
    # Where what it makes of z_l is nothing, tokens say nothing; and they do where it is something.
    other = perco.condition(given(book, (indices(book) + 1) % book.entries), SIZE)
    said = perco.x0(x, 1.0, 1.0, condition) - perco.x0(x, 1.0, 1.0, other)
    assert float(said.abs().max()) > 1e-3
    tensors["conv_in.weight"][:, 4:] = 0
    save_file(tensors, weights, {"format": "pt"})
    deaf = opened(shutil.copytree(path, tmp_path / "deaf"))
    torch.testing.assert_close(deaf.x0(x, 1.0, 1.0, condition), deaf.x0(x, 1.0, 1.0, other))


def test_weights_in_half_precision_and_in_shards_are_found(
    folder: Folder, opened: Opened, perco: KnownDenoiser, book: HyperCodebook, tmp_path: Path
) -> None:
    x = torch.from_numpy(latent(1, 4, 5, 7))
    expected = perco.x0(x, 1.0, 1.0, perco.condition(given(book, indices(book)), SIZE))

    def found(path: Path) -> torch.Tensor:
        denoiser = opened(path)
        return denoiser.x0(x, 1.0, 1.0, denoiser.condition(given(book, indices(book)), SIZE))

    halved = shutil.copytree(folder("perco"), tmp_path / "half") / "unet" / WEIGHTS
    tensors = load_file(halved)
    halved.unlink()
    half = {name: tensor.half() for name, tensor in tensors.items()}
    save_file(half, halved.with_suffix(".fp16.safetensors"), {"format": "pt"})
    torch.testing.assert_close(found(tmp_path / "half"), expected, rtol=0, atol=0.02)
    shards = shutil.copytree(folder("perco"), tmp_path / "shards") / "unet" / WEIGHTS
    shards.unlink()
    for number, names in enumerate((list(tensors)[::2], list(tensors)[1::2]), 1):
        shard = shards.with_stem(f"{shards.stem}-0000{number}-of-00002")
        save_file({name: tensors[name] for name in names}, shard, {"format": "pt"})
    torch.testing.assert_close(found(tmp_path / "shards"), expected, rtol=0, atol=0)


def test_without_tokens_they_are_those_of_the_estimate_or_it_says_so(
    perco: KnownDenoiser, book: HyperCodebook
) -> None:
    pixels = np.random.default_rng(3).random((3, *SIZE)).astype(np.float32)
    preview = Preview(pixels, 1e-3)
    plane = perco.condition({"preview": preview}, SIZE).maps["tokens"]
    own = book.quantize(perco.parts.encoder.encode(pixels))
    assert torch.equal(plane, book.plane(own, (5, 7)))
    both = perco.condition({"preview": preview, **given(book, indices(book))}, SIZE)
    assert torch.equal(both.maps["tokens"], book.plane(indices(book), (5, 7)))
    assert not torch.equal(both.maps["tokens"], plane)
    with pytest.raises(UsageError, match=r"sees tokens beside every x_t.*--embed perco"):
        perco.condition({}, SIZE)


def test_a_preview_of_tokens_is_what_the_network_makes_of_noise_alone(
    folder: Folder, book: HyperCodebook
) -> None:
    """Another seed gives other noise, other tokens another picture; what is expected of it is what knowing nothing is."""
    model = ModelStore().find(str(folder("perco")))

    def preview(chosen: NDArray[np.int32], seed: int = 0) -> Preview:
        setup = Setup(Run(seed=seed, models=ModelStore()), {}, model)
        return tokens_by_denoiser(Tokens(chosen, book.name), SIZE, setup)

    first, other = preview(indices(book)), preview((indices(book) + 1) % book.entries)
    assert first.pixels.shape == (3, *SIZE) and first.mse > 1e-3
    np.testing.assert_array_equal(first.pixels, preview(indices(book)).pixels)
    assert float(np.abs(first.pixels - other.pixels).max()) > 1e-3
    assert float(np.abs(first.pixels - preview(indices(book), seed=1).pixels).max()) > 1e-4


def test_the_place_says_the_codebook_and_its_name_is_that_of_the_weights(
    folder: Folder, book: HyperCodebook, tmp_path: Path
) -> None:
    path = shutil.copytree(folder("perco"), tmp_path / "copy")
    place = place_of(ModelStore().find(str(path)), ModelStore())
    assert place is not None
    (codes,) = place.codebooks
    assert codes.name == book.name and book.name.startswith("vq-") and not codes.alone
    opened = open_codebook(ModelStore().find(codes.model), Run(models=ModelStore()))
    assert (opened.name, opened.space, opened.entries) == (book.name, str(path / "vae"), 16)
    weights = path / HYPER_ENCODER / WEIGHTS
    tensors = load_file(weights)
    tensors["quantizer._codebook.embed"] += 1
    save_file(tensors, weights)
    place = place_of(ModelStore().find(str(path)), ModelStore())
    assert place is not None and place.codebooks[0].name != book.name
    plain = place_of(ModelStore().find(str(folder("sd21"))), ModelStore())
    assert plain is not None and plain.codebooks == ()


def spoilt(folder: Folder, tmp_path: Path) -> Path:
    return shutil.copytree(folder("perco"), tmp_path / "spoilt")


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        (HYPER_ENCODER, {"backbone.0.weight": None}, r"Missing key.*backbone\.0\.weight"),
        (HYPER_ENCODER, {"more": torch.ones(1)}, "Unexpected key.*more"),
        (HYPER_ENCODER, {"quantizer._codebook.embed": torch.ones(1, 15, 4)}, "size mismatch"),
        ("unet", {"conv_out.bias": None}, r"Missing key.*conv_out\.bias"),
        ("unet", {"more": torch.ones(1)}, "Unexpected key.*more"),
        ("unet", {"conv_in_extended.bias": None}, r"conv_in_extended\.bias"),
    ],
)
def test_every_tensor_has_its_place(
    folder: Folder,
    opened: Opened,
    tmp_path: Path,
    part: str,
    change: dict[str, torch.Tensor | None],
    message: str,
) -> None:
    path = spoilt(folder, tmp_path)
    weights = path / part / WEIGHTS
    tensors = {**load_file(weights), **change}
    save_file({k: v for k, v in tensors.items() if v is not None}, weights, {"format": "pt"})
    with pytest.raises(ModelDamaged, match=message):
        opened(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cfg_ss": 48}, "cfg_ss is 48"),
        ({"heads": 8}, "heads"),
        ({"M": 8}, "size mismatch"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(
    folder: Folder, opened: Opened, tmp_path: Path, change: dict[str, int], message: str
) -> None:
    path = spoilt(folder, tmp_path)
    config = path / HYPER_ENCODER / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(ModelDamaged, match=message):
        opened(path)


def test_a_hyper_encoder_belongs_to_its_pipeline(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    path = spoilt(folder, tmp_path)
    alone = shutil.copytree(path / HYPER_ENCODER, tmp_path / "alone")
    with pytest.raises(ModelDamaged, match="beside its vae"):
        open_codebook(ModelStore().find(str(alone)), Run())
    torch.manual_seed(0)
    config = {"N": 4, "M": 6, "codebook_dim": 3, "cfg_ss": 64, "cfg_cs": 5}
    save_file(HyperEncoder(**config).state_dict(), path / HYPER_ENCODER / WEIGHTS)
    about = {"_class_name": "HyperEncoder", **config}
    (path / HYPER_ENCODER / "config.json").write_text(json.dumps(about))
    with pytest.raises(ModelDamaged, match="does not make the 12 channels"):
        opened(path)
    shutil.rmtree(path / HYPER_ENCODER)
    with pytest.raises(ModelDamaged, match=r"takes 16 channels.*no folder hyper_enc"):
        opened(path)


def test_a_controlnet_beside_tokens_is_refused(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    path = spoilt(folder, tmp_path)
    other = tiny.add_controlnet("sd21", shutil.copytree(folder("sd21"), tmp_path / "other"))
    shutil.copytree(other / "controlnet", path / "controlnet")
    with pytest.raises(ModelDamaged, match="sees tokens has no controlnet"):
        opened(path)
