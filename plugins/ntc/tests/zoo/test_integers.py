"""What decides bits: exact, close to the floating-point model, and hardly dearer than it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from zoo_checkpoints import N, state

from gcodec.entropy import FrequencyTables
from gcodec.errors import ModelDamaged
from gcodec_ntc.zoo.checkpoint import read_checkpoint
from gcodec_ntc.zoo.convert import folder_tensors
from gcodec_ntc.zoo.densities import factorized_tables, gaussian_table
from gcodec_ntc.zoo.hyper import _active, _applied, _doubled
from gcodec_ntc.zoo.prior import STEPS, WIDTHS

HYPER = ("bmshj2018-hyperprior", "mbt2018-mean")


def symbols_of_z(seed: int, h: int, w: int) -> np.ndarray:
    return np.rint(np.random.default_rng(seed).normal(0, 3, (h, w, N))).astype(np.int32)


@pytest.mark.parametrize("family", HYPER)
def test_hyper_synthesis_is_close_to_the_one_that_was_trained(codec_of, family) -> None:
    prior, weights = codec_of(family).prior, state(family)
    z = symbols_of_z(1, 3, 5)
    x = torch.from_numpy((z + prior.median()).transpose(2, 0, 1))[None].double()
    means = family == "mbt2018-mean"
    for i in (0, 2, 4):
        weight, bias = (
            weights[f"h_s.{i}.weight"].double(),
            weights[f"h_s.{i}.bias"].double(),
        )
        if i < 4:
            x = F.conv_transpose2d(x, weight, bias, 2, 2, 1)
            x = F.leaky_relu(x) if means else F.relu(x)
        else:
            x = F.conv2d(x, weight, bias, padding=1)
    expected = x[0].permute(1, 2, 0).numpy()
    assert expected.std() > 1  # there is something to agree on
    assert np.abs(prior.told(z) / 4096 - expected).max() < 0.01


@pytest.mark.parametrize("family", HYPER)
def test_hyper_synthesis_is_what_integers_give(codec_of, family) -> None:
    """The first layer by its definition: zeros between the rows and columns, sums of Python's own integers."""
    prior, weights = codec_of(family).prior, state(family)
    layer = prior._synthesis.layers[0]
    weight = np.rint(weights["h_s.0.weight"].numpy() * 2.0**layer.shift).astype(int).astype(object)
    bias = np.rint(weights["h_s.0.bias"].double().numpy() * 2.0 ** (10 + layer.shift)).astype(int)
    x = (symbols_of_z(2, 2, 3).astype(np.int64) * 1024 + prior._median).astype(object)
    outputs = weight.shape[1]
    sums = np.zeros((2 * 2 + 4, 2 * 3 + 4, outputs), object) + bias.astype(object)
    for row in range(2):
        for column in range(3):
            for dy in range(5):
                for dx in range(5):
                    add = x[row, column] @ weight[:, :, dy, dx]
                    sums[2 * row + dy, 2 * column + dx] += add
    sums = sums[2:6, 2:8]
    kept = [[[max(v, v // 100 if family == HYPER[1] else 0) for v in c] for c in r] for r in sums]
    half = 1 << layer.shift >> 1
    expected = [[[min((v + half) >> layer.shift, 1 << 21) for v in c] for c in r] for r in kept]

    leaky = family == HYPER[1]
    done = _applied(layer, x.astype(np.float64), lambda sums: _active(sums, layer, leaky))
    assert _doubled(done).astype(np.int64).tolist() == expected


@pytest.mark.parametrize("scale", [0.11, 0.3, 1.0, 7.3, 256.0])
def test_gaussian_tables_cost_what_gaussians_do(scale: float) -> None:
    bits = FrequencyTables([gaussian_table(scale)]).bits(0)
    rng = np.random.default_rng(0)
    k = np.arange(-math.ceil(5 * scale) - 1, math.ceil(5 * scale) + 2)
    edges = np.append(k - 0.5, k[-1] + 0.5) / scale / math.sqrt(2)
    mass = np.diff([0.5 * math.erfc(-e) for e in edges])
    drawn = rng.choice(k, 20000, p=mass / mass.sum())
    ideal = -np.log2(mass[drawn - k[0]]).mean()
    spent = bits[np.where(drawn > 0, 2 * drawn - 1, -2 * drawn)].mean()
    assert spent == pytest.approx(ideal, rel=1e-3, abs=2e-4)


@pytest.mark.parametrize("step", [0.25, 1.0, 2.0])
def test_factorized_tables_are_those_of_the_density(step: float) -> None:
    weights = state("bmshj2018-factorized")
    at = "entropy_bottleneck."
    given = {k.removeprefix(at): v.double().numpy() for k, v in weights.items() if k.startswith(at)}
    medians = given["quantiles"][:, 0, 1]

    def cumulative(x: torch.Tensor) -> torch.Tensor:
        for i in range(5):
            x = F.softplus(weights[f"{at}matrices.{i}"].double()) @ x
            x = x + weights[f"{at}biases.{i}"].double()
            if i < 4:
                x = x + torch.tanh(weights[f"{at}factors.{i}"].double()) * torch.tanh(x)
        return torch.sigmoid(x)

    tables = factorized_tables(given, medians, step)
    for symbol in (0, 1, -1, 2, -5):
        position = 2 * symbol - 1 if symbol > 0 else -2 * symbol
        edges = torch.tensor(medians)[:, None, None] + step * (symbol + torch.tensor([-0.5, 0.5]))
        low, high = cumulative(edges)[:, 0].unbind(1)
        for table, mass in zip(tables, (high - low).tolist(), strict=True):
            assert table[position] / 2**24 == pytest.approx(mass, abs=2e-4)


def test_bin_widths_are_the_specified_ones() -> None:
    assert STEPS[[0, 64, 128, 192, 255, 256]].tolist() == [
        32768,
        11585,
        4096,
        1448,
        520,
        512,
    ]
    # No machine's power function is so far off that one of them would be rounded otherwise.
    exact = 2.0 ** (12 + 3 * (128 - np.arange(257)) / 128)
    assert np.abs(exact % 1 - 0.5).min() > 1e-3
    assert (np.diff(STEPS) < 0).all() and STEPS[WIDTHS[16]] == 4096


@pytest.mark.parametrize("family", HYPER)
@pytest.mark.parametrize("level", [0, 100, 128, 200, 255])
def test_tables_are_those_of_the_scaled_gaussians(codec_of, family, level) -> None:
    prior = codec_of(family).prior
    told = prior.told(symbols_of_z(3, 4, 4)).reshape(256, -1)
    index = prior._gaussians(told, level)[1]
    scale = np.maximum(told[:, : index.shape[1]], 0.11 * 4096)
    table = np.exp(np.linspace(math.log(0.11), math.log(256), 64))
    wanted = scale / prior.step(level)
    nearest = np.abs(np.log(wanted)[..., None] - np.log(table)).argmin(2)
    # Thresholds are rounded: who is half way may go either way.
    assert (np.abs(index - nearest.astype(int)) <= 1).all() and (index == nearest).mean() > 0.9
    assert len(np.unique(index)) > 3


def test_a_context_model_that_sees_what_comes_later_is_refused() -> None:
    weights = state("mbt2018")
    weights["context_prediction.mask"] = torch.ones_like(weights["context_prediction.mask"])
    with pytest.raises(ModelDamaged, match=r"context_prediction\.mask"):
        folder_tensors(read_checkpoint(weights, "test", "a test"))


def test_weights_beyond_integers_are_refused() -> None:
    weights = state("mbt2018-mean")
    weights["h_s.2.weight"][0, 0, 0, 0] = 1e6
    with pytest.raises(ModelDamaged, match="h_s1"):
        folder_tensors(read_checkpoint(weights, "test", "a test"))
