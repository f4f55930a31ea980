"""What the trellis and the chunked simulators do at the ends of their parameters' ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gcodec.channels import Channel, Common, Gaussian
from gcodec.errors import ChannelError
from gcodec.randomness import Domain, Randomness
from gcodec_diffc.channels import (
    Antipodal,
    Chunked,
    Folded,
    Orc,
    Pfr,
    Trellis,
    _path,
    _pfr,
    _trellis,
    _zipf,
)

COMMON = Common(Randomness(9), 4)


def zero(dimensions: int) -> Gaussian:
    return Gaussian(np.zeros(dimensions, np.float32))


def mean(dimensions: int, bits: float, seed: int = 0) -> Gaussian:
    m = np.random.default_rng(seed).standard_normal(dimensions)
    m *= math.sqrt(2 * math.log(2) * bits) / np.linalg.norm(m)
    return Gaussian(m.astype(np.float32))


@pytest.mark.parametrize(
    "channel", [Trellis(0), Antipodal(0), Folded(0), Chunked(0), Orc(0), Pfr(0)]
)
def test_nothing_to_send_is_a_sample_of_the_reference(channel: Channel) -> None:
    reference = zero(500)
    assert channel.simulate(mean(500, 3), reference, COMMON) == b""
    z = channel.replay(b"", reference, COMMON)
    assert np.array_equal(z, COMMON.randomness.normal(Domain.CODEBOOK, 4, 0, 500))
    with pytest.raises(ChannelError):
        channel.replay(b"\0", reference, COMMON)


@pytest.mark.parametrize(
    ("channel", "dimensions"),
    [
        (Trellis(10), 9),
        (Antipodal(10), 9),
        (Folded(10), 9),
        (Chunked(10), 9),
        (Orc(30), 29),
        (Pfr(10), 9),
    ],
)
def test_more_bits_than_dimensions_are_refused_at_both_ends(
    channel: Channel, dimensions: int
) -> None:
    reference = zero(dimensions)
    with pytest.raises(ChannelError, match=f"too many for {dimensions} dimensions"):
        channel.simulate(mean(dimensions, 1), reference, COMMON)
    with pytest.raises(ChannelError):
        channel.replay(b"ab", reference, COMMON)


@pytest.mark.parametrize(
    "parameters",
    [
        (Trellis, {"bits": -1}),
        (Trellis, {"bits": 9, "memory": 0}),
        (Trellis, {"bits": 9, "memory": 21}),
        (Antipodal, {"bits": 9, "memory": 2}),
        (Antipodal, {"bits": 9, "memory": 21}),
        (Folded, {"bits": 9, "memory": 7}),
        (Folded, {"bits": 9, "memory": 24}),
        (Chunked, {"kl": -1}),
        (Chunked, {"kl": 9, "chunk": 21}),
        (Orc, {"kl": 9, "chunk": 4, "padding": 4}),
        (Pfr, {"kl": 9, "tail": 0.0}),
        (Pfr, {"kl": 9, "fresh": False}),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: tuple[type, dict[str, float]]) -> None:
    kind, values = parameters
    with pytest.raises(ValueError):
        kind(**values)


@pytest.mark.parametrize("bits", [1, 2, 7, 11, 12, 13, 16, 17, 30])
@pytest.mark.parametrize("dimensions", [30, 97, 5000])
@pytest.mark.parametrize("kind", [Trellis, Antipodal, Folded])
def test_trellises_send_any_few_bits_to_any_dimensions(
    bits: int, dimensions: int, kind: type[Trellis]
) -> None:
    channel, reference = kind(bits, 12), zero(dimensions)
    towards = []
    for seed in range(5):
        target, common = mean(dimensions, bits, seed), Common(Randomness(seed))
        sent = channel.simulate(target, reference, common)
        assert len(sent) == -(-bits // 8)
        towards.append(float(channel.replay(sent, reference, common) @ target.mean))
    assert np.mean(towards) > 0.5 * 2 * math.log(2) * bits - 0.7 * math.sqrt(2 * bits)


def test_the_last_byte_of_the_trellis_is_filled_with_zeros() -> None:
    channel, reference = Trellis(13), zero(100)
    sent = channel.simulate(mean(100, 13), reference, COMMON)
    assert sent[1] & 7 == 0
    for bit in (1, 2, 4):
        with pytest.raises(ChannelError, match="padding"):
            channel.replay(bytes([sent[0], sent[1] | bit]), reference, COMMON)


def test_metrics_made_again_and_metrics_kept_lead_to_the_same_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel, reference = Trellis(400, 6), zero(3000)
    kept = channel.simulate(mean(3000, 400), reference, COMMON)
    monkeypatch.setattr(_trellis, "_KEPT", 0)
    monkeypatch.setattr(_path, "_BLOCK", 1 << 9)
    assert channel.simulate(mean(3000, 400), reference, COMMON) == kept


def brute(rows: np.ndarray, v: int) -> tuple[np.ndarray, np.ndarray]:
    """All words of n bits, and the sum of metrics of each, one by one."""
    n = len(rows)
    words = (np.arange(1 << n)[:, None] >> np.arange(n - 1, -1, -1)) & 1
    totals = []
    for word in words:
        states = [sum(word[(i - k) % n] << (v - 1 - k) for k in range(v)) for i in range(n)]
        totals.append(sum(rows[i, s] for i, s in enumerate(states)))
    return words, np.array(totals)


@pytest.mark.parametrize(
    ("n", "v", "exhaustive"), [(7, 3, True), (7, 3, False), (9, 9, True), (10, 2, False)]
)
def test_the_best_path_is_the_best_of_all_words(
    n: int, v: int, exhaustive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_path, "WORDS", 16 if exhaustive else 0)
    for seed in range(8):
        rows = np.random.default_rng(seed).standard_normal((n, 1 << v)).astype(np.float32)
        words, totals = brute(rows, v)
        bits, highest = _path.best(rows.__getitem__, n, v)
        assert bits.tolist() == words[totals.argmax()].tolist()
        assert highest == pytest.approx(totals.max(), abs=1e-4)


@pytest.mark.parametrize("exhaustive", [True, False])
def test_paths_are_drawn_by_their_weights(
    exhaustive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_path, "WORDS", 16 if exhaustive else 0)
    n, v, draws = 6, 2, 1500
    rows = np.random.default_rng(2).standard_normal((n, 1 << v)).astype(np.float32)
    _, totals = brute(rows, v)
    expected = np.exp(totals) / np.exp(totals).sum()
    if (
        not exhaustive
    ):  # the state at both ends is drawn by what surrounds it, so compare given that
        ends = np.arange(1 << n) & (1 << v) - 1
        given = np.bincount(ends, expected)[ends]
        expected /= given
    counts = np.zeros(1 << n)
    uniforms = np.random.default_rng(3).random((draws, n + 1)).astype(np.float32)
    for row in uniforms:
        counts[int("".join(map(str, _path.draw(rows.__getitem__, n, v, row))), 2)] += 1
    if not exhaustive:
        share = np.bincount(ends, counts)[ends]
        expected *= share
    else:
        expected *= draws
    often = expected > 5
    chi = ((counts - expected)[often] ** 2 / expected[often]).sum()
    assert chi < often.sum() + 4 * math.sqrt(2 * often.sum())


@pytest.mark.parametrize("width", [1, 4, 16])
def test_frequencies_are_zipf_s_law(width: int) -> None:
    row = _zipf.frequencies(width, 28, 2)
    assert row.sum() == 1 << 24 and row.min() >= 1 and len(row) == (1 << width) + 2
    law = np.arange(1, (1 << width) + 1) ** -(1 + 1 / (14 + 1.5307))
    expected = 1 + law / law.sum() * ((1 << 24) - len(row))
    assert np.abs(row[1:-2] - expected[1:]).max() < 2 + 1e-4 * expected[1]
    assert np.abs(row[0] - expected[0]) < len(row) + 1e-4 * expected[0]


def test_indices_come_back_those_beyond_their_table_too() -> None:
    widths, kl = [3, 4, 3, 16], (9, 4)
    for indices in (
        [7, 0, 3, 65_535],
        [0, 0, 0, 0],
        [8, 16, 400_000, 65_536],
        [1, 4_000_000, 9, 2],
    ):
        data = _zipf.encode(indices, widths, kl)
        assert _zipf.decode(data, widths, kl, "x").tolist() == indices


def test_pfr_says_when_a_chunk_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pfr, "_LIMIT", 1 << 12)
    with pytest.raises(ChannelError, match=r"KL of 20\.0 bits needs more than 4096 candidates"):
        Pfr(3).simulate(mean(10, 20), zero(10), COMMON)
