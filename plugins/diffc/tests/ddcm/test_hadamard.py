"""The channel `hadamard`: which codewords it chooses, what noise it makes of them, and what that takes.

Bounds are put at so many standard errors that a sound channel passes 999 seeds of 1,000; all seeds are fixed.
"""

from __future__ import annotations

import math
import tracemalloc
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.channels import Channel, Common, Gaussian
from gcodec.errors import ChannelError
from gcodec.randomness import Domain, Randomness
from gcodec.testing.channel import kolmogorov
from gcodec_diffc.channels import Codebook, Hadamard
from gcodec_diffc.channels._walsh import transformed

Floats = NDArray[np.float64]
SURE = 4.0
#: Of latents of a picture: channels, rows and columns.
SHAPE = 32, 12, 16
D = math.prod(SHAPE)


def residual() -> NDArray[np.float32]:
    """What a denoiser lacks of a picture, in kind: nearly all energy in 3 channels, smooth along rows and columns."""
    rng = np.random.default_rng(11)
    wave = np.cos(np.arange(SHAPE[1])[:, None] * 0.7) * np.sin(np.arange(SHAPE[2]) * 0.4 + 0.3)
    r = 0.1 * rng.standard_normal(SHAPE)
    r[[0, 5, 9]] += wave * np.array([3, 2, 1.5])[:, None, None]
    return r.ravel().astype(np.float32)


R = residual()
UNIT = R / np.linalg.norm(R.astype(np.float64))


def sent(channel: Channel, r: NDArray[np.float32], seed: int, step: int = 3) -> Floats:
    reference, common = Gaussian.standard(r.size), Common(Randomness(seed), step)
    return channel.replay(
        channel.simulate(Gaussian(r), reference, common), reference, common
    ).astype(np.float64)


@cache
def noise(channel: Channel, seeds: int) -> tuple[Floats, Floats]:
    """z of so many seeds: the way A that each goes along R, and what is left across it [seeds, D]."""
    z = np.array([sent(channel, R, seed) for seed in range(seeds)])
    along = z @ UNIT
    return along, z - along[:, None] * UNIT


def words(entries: int, dimensions: int, common: Common) -> NDArray[np.float32]:
    """All codewords of one block, by the definition: [K, D], times sqrt(n)."""
    n = 1
    while n < dimensions:
        n *= 2
    count = max(entries // n, 1)
    e, x = np.arange(dimensions), np.arange(n)
    parity = np.array([[(int(i) & int(j)).bit_count() & 1 for j in x] for i in x])
    h = common.randomness.signs(Domain.SIGNS, common.step, 1, (count, n)) @ (1.0 - 2 * parity)
    rows = np.concatenate([h[:, e ^ i][:, None] for i in range(n)], axis=1).reshape(-1, dimensions)
    sign = common.randomness.signs(Domain.SIGNS, common.step, 0, dimensions)
    return (rows[:entries] * sign).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 16, 32, 64, 1024])
def test_the_transform_is_that_of_its_definition_and_exact(n: int, dtype: Any) -> None:
    x = np.arange(n)
    parity = np.array([[(int(i) & int(j)).bit_count() & 1 for j in x] for i in x])
    rows = np.random.default_rng(n).integers(-9, 10, (3, n))
    assert np.array_equal(transformed(rows.astype(dtype)), rows @ (1 - 2 * parity))
    # The largest sums that are promised.
    most = (1 << (24 if dtype is np.float32 else 53)) // n
    assert transformed(np.full((1, n), most, dtype))[0, 0] == most * n


@pytest.mark.parametrize(
    ("entries", "atoms", "dimensions"),
    [
        (64, 1, 40),
        (8, 1, 40),
        (256, 1, 7),
        (64, 3, 40),
        (64, 64, 40),
        (256, 9, 5),
        (1 << 18, 7, 20),
    ],
)
def test_the_codewords_chosen_are_those_that_match_best(
    entries: int, atoms: int, dimensions: int
) -> None:
    """Of each group as many as it has, and z is their sum with the signs of their scores."""
    channel, common = Hadamard(entries, atoms), Common(Randomness(5), 9)
    every, r = words(entries, dimensions, common), R[:dimensions]
    scores = every @ r
    expected, first = np.zeros(dimensions), 0
    for group in channel.groups:
        part = scores[first : first + group.entries]
        best = first + np.argsort(-np.abs(part), kind="stable")[: group.atoms]
        expected += np.sign(scores[best]) @ every[best].astype(np.float64)
        first += group.entries
    z = sent(channel, r, 5, 9)
    scale = float(z @ expected / (expected @ expected))
    assert np.allclose(z, scale * expected, rtol=1e-5, atol=1e-5)
    n = 1 << (dimensions - 1).bit_length()
    assert 1 <= scale * math.sqrt(n * atoms) < 2  # stretched, and by less than twice


BOTH = [
    pytest.param(Hadamard(1 << 10, blocks=48), Codebook(1 << 10, blocks=48), id="blocks"),
    pytest.param(Hadamard(1 << 14, 30), Codebook(1 << 14, 30), id="one block"),
]


@pytest.mark.parametrize(("channel", "normals"), BOTH)
def test_as_much_is_conveyed_as_by_normals_and_as_steadily(
    channel: Hadamard, normals: Codebook
) -> None:
    """A^2 / 2 on what a picture lacks: no less on average, nor more than the gain is worth, nor with more spread."""
    runs = 60
    ours, theirs = (
        noise(channel, runs)[0],
        np.array([sent(normals, R, s) @ UNIT for s in range(20)]),
    )
    error = SURE * math.hypot(ours.std() / math.sqrt(runs), theirs.std() / math.sqrt(20))
    assert -error < ours.mean() - theirs.mean() < error + 0.03 * theirs.mean()
    assert ours.std() < 2 * theirs.std()


@pytest.mark.parametrize(("channel", "normals"), BOTH)
def test_each_channel_of_the_latent_gets_the_energy_that_noise_has(
    channel: Hadamard, normals: Codebook
) -> None:
    """Energies of 32 channels across R in 60 seeds: mean, and spread, which rows of one round do not have."""
    _, across = noise(channel, 60)
    inside = SHAPE[1] * SHAPE[2]
    energy = np.square(across).reshape(60, SHAPE[0], inside).sum(-1)
    share = 1 - np.square(UNIT).reshape(SHAPE[0], inside).sum(-1) / inside
    standard = (energy - inside * share) / math.sqrt(2 * inside)
    assert np.abs(standard.mean(0)).max() < (SURE + 0.5) / math.sqrt(60)
    assert abs(np.square(standard).mean() - 1) < SURE * math.sqrt(2 / standard.size)


@pytest.mark.parametrize(("channel", "normals"), BOTH)
def test_over_seeds_an_element_is_normal_and_nothing_but_r_is_told(
    channel: Hadamard, normals: Codebook
) -> None:
    """Element by element: the mean over seeds, less its part along R, is 0; and values follow the normal law."""
    _, across = noise(channel, 60)
    bias = 60 * np.square(across.mean(0)).sum()
    assert abs(bias - D) < SURE * math.sqrt(2 * D)
    # A value is a multiple of 2 / sqrt(n) or so; spread over that width it is as good as continuous.
    width = 2 / math.sqrt(1 << (-(-D // channel.blocks) - 1).bit_length())
    spread = (
        across[:, ::97] + np.random.default_rng(1).uniform(-0.5, 0.5, across[:, ::97].shape) * width
    )
    assert kolmogorov(spread.ravel() / spread.std()) < 1.95
    pairs = across[:, :-1] * across[:, 1:]
    assert abs(pairs.mean()) < SURE / math.sqrt(pairs.size)


@pytest.mark.parametrize(
    ("channel", "dimensions"),
    [
        (Hadamard(1 << 14, blocks=240), 6000),
        (Hadamard(1 << 14, blocks=30), 6000),
        (Hadamard(1 << 8, blocks=60), 6000),
        (Hadamard(1 << 18, 8, blocks=3), 4000),
        (Hadamard(1 << 13, 24), 8192),
        (Hadamard(1 << 20, 60), 5000),
    ],
    ids=str,
)
def test_what_is_left_across_has_the_variance_of_noise(channel: Hadamard, dimensions: int) -> None:
    """Within 1 % and what so many seeds leave open, from 25 elements a block on; the gain itself is up to 30 %."""
    r = np.random.default_rng(2).standard_normal(dimensions).astype(np.float32)
    unit = r / np.linalg.norm(r.astype(np.float64))
    z = np.array([sent(channel, r, seed) for seed in range(16)])
    left = (np.square(z).sum(1) - np.square(z @ unit)) / (dimensions - 1)
    assert abs(left.mean() - 1) < 0.01 + SURE * left.std() / math.sqrt(16)


def peak(channel: Channel, dimensions: int) -> float:
    """MiB that a use of the channel takes besides what it is given."""
    r, reference = np.ones(dimensions, np.float32), Gaussian.standard(dimensions)
    common = Common(Randomness(1), 1)
    bits = channel.simulate(Gaussian(r), reference, common)  # tables of its own are made once
    tracemalloc.start()
    try:
        channel.simulate(Gaussian(r), reference, common)
        channel.replay(bits, reference, common)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("channel", "most"),
    [(Hadamard(1 << 20, 165), 8), (Hadamard(1 << 22, 150), 8), (Hadamard(1 << 14, blocks=163), 12)],
    ids=str,
)
def test_a_codebook_of_any_size_is_never_stored(channel: Hadamard, most: float) -> None:
    """For a picture of 768 x 512, D = 196,608; today's blocks of 2^14 normals take 64 MiB."""
    assert peak(channel, 196_608) < most


@pytest.mark.parametrize("dimensions", [1, 2, 3, 32])
def test_the_fewest_dimensions(dimensions: int) -> None:
    for channel in (
        Hadamard(2),
        Hadamard(1 << 22),
        Hadamard(4, 4, 8),
        Hadamard(2, blocks=dimensions),
    ):
        z = sent(channel, R[:dimensions], 1)
        assert z.shape == (dimensions,) and np.isfinite(z).all() and np.abs(z).max() < 8
    with pytest.raises(ChannelError, match="blocks of"):
        sent(Hadamard(2, blocks=dimensions + 1), R[:dimensions], 1)


@pytest.mark.parametrize(
    "settings",
    [
        {"entries": 3},
        {"entries": 1},
        {"entries": 1 << 23},
        {"entries": 100_000},
        {"entries": 4, "atoms": 5},
        {"atoms": 0},
        {"atoms": 513},
        {"entries": 1 << 17, "atoms": 1025},
        {"coefficients": 0},
        {"coefficients": 9},
        {"blocks": 0},
    ],
    ids=str,
)
def test_parameters_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is"):
        Hadamard(**settings)
