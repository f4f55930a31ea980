"""Integer networks and their tables: exact under every way of computing them, and refused where they could not be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gcodec.entropy import integers, mean_scale
from gcodec.entropy.heads import Head, Seen
from gcodec.entropy.integers import (
    EXACT,
    LIMIT,
    SCALES,
    Layer,
    interpolate,
    logistic_masses,
    patches,
    scale_of,
    split,
)


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


def test_starting_tables_are_logistic():
    for index in (0, 30, SCALES - 1):
        rows = logistic_masses(scale_of(index))
        assert rows.sum() == pytest.approx(1)
        assert (rows[1:-1:2] == rows[2:-1:2]).all()
    b = scale_of(42)
    assert logistic_masses(b)[0] == pytest.approx(np.tanh(1 / (4 * b)))


def test_tables_come_back_as_they_were_packed():
    counts = np.zeros(integers.REACH + 2, np.int64)
    counts[:3] = 50, 20, 7
    tables = [integers.fitted_table(counts, index) for index in (0, 30)]
    again = integers.unpack_tables(integers.pack_tables(tables))
    assert len(again) == 2
    for index, table in enumerate(tables):
        assert again.bits(index).tolist() == (24 - np.log2(table.astype(float))).tolist()
    with pytest.raises(ValueError, match="table 1"):
        integers.unpack_tables(integers.pack_tables([tables[0], tables[1] + 1]))


def test_counts_outweigh_the_logistic_where_there_are_many():
    counts = np.zeros(integers.REACH + 2, np.int64)
    counts[0] = counts[2] = 1 << 20
    table = integers.fitted_table(counts, 40) / (1 << 24)
    assert table[0] == pytest.approx(0.5, abs=0.01)
    assert table[3] == table[4] == pytest.approx(0.25, abs=0.01)


def test_neighbourhoods_are_those_of_a_convolution():
    rng = np.random.default_rng(4)
    x = rng.integers(-9, 10, (5, 7, 3)).astype(np.float64)
    conv = nn.Conv2d(3, 4, 3, padding=1, bias=False).double()
    rows = mean_scale.kernel_rows(conv).numpy()
    with torch.no_grad():
        wanted = conv(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    made = patches(x, 3, np.arange(35)) @ rows
    assert np.allclose(made.reshape(5, 7, 4), wanted)


def test_a_head_is_its_integers():
    """What was trained and what codes agree to the rounding of one mean and one table."""
    torch.manual_seed(0)
    head = mean_scale.Head(16, 3, 5, near=(4, 3), here=(2, 1))
    with torch.no_grad():
        head.out.weight.normal_(0, 0.2)
        head.bias_q.normal_(0, 0.5)
        head.out_q.normal_(0, 0.5)
    tensors = mean_scale.head_tensors("head", head)
    parts = (Layer.of(tensors, f"head.{part}") for part in ("first", "hidden", "out"))
    first, hidden, out = parts
    most = np.repeat([4096.0, 64.0 * integers.magnitudes().max()], 2)
    twin = Head(first, (Seen(3, 4, most), Seen(1, 2)), hidden, out)
    y = np.random.default_rng(1).integers(-100, 100, (6, 8, 2)).astype(np.int32)
    near = integers.features(y, integers.magnitudes())
    here = integers.activations(np.clip(y, -64, 64))
    level = 200
    mean, index = twin(level, np.arange(48), (near, here))

    values = torch.from_numpy((y / 16).astype(np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        wanted = head(
            torch.tensor([level / 255]),
            near=mean_scale.features(values),
            here=values.clamp(-4, 4),
        )
    flat = [part[0].permute(1, 2, 0).flatten(0, 1).numpy() for part in wanted]
    assert np.abs(mean / 16 - flat[0]).max() <= 1 / 16
    assert np.abs(index - (flat[1] + 5) * 6).max() < 0.6
    assert np.ptp(index) > 3


def test_bits_are_those_of_the_logistic_even_where_its_mass_vanishes():
    scale = torch.tensor([0.0, 2.0, -5.0], dtype=torch.float64)
    for index, log_scale in enumerate(scale):
        masses = logistic_masses(float(2.0**log_scale))
        v = torch.tensor([0.0, 1.0, -1.0, 2.0], dtype=torch.float64)
        bits = mean_scale.logistic_bits(v, log_scale).numpy()
        assert bits == pytest.approx(-np.log2(masses[:4]), rel=1e-6), index
    far = mean_scale.logistic_bits(torch.tensor([1e4]), torch.tensor([-5.0]))
    assert far.item() == pytest.approx((1e4 - 0.5) * 32 / np.log(2), rel=1e-3)
