"""The order of tokens: every one once, any beginning over the whole picture, neighbours before those that look at them."""

from __future__ import annotations

import numpy as np
import pytest

from gcodec_ldm.tokens.order import AROUND, layers, passes, seen

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (5, 7), (16, 24), (33, 17)]


@pytest.mark.parametrize("size", SIZES)
def test_every_position_comes_once(size: tuple[int, int]) -> None:
    h, w = size
    order = np.concatenate([part.positions for part in passes(h, w)])
    assert sorted(order) == list(range(h * w))


@pytest.mark.parametrize("size", SIZES)
def test_what_a_pass_may_see_came_before_it(size: tuple[int, int]) -> None:
    h, w = size
    known = np.zeros((h, w), bool)
    for part in passes(h, w):
        y, x = np.divmod(part.positions, w)
        for (dy, dx), allowed in zip(AROUND, seen(part.kind), strict=True):
            rows, columns = y + dy * part.step, x + dx * part.step
            inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
            # All that is allowed is known, and all that is known on this lattice is allowed.
            assert (known[rows[inside], columns[inside]] == allowed).all() or part.kind < 0
        known[y, x] = True


def test_a_beginning_covers_the_whole_picture() -> None:
    """After n tokens no position is further from a known one than evenly spread ones would have it, twice over."""
    h, w = 24, 36
    order = np.concatenate([part.positions for part in passes(h, w)])
    y, x = np.divmod(np.arange(h * w), w)
    for n in (6, 20, 54, 100, 216, 500):
        rows, columns = np.divmod(order[:n], w)
        distance = np.maximum(abs(y[:, None] - rows), abs(x[:, None] - columns)).min(1)
        assert distance.max() <= 2 * (h * w / n) ** 0.5


def test_within_a_pass_tokens_are_scattered() -> None:
    part = max(passes(64, 64), key=lambda part: len(part.positions))
    y, x = np.divmod(part.positions[: len(part.positions) // 4], 64)
    quarters, _, _ = np.histogram2d(y, x, bins=2, range=[[0, 64], [0, 64]])
    assert quarters.min() > 0.9 * quarters.mean()


def test_layers_double() -> None:
    assert layers(400) == [64, 128, 256, 400]
    assert layers(64) == [64]
    assert layers(65) == [64, 65]
    assert layers(3) == [3]
