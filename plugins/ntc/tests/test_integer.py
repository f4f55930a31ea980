"""The integer entropy model, with the weights of `ntc`: exact under every way of computing it."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec.entropy.integer_model import IntegerModel, Visit
from gcodec.entropy.integers import Layer


def random_visitor(seed, seen):
    rng = np.random.default_rng(seed)

    def visit(batch: Visit):
        symbols = rng.integers(-3, 4, batch.index.shape).astype(np.int32)
        seen.append((batch.group, batch.positions, batch.mean, batch.index, symbols))
        return batch.values(symbols)

    return visit


@pytest.fixture(scope="module")
def integer(model):
    return IntegerModel(model.config["entropy"]["groups"], model.tensors())


def test_strips_change_nothing(integer, monkeypatch):
    whole, strips = [], []
    a = integer.code(100, 9, 13, random_visitor(1, whole))
    monkeypatch.setattr("gcodec.entropy.integers.STRIP", 7)
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
        return x[:, order] @ self.weight[order] + self.at(level)

    monkeypatch.setattr(Layer, "__call__", permuted)
    integer.code(30, 6, 5, random_visitor(2, shuffled))
    for one, two in zip(straight, shuffled, strict=True):
        assert (one[2] == two[2]).all()
        assert (one[3] == two[3]).all()


def test_extreme_symbols_stay_in_range(integer):
    def visit(batch: Visit):
        sign = np.where(np.arange(batch.index.size).reshape(batch.index.shape) % 2, 1, -1)
        return batch.values((sign * ((1 << 23) - 1)).astype(np.int32))

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
