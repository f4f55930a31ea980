"""Precision and memory: what the options do to diffusers' networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gcodec.errors import UnusablePlugin
from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.signals import Signal
from gcodec_diffusers import components, spaces, tiny
from gcodec_diffusers.known import KnownDenoiser

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]
Least = Callable[[KnownDenoiser, Size], dict[str, Signal]]
SIZE = Size(40, 56)
UNETS = ("sd15", "sd21", "perco", "sdxl", "sdxl-refiner")


def answer(denoiser: KnownDenoiser, least: Least) -> torch.Tensor:
    x = torch.ones(1, denoiser.parts.encoder.channels, 5, 7)
    return denoiser.x0(x, 1.0, 1.0, denoiser.condition(least(denoiser, SIZE), SIZE))


@pytest.mark.parametrize("memory", ["low", "least"])
@pytest.mark.parametrize("kind", list(tiny.KINDS))
def test_less_memory_changes_nothing_but_rounding(
    folder: Folder, opened: Opened, least: Least, kind: str, memory: str
) -> None:
    """Attention in slices, where the network's class can; the autoencoder in tiles."""
    plain, spare = opened(folder(kind)), opened(folder(kind), memory=memory)
    expected = answer(plain, least)
    torch.testing.assert_close(answer(spare, least), expected, rtol=1e-4, atol=1e-4)
    assert spare.parts.encoder.tiled and spare.parts.encoder.network.use_slicing
    assert not plain.parts.encoder.tiled and not plain.parts.encoder.network.use_slicing
    for denoiser, sliced in ((plain, False), (spare, kind in UNETS)):
        processors = denoiser.parts.network.attn_processors.values()
        assert {"Sliced" in type(p).__name__ for p in processors} == {sliced}


def test_a_large_latent_is_decoded_in_tiles(
    folder: Folder, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = opened(folder("sd15"), memory="low").parts.encoder
    tiled, sizes = space.network.tiled_decode, []

    def spy(z: torch.Tensor, *rest: Any, **more: Any) -> Any:
        sizes.append(tuple(z.shape[2:]))
        return tiled(z, *rest, **more)

    monkeypatch.setattr(space.network, "tiled_decode", spy)
    z = np.random.default_rng(0).standard_normal((4, 33, 40)).astype(np.float32)
    whole = opened(folder("sd15")).parts.encoder.decode(z, Size(264, 320))
    pieces = space.decode(z, Size(264, 320))
    assert sizes == [(33, 40)]
    assert pieces.shape == whole.shape and not np.array_equal(pieces, whole)


def test_a_very_large_picture_goes_through_in_tiles_whatever_memory_there_is(
    folder: Folder, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one piece 24 megapixels would take tens of gigabytes."""
    space = opened(folder("sd15")).parts.encoder
    pixels = np.random.default_rng(0).random((3, 264, 320)).astype(np.float32)
    whole = space.encode(pixels)
    picture = space.decode(whole, Size(264, 320))
    called: list[str] = []
    for name in ("tiled_encode", "_tiled_encode", "tiled_decode"):
        if (work := getattr(space.network, name, None)) is not None:
            monkeypatch.setattr(
                space.network, name, lambda *a, n=name, w=work, **k: called.append(n) or w(*a, **k)
            )
    monkeypatch.setattr(spaces, "_WHOLE", 264 * 320 - 1)
    tiled = space.encode(pixels)
    assert tiled.shape == whole.shape and not np.array_equal(tiled, whole)
    assert not np.array_equal(space.decode(whole, Size(264, 320)), picture)
    assert {name.strip("_") for name in called} == {"tiled_encode", "tiled_decode"}
    monkeypatch.undo()
    np.testing.assert_array_equal(space.encode(pixels), whole)


@pytest.mark.parametrize("kind", list(tiny.KINDS))
def test_bfloat16_reaches_the_networks(
    folder: Folder, opened: Opened, least: Least, kind: str
) -> None:
    half, whole = opened(folder(kind), dtype="bfloat16"), opened(folder(kind))
    assert half.parts.network.dtype == half.parts.encoder.network.dtype == torch.bfloat16
    found, expected = answer(half, least), answer(whole, least)
    assert found.dtype == torch.float32 and not torch.equal(found, expected)
    assert float((found - expected).abs().max()) < 0.1 * float(expected.abs().max())


def test_float16_reaches_the_network_and_spares_the_autoencoder(
    folder: Folder, opened: Opened, least: Least
) -> None:
    """float16 overflows in published autoencoders."""
    half, whole = opened(folder("sd21"), dtype="float16"), opened(folder("sd21"))
    assert half.parts.network.dtype == torch.float16
    assert half.parts.encoder.network.dtype == torch.float32
    found, expected = answer(half, least), answer(whole, least)
    assert float((found - expected).abs().max()) < 0.02 * float(expected.abs().max())


def loaded(path: Path, memory: str) -> Any:
    """The U-Net of a folder for a GPU, whether there is one or not."""
    model = ModelStore().find(str(path))
    network = "diffusers.models.unets.unet_2d_condition:UNet2DConditionModel"
    return components._network(model, "unet", network, "cuda", "float32", memory)


def test_layers_wait_on_the_cpu_where_memory_is_least(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """diffusers' group offloading is asked for, with the device of the run; without accelerate it says what to install."""
    import diffusers.hooks.group_offloading as hooks
    import diffusers.utils.import_utils as imports

    asked: list[tuple[Any, ...]] = []

    def spy(network: Any, *devices: torch.device, offload_type: str) -> None:
        asked.append((next(network.parameters()).device.type, *devices, offload_type))

    monkeypatch.setattr(hooks, "apply_group_offloading", spy)
    monkeypatch.setattr(components, "torch_device", torch.device)
    monkeypatch.setattr(imports, "is_accelerate_available", lambda: True)
    components._network.cache_clear()
    # What it loads with asks for accelerate itself, which need not be here.
    monkeypatch.setattr(components, "load_unet", lambda *how: torch.nn.Linear(1, 1))
    loaded(folder("sd15"), "least")
    assert asked == [("cpu", torch.device("cuda"), torch.device("cpu"), "leaf_level")]
    components._network.cache_clear()
    monkeypatch.setattr(imports, "is_accelerate_available", lambda: False)
    with pytest.raises(UnusablePlugin, match=r"pip install gcodec-diffusers\[offload\]"):
        loaded(folder("sd15"), "least")
    assert len(asked) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("kind", list(tiny.KINDS))
def test_on_a_gpu_layers_come_when_they_are_called(
    folder: Folder, opened: Opened, least: Least, kind: str
) -> None:
    pytest.importorskip("accelerate")
    spare = opened(folder(kind), device="cuda", memory="least")
    assert {p.device.type for p in spare.parts.network.parameters()} == {"cpu"}
    x = torch.ones(1, spare.parts.encoder.channels, 5, 7, device="cuda")
    found = spare.x0(x, 1.0, 1.0, spare.condition(least(spare, SIZE), SIZE))
    torch.testing.assert_close(
        found.cpu(), answer(opened(folder(kind)), least), rtol=1e-2, atol=1e-2
    )
