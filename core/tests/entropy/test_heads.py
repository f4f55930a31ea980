"""Heads of the integer model: whichever way a product is taken, it has the integers of the plainest one."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec.entropy.heads import Head, Product, Seen
from gcodec.entropy.integers import LIMIT, Layer, features, magnitudes, patches, split

UNIT = 64


def sums(product: Product, x: np.ndarray, outputs: int) -> np.ndarray:
    made = np.zeros((len(x), outputs))
    product.add(made, x)
    return made


def single(product: Product) -> bool:
    return all(weight.dtype == np.float32 for _, weight in product._blocks)


def worst(weight: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Inputs that drive each output as far as they can, up and down, and half of them one unit less."""
    signs = np.concatenate([np.sign(weight.T), -np.sign(weight.T)]) * most
    return np.concatenate([signs, signs - np.sign(signs) * UNIT]).astype(np.float32)


@pytest.mark.parametrize("largest", [3, 200, 4000, 32767])
def test_products_are_exact_at_the_largest_inputs(largest):
    """Odd weights, so that the last bit of every sum counts."""
    rng = np.random.default_rng(largest)
    weight = 2.0 * rng.integers(-largest // 2, largest // 2, (288, 40)) + 1
    most = UNIT * np.repeat([64.0, 160.0], 144)
    x = worst(weight, most)
    exact = x.astype(np.int64) @ weight.astype(np.int64)
    made = Product(weight, most)
    assert (sums(made, x, 40) == exact).all()
    assert single(made) == (largest < 32767)
    order = rng.permutation(288)
    assert (sums(Product(weight[order], most[order]), x[:, order], 40) == exact).all()


def test_a_block_ends_before_float32_does():
    """64 * 2**24 is the first bound that is too large; one that reaches it would be wrong, which float32 shows."""
    most = np.full(64, UNIT * 256.0)
    weight = np.full((64, 1), 1024.0)
    weight[-1] -= 1
    assert len(Product(weight, most)._blocks) == 1
    weight[-1] += 1
    assert len(Product(weight, most)._blocks) == 2
    weight[:, :] = 2047
    x = np.full((1, 64), UNIT * 256, np.float32)
    x[0, 0] = UNIT
    exact = UNIT * 2047 * (63 * 256 + 1)
    assert sums(Product(weight, most), x, 1)[0, 0] == exact
    assert int(np.float32(exact)) != exact  # the sum as a whole has no place in it


def test_weights_that_float32_cannot_hold_are_not_given_to_it():
    weight = np.full((48, 2), 32767.0)
    made = Product(weight, np.full(48, float(LIMIT)))
    assert not single(made)
    x = np.full((1, 48), LIMIT, np.float32)
    assert sums(made, x, 2).tolist() == [[48 * 32767 * LIMIT] * 2]


@pytest.mark.parametrize(("h", "w"), [(1, 1), (2, 3), (5, 4), (7, 9)])
@pytest.mark.parametrize("parity", [None, 0, 1])
def test_a_head_is_its_layers_over_neighbourhoods(h, w, parity, monkeypatch):
    rng = np.random.default_rng(h * w)
    most = np.repeat([UNIT * 64.0, UNIT * float(magnitudes().max())], 3)
    seen = (Seen(1, 5), Seen(3, 6, most, beside=parity is not None), Seen(3, 4), Seen(1, 6, most))
    count = sum(each.inputs for each in seen)

    def layer(inputs: int, outputs: int) -> Layer:
        weight = rng.integers(-900, 901, (inputs, outputs)).astype(np.int16)
        return Layer(weight, rng.integers(-(1 << 20), 1 << 20, (3, outputs)).astype(np.int32), 12)

    first, hidden, out = layer(count, 11), layer(11, 11), layer(11, 8)
    places = np.arange(h * w)
    odd = (places // w + places % w) % 2
    if parity is not None:
        places = places[odd == parity]
    values = rng.integers(-3000, 3001, (2, h * w, 3)).astype(np.int32)
    if parity is not None:
        values[0, places] = 0  # not known yet
    near, here = (features(each.reshape(h, w, 3), magnitudes()) for each in values)
    wide = [rng.integers(-LIMIT, LIMIT + 1, (h, w, c)).astype(np.float64) for c in (5, 4)]
    inputs = (wide[0], near, wide[1], here)
    monkeypatch.setattr("gcodec.entropy.integers.STRIP", 4)
    mean, index = Head(first, seen, hidden, out)(77, places, inputs)
    around = [patches(x, each.kernel, places) for x, each in zip(inputs, seen, strict=True)]
    x = first.hidden(np.concatenate(around, 1).astype(np.float64), 77)
    expected = split(out(hidden.hidden(x, 77), 77), out.shift)
    assert (mean == expected[0]).all()
    assert (index == expected[1]).all()
