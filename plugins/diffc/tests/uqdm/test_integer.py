"""The integer prior: exact in every order of summation, refused where it could not be, the trained network's twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gcodec.models import Model
from gcodec_diffc.uqdm import integer, simulation
from gcodec_diffc.uqdm.codec import Codec
from gcodec_diffc.uqdm.export import integer_tensors, rebuilt
from gcodec_diffc.uqdm.integer import EXACT, GAIN_BITS, LIMIT, Layer
from gcodec_diffc.uqdm.model import Modulated
from gcodec_diffc.uqdm.schedule import GROUPS, LAYERS, STAGES

FloatArray = NDArray[np.float32]


def one_row(
    weight: NDArray[Any], gain: int = 1 << GAIN_BITS, bias: int = 0, shift: int = 8
) -> Layer:
    outputs = weight.shape[1]
    return Layer(
        weight.astype(np.int16), np.full((1, outputs), gain), np.full((1, outputs), bias), shift
    )


def test_a_layer_equals_python_integers() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-8191, 8192, (9 * 4, 5))
    x = rng.integers(-LIMIT, LIMIT + 1, (3, 4, 4))
    found = one_row(weight, gain=-5000, bias=123_456, shift=9)(x.astype(np.float64), 0, 3)
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    for i in range(3):
        for j in range(4):
            patch = [int(v) for v in padded[i : i + 3, j : j + 3].ravel()]
            for m in range(5):
                total = sum(v * int(w) for v, w in zip(patch, weight[:, m], strict=True))
                assert found[i, j, m] == (total * -5000 + (123_456 << 9) + (1 << 20)) >> 21


def test_a_layer_that_could_be_inexact_is_refused() -> None:
    enough = EXACT // (LIMIT * 8191 << GAIN_BITS) + 1
    with pytest.raises(ValueError, match="exact"):
        one_row(np.full((enough, 1), 8191))
    one_row(np.full((enough - 2, 1), 8191))


def test_no_sum_of_the_shipped_prior_leaves_the_exact_range(model: Model) -> None:
    """From the weights: largest sum, gain and bias included, of any output for any activations, against 2**53."""
    tensors = model.tensors()
    names = {n.rpartition(".")[0] for n in tensors if n.startswith("prior.")}
    assert len(names) == 5 + 3 * len(GROUPS)
    for name in names:
        weight, gain, bias = (
            tensors[f"{name}.{part}"].astype(object) for part in ("weight", "gain", "bias")
        )
        sums, shift = abs(weight).sum(0) * LIMIT, int(tensors[f"{name}.shift"][0])
        assert max((sums * abs(gain) + (abs(bias) + (1 << GAIN_BITS) << shift)).ravel()) < 1 << 53


def test_any_order_of_summation_gives_the_same(
    codec: Codec, photo: FloatArray, layers: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof of exactness at work: other strips, and products whose terms are added in another order."""
    monkeypatch.setattr(integer, "_STRIP", 500)
    monkeypatch.setattr("gcodec_diffc.uqdm.codec._STRIP", 333)
    rng = np.random.default_rng(1)

    def shuffled(x: Any, weight: Any) -> Any:
        order = rng.permutation(weight.shape[0])
        half = len(order) // 2
        first, second = order[:half], order[half:]
        return x[:, second] @ weight[second] + x[:, first] @ weight[first]

    monkeypatch.setattr(integer, "product", shuffled)
    assert codec.encode(codec.analyse(photo), LAYERS) == layers


def test_the_twin_rounds_no_more_than_its_grid() -> None:
    torch.manual_seed(0)
    layer = Modulated(6, 7, 3, 2)
    torch.nn.init.normal_(layer.gain, 1, 0.1)
    torch.nn.init.normal_(layer.bias, 0, 0.3)
    tensors = integer_tensors(layer)
    twin = Layer(tensors["weight"], tensors["gain"], tensors["bias"], int(tensors["shift"][0]))
    x = torch.randn(1, 6, 5, 8).mul(1024).round()
    expected = layer(x / 1024, 1)[0].permute(1, 2, 0).detach().numpy()
    found = twin(x[0].permute(1, 2, 0).double().numpy(), 1, 3) / 1024
    assert np.abs(found - expected).max() < 0.003


def test_bits_are_those_of_the_floating_point_model(
    model: Model, codec: Codec, octets: NDArray[np.uint8]
) -> None:
    """Lossless bytes against the ELBO, the expected bits of all stages by the model's densities: within 1.5 %.

    The ELBO's dither is another one than the file's, which on a picture this small moves it by half a per cent.
    """
    network = rebuilt(model.config, model.tensors())
    elbo = 0.0
    with torch.inference_mode():
        for stage in range(STAGES):
            rng = np.random.default_rng(stage)
            cpu = torch.device("cpu")
            elbo += simulation.simulate(network, octets[None], stage, 3, rng, cpu)[0].item()
    samples = octets.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    made = codec.encode(codec.analyse(samples), LAYERS)
    # A stream ends on a byte, and each layer has a byte besides.
    assert 8 * sum(len(layer) - 1.5 for layer in made) == pytest.approx(elbo, rel=0.015)
