"""The integer entropy model: exact under every way of computing it, and refused where it could not be."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec_ntc.integer import EXACT, LIMIT, IntegerModel, Layer, Visit, interpolate, split


def layer(weight, bias=0, shift=8):
    weight = np.array(weight, np.int16)
    return Layer(weight, np.full((1, weight.shape[1]), bias, np.int32), shift)


def test_a_layer_equals_python_integers():
    rng = np.random.default_rng(0)
    weight = rng.integers(-32768, 32768, (300, 20)).astype(np.int16)
    bias = rng.integers(-(1 << 30), 1 << 30, (1, 20)).astype(np.int32)
    x = rng.integers(-LIMIT, LIMIT + 1, (7, 300))
    made = Layer(weight, bias, 11)
    sums = made(x.astype(np.float64), 0)
    expected = [
        [
            sum(int(x[n, k]) * int(weight[k, m]) for k in range(300)) + int(bias[0, m])
            for m in range(20)
        ]
        for n in range(7)
    ]
    assert sums.astype(object).tolist() == expected
    leaky = [[s if s >= 0 else s // 8 for s in row] for row in expected]
    rounded = [[max(-LIMIT, min(LIMIT, (s + 1024) >> 11)) for s in row] for row in leaky]
    assert made.activate(sums).tolist() == rounded


def test_a_layer_that_could_be_inexact_is_refused():
    enough = EXACT // LIMIT // 32767 + 1
    with pytest.raises(ValueError, match="exact"):
        layer(np.full((enough, 1), 32767))
    layer(np.full((enough - 2, 1), 32767))


def test_interpolation_meets_its_knots():
    knots = np.array([[0], [100], [-50]])
    assert interpolate(knots, 0) == 0
    assert interpolate(knots, 255) == -50
    assert interpolate(knots, 127) == 99  # 254/255 of the way, rounded down


def test_means_and_tables_round_half_up():
    one = 1 << 18  # shift 8
    sums = np.array([[one / 32, -one / 32, 0.0, one / 12 * 1.01]])
    mean, index = split(sums, 8)
    assert mean.tolist() == [[1, 0]]
    assert index.tolist() == [[30, 31]]


def random_visitor(seed, seen):
    rng = np.random.default_rng(seed)

    def visit(batch: Visit):
        symbols = rng.integers(-3, 4, batch.index.shape).astype(np.int32)
        seen.append((batch.group, batch.positions, batch.mean, batch.index, symbols))
        return symbols

    return visit


@pytest.fixture(scope="module")
def integer(model):
    return IntegerModel(model.config["entropy"]["groups"], model.tensors())


def test_strips_change_nothing(integer, monkeypatch):
    whole, strips = [], []
    a = integer.code(100, 9, 13, random_visitor(1, whole))
    monkeypatch.setattr("gcodec_ntc.integer.STRIP", 7)
    b = integer.code(100, 9, 13, random_visitor(1, strips))
    for one, two in zip(whole, strips, strict=True):
        assert all((np.asarray(p) == np.asarray(q)).all() for p, q in zip(one, two, strict=True))
    assert all((p == q).all() for p, q in zip(a, b, strict=True))


def test_any_order_of_summation_gives_the_same(integer, monkeypatch):
    """The proof of exactness at work: multiply with the inputs in another order."""
    straight, shuffled = [], []
    integer.code(30, 6, 5, random_visitor(2, straight))
    rng = np.random.default_rng(3)

    def permuted(self, x, level):
        order = rng.permutation(x.shape[1])
        return x[:, order] @ self.weight[order] + self._bias(level)

    monkeypatch.setattr(Layer, "__call__", permuted)
    integer.code(30, 6, 5, random_visitor(2, shuffled))
    for one, two in zip(straight, shuffled, strict=True):
        assert (one[2] == two[2]).all()
        assert (one[3] == two[3]).all()


def test_extreme_symbols_stay_in_range(integer):
    def visit(batch: Visit):
        sign = np.where(np.arange(batch.index.size).reshape(batch.index.shape) % 2, 1, -1)
        return (sign * ((1 << 23) - 1)).astype(np.int32)

    z, y = integer.code(255, 4, 4, visit)
    assert z.dtype == y.dtype == np.int32
    assert np.abs(y).max() >= ((1 << 23) - 1) << 4 >> 1


def test_every_latent_is_visited_once(integer):
    seen = []
    z, y = integer.code(0, 5, 7, random_visitor(4, seen))
    assert z.shape[:2] == (3, 4)
    assert y.shape == (5, 7, sum(integer.groups))
    count = np.zeros((len(integer.groups), 35), int)
    for group, positions, *_ in seen[1:]:
        count[group, positions] += 1
    assert (count == 1).all()
