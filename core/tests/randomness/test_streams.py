"""Streams in NumPy: against the specification written out element by element; random access; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcodec.randomness import FIRST_PRIVATE, Domain, Randomness, _numpy
from gcodec.randomness._philox import philox4x32
from gcodec.randomness._table import shipped

KINDS = ["bits", "normal", "uniform", "dither", "signs"]
WORD = 0xFFFFFFFF
TABLE = np.frombuffer(shipped(), dtype="<i4").tolist()


def word(seed, domain, a, b, n):
    return philox4x32((n // 4, b, a, domain), (seed & WORD, seed >> 32))[n % 4]


def element(kind, seed, domain, a, b, n):
    """Element n of a row, as spec/RANDOMNESS.md section 3 has it."""
    w = word(seed, domain, a, b, n // 32 if kind == "signs" else n)
    t = (w >> 8) % 2**23
    return {
        "bits": w,
        "normal": (1 - 2 * (w >> 31)) * TABLE[t if t < 2**15 else 32640 + (t >> 8)] / 2**20,
        "uniform": (w >> 8 | 1) / 2**24,
        "dither": (w >> 8 | 1) / 2**24 - 0.5,
        "signs": 1 - 2 * (w >> (n % 32) & 1),
    }[kind]


words = st.integers(0, WORD) | st.sampled_from([0, 1, WORD])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(0, 2**64 - 1),
    st.sampled_from(list(Domain)) | st.integers(FIRST_PRIVATE, WORD),
    words,
    st.lists(words, max_size=3),
    st.integers(0, 2**34 - 200) | st.integers(0, 300),
    st.integers(0, 200),
)
def test_every_element_is_what_the_specification_says(kind, seed, domain, a, rows, start, n):
    found = getattr(Randomness(seed), kind)(domain, a, rows, n, start)
    expected = [[element(kind, seed, domain, a, b, start + i) for i in range(n)] for b in rows]
    assert found.shape == (len(rows), n)
    assert found.dtype == (np.uint32 if kind == "bits" else np.float32)
    assert found.tolist() == expected


@pytest.mark.parametrize("n", [0, 1, 2, 31, 1000])
def test_permutations_sort_the_words_of_a_row(n):
    found = Randomness(5).permutation(Domain.PERMUTATION, 6, 7, n)
    w = [word(5, Domain.PERMUTATION, 6, 7, i) for i in range(2 * n)]
    keys = [(w[2 * j] << 21) + (w[2 * j + 1] >> 11) for j in range(n)]
    assert found.dtype == np.int64
    assert found.tolist() == sorted(range(n), key=lambda j: keys[j])


def test_permutations_look_at_53_bits_and_keep_equal_keys_in_order():
    w = np.zeros((64, 2), dtype=np.uint32)
    w[:, 1] = np.arange(64)
    assert _numpy.permutation(w).tolist() == list(range(64))
    w[:, 1] = 4095 - np.arange(64) // 32 * 2048  # bit 11 counts, the eleven below do not
    assert _numpy.permutation(w).tolist() == [*range(32, 64), *range(32)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_pieces_of_any_size_make_the_same_rows(kind, chunk, monkeypatch):
    draw = getattr(Randomness(3), kind)
    whole = draw(Domain.CODEBOOK, 1, range(9), (5, 67), 13)
    monkeypatch.setattr(_numpy, "_CHUNK", chunk)
    assert np.array_equal(draw(Domain.CODEBOOK, 1, range(9), (5, 67), 13), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_any_part_of_any_row_can_be_made_alone(kind):
    draw = getattr(Randomness(3), kind)
    rows = np.array([0, 9, 4, 9], dtype=np.uint8)
    whole = draw(Domain.CODEBOOK, 1, rows, 70_000)  # more than one piece
    for i, b in enumerate(rows):
        assert np.array_equal(draw(Domain.CODEBOOK, 1, b, 70_000), whole[i])
    for start, n in [(1, 1), (2, 69_998), (65_535, 2), (127, 130), (69_999, 1), (70_000, 0)]:
        assert np.array_equal(draw(Domain.CODEBOOK, 1, rows, n, start), whole[:, start : start + n])
    assert np.array_equal(
        draw(Domain.CODEBOOK, 1, rows, (7, 2, 5000)), whole.reshape(4, 7, 2, 5000)
    )
    assert draw(Domain.CODEBOOK, 1, 0, ()).shape == ()


def test_permutations_of_several_rows():
    r = Randomness(8)
    both = r.permutation(Domain.PERMUTATION, 0, [3, 1], 50)
    assert np.array_equal(both[1], r.permutation(Domain.PERMUTATION, 0, 1, 50))


def test_ranges_of_values():
    r = Randomness(4)
    n = 1_000_000
    u, d = r.uniform(Domain.DITHER, 0, 0, n), r.dither(Domain.DITHER, 0, 0, n)
    assert np.array_equal(d, u - np.float32(0.5))
    assert 0 < u.min() < 1e-5 < 1 - 1e-5 < u.max() < 1
    assert np.all(u.astype(np.float64) * 2**24 % 2 == 1)
    assert abs(d).max() < 0.5 and abs(d).min() > 0
    assert set(np.unique(r.signs(Domain.SIGNS, 0, 0, n))) == {-1, 1}
    z = r.normal(Domain.INITIAL_NOISE, 0, 0, n).astype(np.float64)
    assert np.all(z * 2**20 % 1 == 0) and abs(z).min() > 0 and abs(z).max() < 5.4721


def test_answers_are_the_callers_own():
    r = Randomness(4)
    first = r.normal(Domain.INITIAL_NOISE, 0, 0, 100)
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(r.normal(Domain.INITIAL_NOISE, 0, 0, 100), kept)


def test_the_ends_of_a_row():
    r = Randomness(1)
    assert r.bits(1, 0, 0, 5, 2**34 - 5).shape == (5,)
    assert r.signs(1, 0, 0, 5, 2**39 - 5).shape == (5,)
    for draw, start in [(r.bits, 2**34 - 4), (r.normal, -1), (r.signs, 2**39 - 4)]:
        with pytest.raises(ValueError, match="outside the row"):
            draw(1, 0, 0, 5, start)
    with pytest.raises(ValueError, match="outside the row"):
        r.permutation(1, 0, 0, 2**33 + 1)


@pytest.mark.parametrize(
    ("domain", "a", "b", "shape"),
    [
        (0, 0, 0, 1),
        (max(Domain) + 1, 0, 0, 1),
        (FIRST_PRIVATE - 1, 0, 0, 1),
        (2**32, 0, 0, 1),
        (1, -1, 0, 1),
        (1, 2**32, 0, 1),
        (1, 0, -1, 1),
        (1, 0, [0, 2**32], 1),
        (1, 0, [2**70], 1),
        (1, 0, np.array([0, -1]), 1),
        (1, 0, 0, -1),
        (1, 0, 0, (2, -1)),
    ],
)
def test_what_is_out_of_range_is_refused(domain, a, b, shape):
    with pytest.raises(ValueError):
        Randomness(1).normal(domain, a, b, shape)


@pytest.mark.parametrize(
    ("domain", "a", "b", "shape", "start"),
    [
        (1.0, 0, 0, 1, 0),
        (1, 0.0, 0, 1, 0),
        (1, 0, 0.0, 1, 0),
        (1, 0, "0", 1, 0),
        (1, 0, [[0]], 1, 0),
        (1, 0, np.zeros((1, 1), dtype=int), 1, 0),
        (1, 0, np.zeros(1), 1, 0),
        (1, 0, None, 1, 0),
        (1, 0, 0, 1.0, 0),
        (1, 0, 0, 1, math.pi),
    ],
)
def test_what_is_no_integer_is_refused(domain, a, b, shape, start):
    with pytest.raises(TypeError):
        Randomness(1).normal(domain, a, b, shape, start)


def test_seeds_outside_64_bits_are_refused():
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match="64 bits"):
            Randomness(seed)
    with pytest.raises(TypeError):
        Randomness(1.0)
