"""Which table a symbol is coded under, and what the tables hold."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec.entropy.integers import scale_of
from gcodec_ldm.scalar.export import shifted_masses
from gcodec_ldm.scalar.scale import CODES, level_of, width_of
from gcodec_ldm.scalar.tables import FINE, OFFSETS, TABLES, mirrored, nearest, offset_of


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("mean", [-37, -8, -3, 0, 5, 7, 8, 9, 100])
@pytest.mark.parametrize("index", [3, 18, FINE - 1])
def test_a_plain_symbol_costs_what_the_logistic_around_its_mean_says(mean: int, index: int) -> None:
    """Mirroring and numbering undone: the mass of s is that of [s - 1/2, s + 1/2]."""
    means, scales = np.array([[mean]], np.int32), np.array([[index]], np.uint8)
    (sign,), (table,) = (part[0] for part in mirrored(means, scales))
    scale, offset = offset_of(int(table))
    assert scale == index
    masses = shifted_masses(scale_of(scale), offset / 16)
    for s in range(mean // 16 - 2, mean // 16 + 4):
        coded = int(sign) * (s - int(nearest(means)[0, 0]))
        position = 2 * coded - 1 if coded > 0 else -2 * coded
        edges = (np.array([s - 0.5, s + 0.5]) - mean / 16) / scale_of(index)
        assert masses[position] == pytest.approx(float(np.diff(logistic(edges))[0]), abs=1e-9)


def test_masses_are_all_there_is() -> None:
    for scale, offset in ((0.04, 0.5), (0.7, 0.3), (1.9, 0.0)):
        masses = shifted_masses(scale, offset)
        assert masses.sum() == pytest.approx(1)
        assert masses.min() >= 0
    assert shifted_masses(0.04, 0.5)[:2] == pytest.approx([0.5, 0.5])


def test_tables_are_numbered_without_gaps() -> None:
    index, offset = np.meshgrid(np.arange(FINE), np.arange(OFFSETS), indexing="ij")
    # Half a step is 8/16 below the next whole one.
    means = np.where(offset == OFFSETS - 1, -8, offset).astype(np.int32)
    _, table = mirrored(means, index.astype(np.uint8))
    assert sorted(table.ravel()) == list(range(TABLES - FINE * OFFSETS, TABLES))
    assert [offset_of(int(t)) for t in table.ravel()] == list(
        zip(index.ravel(), offset.ravel(), strict=True)
    )
    coarse = np.array([[FINE, 66]], np.uint8)
    assert mirrored(np.array([[5, -5]], np.int32), coarse)[1].tolist() == [[FINE, 66]]


def test_widths_fall_geometrically_from_end_to_end() -> None:
    assert (width_of(0), width_of(CODES - 1)) == (2**2.5, 2**-2.5)
    widths = [width_of(code) for code in range(0, CODES, 257)]
    ratios = np.array(widths[1:]) / np.array(widths[:-1])
    assert ratios == pytest.approx(2 ** (-5 / 255))
    assert [level_of(code) for code in range(0, CODES, 257)] == list(range(256))
    assert (level_of(128), level_of(129)) == (0, 1)
