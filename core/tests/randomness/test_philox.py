"""The generator against Random123's known answers: in Python's integers, NumPy and torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gcodec.randomness import _numpy
from gcodec.randomness._philox import philox4x32, split_seed

FILE = Path(__file__).parents[3] / "spec/vectors/randomness/philox4x32_10.txt"
PI = "243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1"


def vectors() -> list[list[int]]:
    lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else [PI]
    return [[int(word, 16) for word in line.split()] for line in lines if line[0] != "#"]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: f"{vector[0]:08x}")
def test_known_answers(vector: list[int]) -> None:
    counter, key, output = tuple(vector[:4]), (vector[4], vector[5]), vector[6:]
    assert list(philox4x32(counter, key)) == output
    assert _numpy.philox(np.array([counter], dtype=np.uint32), key)[0].tolist() == output
    torch = pytest.importorskip("torch")
    from gcodec.randomness import _torch

    assert _torch.philox(torch.tensor([counter]), key)[0].tolist() == output


def test_back_ends_agree_on_extreme_and_random_words() -> None:
    torch = pytest.importorskip("torch")
    from gcodec.randomness import _torch

    rng = np.random.default_rng(1)
    counters = rng.integers(0, 2**32, (2000, 4), dtype=np.uint32)
    extremes = np.array([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF], dtype=np.uint32)
    counters[:1000] = rng.choice(extremes, (1000, 4))
    for key in [(0, 0), (0xFFFFFFFF, 0x80000000), (0x9E3779B9, 0x7FFFFFFF)]:
        expected = [list(philox4x32(tuple(map(int, c)), key)) for c in counters]
        assert _numpy.philox(counters, key).tolist() == expected
        given = torch.from_numpy(counters.astype(np.int64))
        assert _torch.philox(given, key).tolist() == expected
        assert given.tolist() == counters.tolist()  # the argument is left as it was


def test_a_seed_is_two_words_low_first() -> None:
    assert split_seed(0x0123456789ABCDEF) == (0x89ABCDEF, 0x01234567)
    assert split_seed(np.uint64(2**64 - 1)) == (0xFFFFFFFF, 0xFFFFFFFF)
