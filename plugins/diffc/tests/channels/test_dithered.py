"""`Dithered`: the error is uniform and independent of the signal, and costs the mutual information."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.channels import Common
from gcodec.entropy import RowEncoder
from gcodec.errors import ChannelError
from gcodec.randomness import Randomness
from gcodec_diffc.channels import Dithered, Logistic

WIDTH, D = 1000, 60_000
COMMON = Common(Randomness(3), 2)
#: Chance that a sound channel fails one of the tests of its distribution, by the bound of Dvoretzky, Kiefer, Wolfowitz.
ALPHA = 1e-9

Ints = NDArray[np.int64]


def logistic(scale: float, rng: np.random.Generator, count: int = D) -> Ints:
    return np.rint(np.clip(rng.logistic(0, scale, count), -24 * scale, 24 * scale)).astype(np.int64)


def reference(index: int, count: int = D) -> Logistic:
    """Scale s = 2**(index / 8 - 8) widths around 0, cut off at 25 s."""
    fill = np.ones(count, np.int64)
    reach = int(25 * WIDTH * 2 ** (index / 8 - 8)) * fill
    return Logistic(0 * fill, index * fill, -reach, reach)


def deviates(error: NDArray[np.float64]) -> float:
    """Kolmogorov-Smirnov distance from the uniform distribution, over its critical value."""
    u = np.sort(error / WIDTH + 0.5)
    steps = np.arange(len(u) + 1) / len(u)
    distance = max(np.max(steps[1:] - u), np.max(u - steps[:-1]))
    # Error takes WIDTH values, a step of the distribution function each.
    return float((distance - 1 / WIDTH) / np.sqrt(np.log(2 / ALPHA) / (2 * len(u))))


@pytest.mark.parametrize("scale", [3.0, 300.0, 4000.0])
def test_the_error_is_uniform_whatever_the_signal(scale: float) -> None:
    x = logistic(scale, np.random.default_rng(1))
    channel = Dithered(WIDTH)
    dither = channel.dither(COMMON, D)
    y = channel.edge(channel.cell(x, dither), dither) + WIDTH / 2
    error = y - x
    assert np.abs(error).max() <= WIDTH / 2
    assert deviates(error) < 1
    for some in (x > 0, x <= 0, x % WIDTH < WIDTH // 4, np.abs(x) > 2 * scale):
        assert deviates(error[some]) < 1, "the error depends on the signal"


def test_without_its_dither_the_error_would_not_pass() -> None:
    """The tests above can fail."""
    x = logistic(300.0, np.random.default_rng(1))
    y = Dithered(WIDTH).cell(x, np.zeros_like(x)) * WIDTH + WIDTH / 2
    assert deviates((y - x)[x > 0]) > 1


@pytest.mark.parametrize("index", [24, 48, 64, 80])
def test_bits_are_the_mutual_information(index: int) -> None:
    """I(X; Y) = h(Y) - log2 C, h(Y) from the density of a logistic variable in uniform noise, by quadrature."""
    s = WIDTH * 2 ** (index / 8 - 8)
    reach = 60 * s + WIDTH
    y, step = np.linspace(-reach, reach, 200_001, retstep=True)
    density = (np.tanh((y + WIDTH / 2) / (2 * s)) - np.tanh((y - WIDTH / 2) / (2 * s))) / 2 / WIDTH
    information = -float(np.sum(density * np.log2(np.maximum(density, 1e-300)))) * step
    information -= np.log2(WIDTH)
    count = min(D, 4 * D >> index // 16)  # more cells, fewer symbols
    x = logistic(s, np.random.default_rng(2), count)
    bits = 8 * len(Dithered(WIDTH).simulate(x, reference(index, count), COMMON)) / count
    assert bits == pytest.approx(information, rel=0.01, abs=0.003)


def test_the_receiver_has_the_senders_sample() -> None:
    x = logistic(500.0, np.random.default_rng(4), 5000)
    channel, prior = Dithered(WIDTH), reference(56, 5000)
    bits = channel.simulate(x, prior, COMMON)
    y = channel.replay(bits, prior, COMMON)
    assert np.abs(y - x).max() <= WIDTH / 2
    dither = channel.dither(COMMON, 5000)
    assert np.array_equal(channel.cell(x, dither) * WIDTH - dither + WIDTH / 2, y)


def test_what_is_known_bounds_what_is_sent() -> None:
    """A support of one cell costs nothing; x outside of it cannot be sent."""
    x = np.full(1000, 40, np.int64)
    tight = Logistic(x, np.full(1000, 60), x, x + 1)
    assert Dithered(WIDTH).simulate(x, tight, COMMON) == b""
    assert np.abs(Dithered(WIDTH).replay(b"", tight, COMMON) - x).max() <= WIDTH / 2
    with pytest.raises(ChannelError, match="outside"):
        Dithered(WIDTH).simulate(x + 1, tight, COMMON)


def test_damaged_bits_are_refused() -> None:
    x = logistic(500.0, np.random.default_rng(5), 3000)
    channel, prior = Dithered(WIDTH), reference(56, 3000)
    bits = channel.simulate(x, prior, COMMON)
    for damaged in (bits[:-5], bits + b"\1\2\3\4", bits + b"\0"):
        with pytest.raises(ChannelError):
            channel.replay(damaged, prior, COMMON)


def test_parameters_out_of_range() -> None:
    for width in (0, 1, 1 << 17):
        with pytest.raises(ValueError, match="width"):
            Dithered(width)
    with pytest.raises(ValueError, match="shape"):
        Dithered(WIDTH).simulate(np.zeros(3, np.int64), reference(40, 4), COMMON)


def test_frequencies_are_those_of_the_stream() -> None:
    """An asymmetric numeral system in Python's integers, under the frequencies as they are, reads what was written."""
    rng = np.random.default_rng(6)
    tables = rng.integers(1, 1 << 20, (200, 5))
    tables = tables * ((1 << 24) // tables.sum(1, keepdims=True))
    tables[:, 0] += (1 << 24) - tables.sum(1)
    symbols = rng.integers(0, 5, 200)
    writer = RowEncoder()
    writer.put(symbols, tables)
    data = writer.finish()
    words = [int(w) for w in np.frombuffer(data + bytes(-len(data) % 4), "<u4")]
    state = words.pop() << 32 | words.pop()
    for row, wanted in zip(tables.tolist(), symbols.tolist(), strict=True):
        slot, below, symbol = state & 0xFFFFFF, 0, 0
        while below + row[symbol] <= slot:
            below += row[symbol]
            symbol += 1
        assert symbol == wanted
        state = (state >> 24) * row[symbol] + slot - below
        if state < 1 << 32 and words:
            state = state << 32 | words.pop()
    assert state == 0
    assert not words


def test_a_callers_decimal_context_changes_no_frequency() -> None:
    words = "from gcodec_diffc.channels import _logistic as l; print(l._table().sum(), l._inverse_scales(48).sum())"
    others = "import decimal; decimal.getcontext().prec = 3; " + words
    said = [
        subprocess.run([sys.executable, "-c", each], capture_output=True, check=True).stdout
        for each in (words, others)
    ]
    assert said[0] == said[1] != b""
