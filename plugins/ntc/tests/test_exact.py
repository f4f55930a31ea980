"""The preview in whole numbers: near the preview, and the same in whatever order sums are taken."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gcodec
from gcodec.entropy.integers import MEAN_BITS
from gcodec.errors import InvalidArgument
from gcodec.interfaces import Setup, Size
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec.testing import pictures
from gcodec_ntc.bands import reach_of
from gcodec_ntc.embedding import Ntc
from gcodec_ntc.exact import MATRICES, Lapped, Networks, linear, power

sys.path.append(str(Path(__file__).parent))

import text_exact
from text_ntc import ROOT, Reader

Tensors = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    return dict(Run().models.find("base/ntc").tensors())


def latents(height: int, width: int, strong: float = 4.0) -> NDArray[np.int32]:
    """int32 [h, w, 320] in 1/16 steps, few of them large."""
    rng = np.random.default_rng(1)
    made = rng.laplace(size=(height, width, 320)) * strong / (1 + np.arange(320) / 20)
    return np.rint(made * (1 << MEAN_BITS)).astype(np.int32)


@pytest.mark.parametrize("quality", [0.0, 0.4, 0.7, 0.9, 1.0])
def test_it_is_the_preview_rounded(quality: float) -> None:
    pixels = gcodec.Picture.from_array(pictures.photograph(37, 50)).pixels
    model = Run().models.find("base/ntc_range")
    ntc, size = Ntc(Setup(Run(), {"effort": 0}, model)), Size(37, 50)
    layers = ntc.encode(ntc.analyse(pixels), quality)
    (preview,) = ntc.decode(layers, size)
    found = ntc.exact(layers, size)
    assert found is not None
    assert found.dtype == np.uint8
    assert np.abs(255 * preview.pixels - found).max() < 0.53  # type: ignore[attr-defined]


def test_the_order_of_sums_makes_no_difference(tensors: Tensors) -> None:
    """Hidden units in another order are other sums to a library: not one bit differs, before rounding."""
    blocks = [f"latent_blocks.{i}" for i in range(reach_of(tensors)[0])]
    order = np.random.default_rng(2).permutation(len(tensors["synthesis.squeeze.bias"]))
    mixed = dict(tensors)
    for name in ("squeeze", *blocks):
        mixed[f"synthesis.{name}.weight"] = mixed[f"synthesis.{name}.weight"][order]
        mixed[f"synthesis.{name}.bias"] = mixed[f"synthesis.{name}.bias"][order]
    mixed["synthesis.squeeze_q"] = mixed["synthesis.squeeze_q"][:, order]
    for name in ("expand", *blocks):
        mixed[f"synthesis.{name}.weight"] = mixed[f"synthesis.{name}.weight"][:, order]
    y = latents(4, 5)
    for level in (0, 77, 255):
        made, again = (
            network.samples(network.coefficients(y, level), level)
            for network in (Networks(tensors), Networks(mixed))
        )
        assert np.array_equal(made, again)
        assert made.std() > 5


@pytest.mark.parametrize(("height", "width"), [(16 * 13 - 5, 33), (16 * 11, 1), (39, 16 * 9 - 15)])
def test_bands_of_any_height_are_the_whole(tensors: Tensors, height: int, width: int) -> None:
    h, w = -(-height // 16), -(-width // 16)
    y, networks = latents(h, w, 40.0), Networks(tensors)
    whole = networks(y, 200, height, width)
    assert whole.std() > 20
    for rows in ((1, 1), (2, 3), (5, 2), (1, h), (h - 1, 1)):
        positions = (rows[0] * w, rows[1] * w)
        assert np.array_equal(networks(y, 200, height, width, positions), whole)


def test_so_are_those_of_the_linear_mode() -> None:
    found = Run().models.find("base/ntc_range").tensors()
    matrices = {name: found[f"linear.{name}"] for name in MATRICES}
    y = np.random.default_rng(3).integers(-40, 40, (3, 16, 16, 7 * 3)).astype(np.int16)
    whole = linear(matrices, y, 60, 16 * 7 - 9, 47)
    assert whole.std() > 20
    for rows in (1, 2, 6):
        assert np.array_equal(linear(matrices, y, 60, 16 * 7 - 9, 47, 3 * rows), whole)


def test_latents_of_any_size_make_a_picture(tensors: Tensors) -> None:
    for strong in (1e-9, 1e6):
        made = Networks(tensors)(latents(2, 2, strong), 128, 32, 32)
        assert made.shape == (3, 32, 32)


def test_powers_of_two_are_those_of_mathematics() -> None:
    for exponent in (-700001, -65536, -1, 0, 1, 40000, 65535, 65536, 700001):
        wanted = Decimal(2) ** (Decimal(exponent) / 65536)
        assert abs(Decimal(power(exponent)) / wanted - 1) < Decimal(2) ** -15
    assert [power(0), power(-3 << 16), power(5 << 16)] == [1, 0.125, 32]


@pytest.mark.parametrize("name", ["squeeze", "latent_blocks.2", "gather", "spread_out"])
def test_a_layer_whose_sums_might_round_is_named(tensors: Tensors, name: str) -> None:
    weight = tensors[f"synthesis.{name}.weight"].astype(np.float32) * 60000
    with pytest.raises(InvalidArgument, match=name):
        Networks({**tensors, f"synthesis.{name}.weight": weight})


def test_so_is_a_transform(tensors: Tensors) -> None:
    dct, post, colour = (tensors[f"synthesis.{name}"] for name in ("dct", "post", "colour"))
    with pytest.raises(InvalidArgument, match="lapped"):
        Lapped(dct, post * 30, colour)


@pytest.mark.parametrize("name", ["photo", "range-photo", "one-sample", "linear-photo"])
def test_the_text_says_the_same(name: str) -> None:
    data = (ROOT / "spec" / "vectors" / "embeddings" / "ntc" / f"{name}.gcx").read_bytes()
    stage1, store = open_stage1(data), Run().models
    size, (layer,) = stage1.file.header.size, stage1.main.layers
    if layer[0] == 255:
        tensors = store.find("base/ntc_range").tensors()
        symbols = np.frombuffer(stage1.main.embedding.symbols([layer], size)[3:], "<i2")
        h, w = (-(-side // 16) for side in size)
        wanted = text_exact.linear(tensors, layer[2], symbols.reshape(3, 16, 16, h, w), *size)
    else:
        folder = store.find("base/ntc").folder
        level, _, y, _ = Reader(folder).symbols(layer, *size)
        wanted = text_exact.networks(store.find("base/ntc").tensors(), level, y, *size)
    assert np.array_equal(stage1.main.embedding.exact([layer], size), wanted)
