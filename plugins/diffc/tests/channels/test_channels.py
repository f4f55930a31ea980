"""Channel simulators against their own claims. A new simulator is one more row of SIMULATORS."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gcodec.channels import Channel, Common, Gaussian
from gcodec.errors import ChannelError
from gcodec.randomness import Randomness
from gcodec.testing.channel import Sent, kolmogorov
from gcodec_diffc.channels import Antipodal, Chunked, Codebook, Folded, Hadamard, Orc, Pfr, Trellis

#: Bounds are put at so many standard errors; all seeds are fixed, so a test that passes keeps passing.
SURE = 4.0


@dataclass(frozen=True)
class Claim:
    """What a channel says of itself, for a target N(m, I) under N(0, I) in D dimensions.

    kl       KL(target || reference) in bits
    mean     least and largest E[A] / |m|, for A = <z, m>/|m|, which is 1 of a sample of the target
    spread   least and largest standard deviation of A; 1 of the target
    rate     least and largest number of bits sent, per bit of KL
    exact    A is that of the target in distribution
    runs     of different seeds
    """

    channel: Channel
    dimensions: int
    kl: float
    mean: tuple[float, float]
    spread: tuple[float, float]
    rate: tuple[float, float]
    exact: bool = False
    runs: int = 24


SIMULATORS = {
    "trellis": Claim(Trellis(200), 8192, 200, (0.945, 0.98), (0.0, 0.5), (1, 1)),
    "trellis, short": Claim(Trellis(32), 4096, 32, (0.92, 0.98), (0.0, 0.6), (1, 1)),
    "trellis, tried whole": Claim(
        Trellis(12), 512, 12, (0.85, 0.97), (0, 0.7), (1.3, 1.4), runs=60
    ),
    "trellis, surplus": Claim(
        Trellis(100, 8), 4096, 40, (0.99, 1.01), (0.8, 1.1), (2.6, 2.7), runs=60
    ),
    "trellis, a bit each": Claim(Trellis(250, 8), 250, 250, (0.86, 0.98), (0, 1), (1, 1.1)),
    "antipodal": Claim(Antipodal(200, 12), 8192, 200, (0.95, 0.98), (0.0, 0.5), (1, 1)),
    "antipodal, short": Claim(Antipodal(32, 12), 4096, 32, (0.9, 0.98), (0.0, 0.6), (1, 1)),
    "antipodal, tried whole": Claim(
        Antipodal(12), 512, 12, (0.85, 0.97), (0, 0.7), (1.3, 1.4), runs=60
    ),
    "antipodal, surplus": Claim(
        Antipodal(100, 8), 4096, 40, (0.99, 1.01), (0.8, 1.1), (2.6, 2.7), runs=60
    ),
    "antipodal, a bit each": Claim(Antipodal(250, 8), 250, 250, (0.86, 0.98), (0, 1), (1, 1.1)),
    "folded": Claim(Folded(304, 15), 8192, 304, (0.97, 0.99), (0.0, 0.5), (1, 1)),
    "folded, short": Claim(Folded(32, 12), 4096, 32, (0.9, 0.98), (0.0, 0.6), (1, 1)),
    "folded, tried whole": Claim(Folded(12), 512, 12, (0.85, 0.97), (0, 0.7), (1.3, 1.4), runs=60),
    "folded, surplus": Claim(
        Folded(100, 8), 4096, 40, (0.99, 1.01), (0.8, 1.1), (2.6, 2.7), runs=60
    ),
    "folded, a bit each": Claim(Folded(250, 8), 250, 250, (0.86, 0.98), (0, 1), (1, 1.1)),
    "chunked": Claim(
        Chunked(1400, fresh=False), 6400, 1400, (0.84, 0.88), (0.0, 1.5), (0.9, 1.05), runs=3
    ),
    "chunked, fresh": Claim(Chunked(24, 8), 120, 24, (0.7, 0.95), (0.5, 1), (0.9, 1.9), runs=60),
    "orc": Claim(Orc(12, 10, 4), 60, 12, (0.92, 1), (0.7, 1.1), (1, 3), runs=80),
    "pfr": Claim(Pfr(4, 1), 40, 4, (1, 1), (0.85, 1.15), (1, 9), exact=True, runs=250),
    "codebook": Claim(Codebook(1 << 12, blocks=16), 4096, 170, (0.97, 1.01), (0, 0.4), (1.2, 1.25)),
    "codebook, atoms": Claim(
        Codebook(1 << 10, atoms=20), 4096, 100, (0.98, 1.05), (0, 0.7), (1.55, 1.65), runs=40
    ),
    "codebook, pursuit": Claim(
        Codebook(1 << 8, 4, 3, "pursuit", blocks=8), 2048, 145, (0.97, 1.03), (0, 0.5), (2.2, 2.3)
    ),
    "hadamard": Claim(Hadamard(1 << 12, blocks=16), 4096, 170, (0.97, 1.01), (0, 0.5), (1.2, 1.25)),
    "hadamard, atoms": Claim(
        Hadamard(1 << 18, atoms=20), 5000, 250, (0.98, 1.05), (0, 0.7), (1.25, 1.3), runs=40
    ),
    "hadamard, levels": Claim(
        Hadamard(1 << 10, 3, 4, blocks=8), 2048, 180, (0.97, 1.05), (0, 0.5), (1.6, 1.8)
    ),
}
NAMES = list(SIMULATORS)


def zero(dimensions: int) -> Gaussian:
    return Gaussian(np.zeros(dimensions, np.float32))


def target(claim: Claim, run: int) -> np.ndarray:
    """m of unequal elements and the KL of the row."""
    rng = np.random.default_rng([run, claim.dimensions])
    m = rng.standard_normal(claim.dimensions) * (1 + np.arange(claim.dimensions) % 3)
    return (m * math.sqrt(2 * math.log(2) * claim.kl) / np.linalg.norm(m)).astype(np.float32)


@cache
def sent(name: str) -> Sent:
    claim, reference = SIMULATORS[name], zero(SIMULATORS[name].dimensions)
    bits, z, m = [], [], []
    for run in range(claim.runs):
        m.append(target(claim, run))
        common = Common(Randomness(run), step=run % 5)
        bits.append(claim.channel.simulate(Gaussian(m[-1]), reference, common))
        z.append(claim.channel.replay(bits[-1], reference, common))
    stacked = np.array(z, np.float64), np.array(m, np.float64)
    return Sent(bits, *stacked, math.sqrt(2 * math.log(2) * claim.kl))


@pytest.mark.parametrize("name", NAMES)
def test_along_m_the_sample_goes_as_far_as_claimed(name: str) -> None:
    claim, runs = SIMULATORS[name], sent(name)
    error = SURE * runs.along.std() / math.sqrt(claim.runs) / runs.norm
    assert claim.mean[0] - error <= runs.along.mean() / runs.norm <= claim.mean[1] + error
    error = SURE * runs.along.std() / math.sqrt(2 * claim.runs)
    assert claim.spread[0] - error <= runs.along.std(ddof=1) <= claim.spread[1] + error


@pytest.mark.parametrize("name", [name for name in NAMES if SIMULATORS[name].exact])
def test_an_exact_channel_has_the_target_s_distribution_along_m(name: str) -> None:
    runs = sent(name)
    assert kolmogorov(runs.along - runs.norm) < 1.95  # exceeded with probability 0.001


@pytest.mark.parametrize("name", NAMES)
def test_across_m_the_sample_is_that_of_the_reference(name: str) -> None:
    claim, runs = SIMULATORS[name], sent(name)
    rng = np.random.default_rng(1)
    # Directions orthogonal to m, some smooth ones among them. What repeats within a codeword shows in their variance.
    directions = rng.standard_normal((8, claim.runs, claim.dimensions))
    directions[0], directions[1] = 1, np.arange(claim.dimensions) % 2 - 0.5
    inside = np.einsum("krd,rd->kr", directions, runs.m) / runs.norm**2
    directions -= inside[..., None] * runs.m
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    values = np.einsum("krd,rd->kr", directions, runs.z).ravel()
    assert abs(values.mean()) < SURE / math.sqrt(values.size)
    assert abs(values.var() - 1) < SURE * math.sqrt(2 / values.size)
    assert kolmogorov(values) < 1.95


@pytest.mark.parametrize("name", NAMES)
def test_noise_has_the_moments_of_the_normal_law(name: str) -> None:
    claim, runs = SIMULATORS[name], sent(name)
    noise = runs.across * math.sqrt(claim.dimensions / (claim.dimensions - 1))
    assert abs(noise.mean()) < SURE / math.sqrt(noise.size)
    # Elements share codewords, and 1 bit for every dimension leaves its mark on |z|: within 3 %.
    per_run = (noise**2).mean(axis=1)
    assert abs(per_run.mean() - 1) < SURE * per_run.std() / math.sqrt(claim.runs) + 0.03
    kurtosis = (noise**4).mean(axis=1).mean() / per_run.mean() ** 2
    spread = (noise**4).mean(axis=1).std() / math.sqrt(claim.runs)
    assert abs(kurtosis - 3) < SURE * spread + 0.05


@pytest.mark.parametrize("name", NAMES)
def test_bits_are_as_many_as_claimed(name: str) -> None:
    claim, runs = SIMULATORS[name], sent(name)
    rate = 8 * np.array([len(bits) for bits in runs.bits]) / claim.kl
    error = SURE * rate.std() / math.sqrt(claim.runs)
    assert claim.rate[0] - error <= rate.mean() <= claim.rate[1] + error + 1e-9


def conveyed(name: str) -> np.ndarray:
    """KL conveyed, A^2/2, in bits, per bit sent."""
    runs = sent(name)
    return runs.along**2 / 2 / math.log(2) / (8 * np.mean([len(bits) for bits in runs.bits]))


def test_the_trellis_conveys_nine_tenths_of_its_bits_and_the_published_scheme_three_quarters() -> (
    None
):
    ours, published = conveyed("trellis"), conveyed("chunked")
    assert ours.mean() > 0.9
    assert conveyed("trellis, short").mean() > 0.85
    error = SURE * published.std() / math.sqrt(published.size)
    assert abs(published.mean() - 0.76) < 0.02 + error
    assert ours.mean() > published.mean() + 0.1


def test_more_memory_conveys_more() -> None:
    reference, runs = zero(2000), range(6)
    m = [target(Claim(Trellis(1), 2000, 100, (0, 0), (0, 0), (0, 0)), run) for run in runs]
    found = []
    for memory in (4, 8, 12):
        channel = Trellis(100, memory)
        samples = (
            (channel.replay(channel.simulate(Gaussian(m[run]), reference, c), reference, c), m[run])
            for run in runs
            for c in [Common(Randomness(run))]
        )
        found.append(np.mean([z @ mean for z, mean in samples]))
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_call_sends_the_same_and_another_seed_or_step_does_not(name: str) -> None:
    claim, runs = SIMULATORS[name], sent(name)
    reference, m = zero(claim.dimensions), Gaussian(target(claim, 0))
    again = claim.channel.simulate(m, reference, Common(Randomness(0), 0))
    assert again == runs.bits[0]
    for other in (Common(Randomness(1), 0), Common(Randomness(0), 1)):
        z = claim.channel.replay(runs.bits[0], reference, other) if len(runs.bits[0]) else None
        assert z is None or not np.array_equal(z, runs.z[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_only_shifts_and_scales(name: str) -> None:
    claim, runs = SIMULATORS[name], sent(name)
    common, scale = Common(Randomness(0), 0), 0.25  # exact in binary
    shift = np.float32(8) * np.arange(claim.dimensions, dtype=np.float32)
    reference = Gaussian(shift, scale)
    moved = shift + np.float32(scale) * target(claim, 0)
    bits = claim.channel.simulate(Gaussian(moved, scale), reference, common)
    z = claim.channel.replay(runs.bits[0], reference, common)
    expected = shift + np.float32(scale) * runs.z[0].astype(np.float32)
    assert np.array_equal(z, expected) and z.dtype == np.float32
    if claim.dimensions < 1000:  # beyond, the shift's rounding may change a decision
        assert claim.channel.replay(bits, reference, common) == pytest.approx(expected, abs=8)


REPLAY = """
import hashlib, json, runpy, sys
suite = runpy.run_path(sys.argv[1])
for name, bits in json.load(sys.stdin).items():
    claim = suite["SIMULATORS"][name]
    common = suite["Common"](suite["Randomness"](0), 0)
    z = claim.channel.replay(bytes.fromhex(bits), suite["zero"](claim.dimensions), common)
    print(hashlib.sha256(z.tobytes()).hexdigest())
"""


def test_another_process_with_other_threads_replays_the_same_samples() -> None:
    threads = {f"{library}_NUM_THREADS": "3" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    environment = os.environ | threads | {"PYTHONHASHSEED": "77"}
    ran = subprocess.run(
        [sys.executable, "-c", REPLAY, str(Path(__file__))],
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        input=json.dumps({name: sent(name).bits[0].hex() for name in NAMES}),
        capture_output=True,
        text=True,
        check=True,
    )
    own = [hashlib.sha256(sent(name).z[0].astype("<f4").tobytes()).hexdigest() for name in NAMES]
    assert ran.stdout.split() == own


@pytest.mark.parametrize("name", NAMES)
def test_bits_that_no_sender_makes_are_refused(name: str) -> None:
    claim, bits = SIMULATORS[name], sent(name).bits[0]
    reference, common = zero(claim.dimensions), Common(Randomness(0), 0)
    for wrong in (bits[:-1], bits + b"\0", bits + b"\1", bits + bits):
        with pytest.raises(ChannelError) as caught:
            claim.channel.replay(wrong, reference, common)
        assert caught.value.channel == claim.channel.name


@pytest.mark.parametrize("name", NAMES)
def test_random_bits_are_refused_or_give_a_sample(name: str) -> None:
    claim, rng = SIMULATORS[name], np.random.default_rng(3)
    reference, common = zero(claim.dimensions), Common(Randomness(0), 0)
    for length in [*range(12), *(len(bits) for bits in sent(name).bits[:8])]:
        try:
            z = claim.channel.replay(rng.bytes(length), reference, common)
        except ChannelError:
            continue
        assert z.shape == (claim.dimensions,) and np.isfinite(z).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_target_that_is_the_reference_or_none_at_all(name: str) -> None:
    claim = SIMULATORS[name]
    reference, common = zero(claim.dimensions), Common(Randomness(5), 2)
    bits = claim.channel.simulate(reference, reference, common)
    z = claim.channel.replay(bits, reference, common)
    assert abs(float((z.astype(np.float64) ** 2).mean()) - 1) < 8 / math.sqrt(claim.dimensions)
    assert len(np.unique(z)) > 16  # of `hadamard` multiples of a step
    broken = Gaussian(np.full(claim.dimensions, np.nan, np.float32))
    with pytest.raises(ChannelError, match="not finite"):
        claim.channel.simulate(broken, reference, common)
    with pytest.raises(ValueError, match="shape"):
        claim.channel.simulate(zero(claim.dimensions + 1), reference, common)
    with pytest.raises(ValueError, match="deviations"):
        claim.channel.simulate(Gaussian(reference.mean, 2.0), reference, common)
