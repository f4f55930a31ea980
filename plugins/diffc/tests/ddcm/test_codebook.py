"""The channel `codebook`: ranks, bits, and what the noise that it makes is like."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gcodec.channels import Common, Gaussian
from gcodec.errors import ChannelError
from gcodec.randomness import Domain, Randomness
from gcodec_diffc.channels import Codebook
from gcodec_diffc.channels._subsets import rank, unrank

D = 6000
COMMON = Common(Randomness(3), 5)
STANDARD = Gaussian(np.zeros(D, np.float32))
R = Randomness(7).normal(Domain.ENCODER, 0, 0, D) * np.linspace(0.2, 2, D, dtype=np.float32)

METHODS: list[dict[str, Any]] = [
    {},
    {"atoms": 5},
    {"atoms": 5, "coefficients": 3},
    {"method": "pursuit"},
    {"method": "pursuit", "atoms": 5, "coefficients": 4},
]


def projection(z: np.ndarray, r: np.ndarray = R) -> float:
    """A = <z, r / |r|>."""
    return float(z @ r / np.linalg.norm(r))


def sent(channel: Codebook, r: np.ndarray = R, common: Common = COMMON) -> np.ndarray:
    reference = Gaussian(np.zeros(r.size, np.float32))
    return channel.replay(channel.simulate(Gaussian(r), reference, common), reference, common)


@pytest.mark.parametrize(("entries", "size"), [(1, 1), (5, 1), (5, 2), (6, 3), (5, 5), (7, 6)])
def test_ranks_are_places_in_lexicographic_order(entries: int, size: int) -> None:
    """itertools lists combinations in lexicographic order."""
    for place, subset in enumerate(combinations(range(entries), size)):
        assert rank(subset, entries) == place
        assert unrank(place, entries, size) == list(subset)
    for outside in (-1, math.comb(entries, size)):
        with pytest.raises(ValueError):
            unrank(outside, entries, size)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_subset_has_its_own_rank(data: st.DataObject) -> None:
    """Up to the largest codebook and number of atoms, subset -> rank -> subset and rank -> subset -> rank."""
    entries = 1 << data.draw(st.integers(1, 16))
    size = data.draw(st.integers(1, min(entries, 512)))
    places = st.integers(0, math.comb(entries, size) - 1)
    for place in (0, math.comb(entries, size) - 1, data.draw(places)):
        subset = unrank(place, entries, size)
        assert len(set(subset)) == size and subset == sorted(subset)
        assert subset[0] >= 0 and subset[-1] < entries
        assert rank(subset, entries) == place


@pytest.mark.parametrize("settings", METHODS, ids=str)
@pytest.mark.parametrize("blocks", [1, 7, 40])
def test_bits(settings: dict[str, Any], blocks: int) -> None:
    """The cost is that of the papers' formulas, whatever is sent."""
    channel = Codebook(entries=64, blocks=blocks, **settings)
    m, c = channel.atoms, channel.coefficients
    if channel.method == "pursuit":
        expected = m * 6 + (m - 1) * c
    else:
        expected = math.ceil(math.log2(math.comb(64, m))) + m * c
    assert channel.bits == blocks * expected
    bits = channel.simulate(Gaussian(R), STANDARD, COMMON)
    assert len(bits) == math.ceil(blocks * expected / 8)


@pytest.mark.parametrize("entries", [16, 256, 4096])
@pytest.mark.parametrize("signed", [True, False])
def test_one_atom_goes_as_far_as_the_best_of_so_many_normals(entries: int, signed: bool) -> None:
    """A is distributed as the sum over blocks of the maximum of K normals, or of 2 K with their signs."""
    method: Any = "threshold" if signed else "pursuit"
    blocks = 100
    r = np.ones(D, np.float32)
    found = projection(sent(Codebook(entries, method=method, blocks=blocks), r), r)
    sample = np.random.default_rng(0).standard_normal((400, entries))
    largest = (np.abs(sample) if signed else sample).max(1)
    # A is the sum of 100 independent maxima, each by its block's share of |r|, 1 / 10.
    expected, deviation = 10 * largest.mean(), largest.std()
    assert abs(found - expected) < 4 * deviation


@pytest.mark.parametrize("settings", METHODS, ids=str)
def test_across_the_residual_the_noise_is_white(settings: dict[str, Any]) -> None:
    """What z has beside r is N(0, I): mean, variance, kurtosis, neighbours, and other steps."""
    channel = Codebook(entries=256, blocks=12, **settings)
    z = sent(channel).astype(np.float64)
    unit = R / np.linalg.norm(R)
    across = z - (z @ unit) * unit
    assert abs(across.mean()) < 4 / math.sqrt(D)
    assert abs(across.var() - 1) < 4 * math.sqrt(2 / D)
    assert abs((across**4).mean() - 3) < 4 * math.sqrt(96 / D)
    assert abs((across[1:] * across[:-1]).mean()) < 4 / math.sqrt(D)
    other = sent(channel, common=Common(COMMON.randomness, 6))
    assert abs((other - projection(other) * unit) @ across / D) < 4 / math.sqrt(D)


@pytest.mark.parametrize("method", ["pursuit", "threshold"])
@pytest.mark.parametrize("blocks", [1, 10])
def test_more_atoms_lower_the_residual(method: Any, blocks: int) -> None:
    """|r - a z| for the best a falls with M, by as much as A rises."""
    errors = []
    for atoms in (1, 2, 4, 8, 16):
        z = sent(Codebook(256, atoms, 4, method, blocks))
        a = float(z @ R / (z @ z))
        errors.append(float(np.square(R - a * z).sum()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < np.square(R).sum() - 3 * (np.square(R).sum() - errors[0])


def test_pursuit_never_loses_what_it_had() -> None:
    """One more atom may have weight 0: for the same r, A does not fall with M."""
    r = Randomness(1).normal(Domain.ENCODER, 0, 1, 64)
    found = [projection(sent(Codebook(4, m, 2, "pursuit"), r), r) for m in (1, 2, 3, 4)]
    assert found == sorted(found)


def test_one_block_is_one_codeword() -> None:
    """The published method: z is one of K vectors of all D dimensions, the best of them, +1 or -1 times."""
    channel = Codebook(entries=8)
    words = []
    for k in range(8):
        for sign in (0, 1):
            field = k << 1 | sign
            words.append(channel.replay(bytes([field << 4]), STANDARD, COMMON))
    gram = np.array(words) @ np.array(words).T / D
    assert np.allclose(np.diag(gram), 1, atol=0.1)
    assert np.allclose(gram[::2, 1::2].diagonal(), -np.diag(gram)[::2])
    assert np.abs(np.triu(gram[::2, ::2], 1)).max() < 5 / math.sqrt(D)
    best = max(words, key=projection)
    assert np.array_equal(sent(channel), best)


#: Parameters, the fields of two blocks of three elements, and z as binary32, little-endian.
KNOWN: list[tuple[dict[str, Any], tuple[int, int], str]] = [
    ({}, (0b101010_1, 0b000111_0), "60b3543f4050debe40147d3ea021df3e40379abec038523f"),
    (
        {"atoms": 2, "coefficients": 2},
        (1234 << 4 | 0b11_00, 2015 << 4 | 0b10_01),
        "f25307bfce326b3fea89bc3f5fd2383fe2afaabfb5fd6ebf",
    ),
    (
        {"method": "pursuit", "atoms": 3, "coefficients": 2},
        (0b000111_001000_01_111111_10, 0b000000_000001_00_000010_11),
        "5f6ab6bf8cd0233f787fb6bfc6a23a3eb800f2bfa7710ebf",
    ),
]


@pytest.mark.parametrize(("settings", "fields", "expected"), KNOWN, ids=str)
def test_known_noise(settings: dict[str, Any], fields: tuple[int, int], expected: str) -> None:
    """The noise of given bits must never change, on any machine."""
    channel = Codebook(entries=64, blocks=2, **settings)
    half = channel.bits // 2
    bits = (fields[0] << half | fields[1]) << -channel.bits % 8
    z = channel.replay(
        bits.to_bytes(-(-channel.bits // 8), "big"), Gaussian(np.zeros(6, np.float32)), COMMON
    )
    assert z.astype("<f4").tobytes().hex() == expected


def test_mean_and_deviation_are_the_reference_s() -> None:
    channel = Codebook(entries=16, blocks=5)
    reference = Gaussian(np.full(D, 3, np.float32), 0.5)
    bits = channel.simulate(Gaussian(R + 3, 0.5), reference, COMMON)
    assert bits == channel.simulate(Gaussian(R), STANDARD, COMMON)
    z = channel.replay(bits, STANDARD, COMMON)
    assert np.array_equal(channel.replay(bits, reference, COMMON), 3 + np.float32(0.5) * z)


@pytest.mark.parametrize(
    ("channel", "bits"),
    [
        (Codebook(64), b""),
        (Codebook(64), b"\0\0"),
        (Codebook(64), b"\x01"),  # 7 bits and padding
        (Codebook(64, 2), b"\xff\xff"),  # rank 2047 of 2016
        (Codebook(64, 2, 2, "pursuit"), b"\x04\x10"),  # atom 1 twice
        (Codebook(2, blocks=D + 1), bytes(2 * (D + 1) // 8 + 1)),
    ],
)
def test_bits_that_no_sender_makes(channel: Codebook, bits: bytes) -> None:
    with pytest.raises(ChannelError):
        channel.replay(bits, STANDARD, COMMON)


@pytest.mark.parametrize(
    "settings",
    [
        {"entries": 3},
        {"entries": 1},
        {"entries": 1 << 17},
        {"entries": 4, "atoms": 5},
        {"atoms": 0},
        {"atoms": 513},
        {"coefficients": 0},
        {"coefficients": 9},
        {"method": "guess"},
        {"blocks": 0},
    ],
    ids=str,
)
def test_parameters_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Codebook(**settings)


def test_what_cannot_be_sent() -> None:
    with pytest.raises(ValueError):
        Codebook(4).simulate(Gaussian(R, 2.0), STANDARD, COMMON)
    with pytest.raises(ValueError):
        Codebook(4).simulate(Gaussian(R[:5]), STANDARD, COMMON)
    with pytest.raises(ChannelError):
        Codebook(4, blocks=D + 1).simulate(Gaussian(R), STANDARD, COMMON)
