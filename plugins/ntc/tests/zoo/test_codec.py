"""Models of the zoo as codecs: round trips, sizes, rates, damage."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from zoo_checkpoints import FAMILIES, sizes, state

from gcodec.errors import PayloadError
from gcodec.testing.damage import refused
from gcodec_ntc.bands import bands
from gcodec_ntc.zoo import networks
from gcodec_ntc.zoo.codec import ZooCodec

TRAINED = 128  # the level whose bin width is 1
SIZE = (150, 200)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * math.log10(float(np.mean((a - b) ** 2)))


@pytest.mark.parametrize("level", [0, TRAINED, 255])
def test_what_is_read_is_what_was_chosen(codec: ZooCodec, picture, level) -> None:
    analysed = codec.analyse(picture)
    payload = codec.encode(analysed, level)
    found, mse, z, y = codec.read(payload, *SIZE)
    assert found == level
    if analysed.z is not None:
        assert np.array_equal(z, analysed.z)
    # Every latent is the nearest to the original of those that the bin width allows.
    assert np.abs(y - analysed.y).max() <= codec.prior.step(level) / 2 + 1
    preview = codec.synthesise(y, level, *SIZE)
    assert preview.shape == picture.shape and preview.dtype == np.float32
    assert psnr(preview, picture) == pytest.approx(-10 * math.log10(mse), abs=0.13)
    assert codec.size(analysed, level) == len(payload)
    assert codec.encode(codec.analyse(picture.copy()), level) == payload


@pytest.mark.parametrize("family", FAMILIES)
def test_the_trained_quality_rounds_and_costs_as_the_model_was_trained(
    codec_of, family, picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Symbols are rounded differences from means or medians, within 1 % of the bits that the densities give them."""
    codec, weights = codec_of(family), state(family)
    prior = codec.prior
    analysed = codec.analyse(picture)
    payload = codec.encode(analysed, TRAINED)
    expected = codec.read(payload, *SIZE)[3]
    gaussians: list[np.ndarray] = []
    batches: list[tuple[np.ndarray, ...]] = []
    given = prior._gaussians

    def recorded(made: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
        gaussians.append(made)
        return given(made, level)

    def visit(where: np.ndarray, mean: np.ndarray, index: np.ndarray) -> np.ndarray:
        chosen = analysed.y.reshape(-1, mean.shape[1])[where]
        batches.append((where, mean, np.rint((chosen - mean) / 4096)))
        return batches[-1][2].astype(np.int32)

    monkeypatch.setattr(prior, "_gaussians", recorded)
    y = prior.latents(TRAINED, analysed.told, *analysed.y.shape[:2], visit)
    assert np.array_equal(y, expected)
    where, mean, symbols = (np.concatenate(part) for part in zip(*batches, strict=True))
    assert sorted(where) == list(range(len(where)))
    assert np.array_equal(y.reshape(mean.shape)[where], mean + 4096 * symbols)
    if analysed.z is None:
        bits = factorized_bits(weights, y / 4096)
    else:
        bits = factorized_bits(weights, analysed.z + prior.median())
        scale = np.concatenate(gaussians)[:, : symbols.shape[1]]
        scale = torch.from_numpy(np.maximum(scale / 4096, 0.11))
        off = torch.from_numpy(symbols).abs()
        mass = torch.special.ndtr((0.5 - off) / scale) - torch.special.ndtr((-0.5 - off) / scale)
        bits += float(-torch.log2(mass.clamp(min=1e-9)).sum())
    assert 8 * (len(payload) - 2) < 1.01 * bits + 64  # the coder's state


def factorized_bits(weights: dict[str, torch.Tensor], values: np.ndarray) -> float:
    at = "entropy_bottleneck."
    x = torch.from_numpy(values.reshape(-1, values.shape[2]).T.copy())[:, None].double()
    ends = []
    for edge in (x - 0.5, x + 0.5):
        for i in range(5):
            edge = F.softplus(weights[f"{at}matrices.{i}"].double()) @ edge
            edge = edge + weights[f"{at}biases.{i}"].double()
            if i < 4:
                edge = edge + torch.tanh(weights[f"{at}factors.{i}"].double()) * torch.tanh(edge)
        ends.append(torch.sigmoid(edge))
    return float(-torch.log2((ends[1] - ends[0]).clamp(min=1e-9)).sum())


def test_rate_grows_and_latents_come_closer_with_quality(codec: ZooCodec, picture) -> None:
    analysed = codec.analyse(picture)
    levels = range(0, 256, 51)
    sizes = [codec.size(analysed, level) for level in levels]
    # A context model sees latents that are the coarser the lower the rate, and may be mistaken.
    assert all(b > 0.95 * a - 30 for a, b in pairwise(sizes))
    assert sizes[-1] > 1.5 * sizes[0]
    errors = []
    for level in levels:
        y = codec.read(codec.encode(analysed, level), *SIZE)[3]
        errors.append(float(np.mean((y - analysed.y) ** 2)))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 300 * errors[-1]


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 64), (1, 130), (65, 15)])
def test_any_size(codec: ZooCodec, picture, size) -> None:
    pixels = np.ascontiguousarray(picture[:, -size[0] :, : size[1]])
    payload = codec.encode(codec.analyse(pixels), TRAINED)
    level, _, z, y = codec.read(payload, *size)
    factor = codec.which.factor
    h, w = (-(-side // factor) * factor // 16 for side in size)
    assert y.shape == (h, w, sizes(codec.which.name)["M"])
    assert codec.synthesise(y, level, *size).shape == (3, *size)
    if codec.which.hyper:
        assert z.shape[:2] == (h // 4, w // 4)


def test_damaged_payloads_raise_payload_errors_only(codec: ZooCodec, picture) -> None:
    payload = codec.encode(codec.analyse(picture[:, :70, :90]), TRAINED)
    rng = np.random.default_rng(5)
    assert refused(payload, lambda data: codec.read(data, 70, 90), "ntc", trials=24) >= 22
    for data in (b"", b"\x80", rng.bytes(400) + b"\x01", bytes([TRAINED, 9, 0])):
        with pytest.raises(PayloadError):
            codec.read(data, 70, 90)
    # An empty stream says the first of all symbols: no error.
    assert not codec.read(bytes([TRAINED, 9]), 70, 90)[2].any()


@pytest.mark.parametrize("family", ["mbt2018", "cheng2020-attn"])
def test_transforms_in_bands_are_the_whole_transforms(
    codec_of, family, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = codec_of(family)
    reach = codec.which.reach
    x = torch.rand(1, 3, 16 * 41, 48)
    with torch.inference_mode():
        y = codec._g_a(x)
        whole = codec._g_s(y)
        monkeypatch.setattr(networks, "_POSITIONS", 5 * 3)
        assert len(list(bands(41, 3, 15, reach))) == 9
        close = {"atol": 1e-4, "rtol": 1e-4}
        torch.testing.assert_close(networks.analysed(codec._g_a, x, reach), y, **close)
        torch.testing.assert_close(networks.synthesised(codec._g_s, y, reach), whole, **close)
