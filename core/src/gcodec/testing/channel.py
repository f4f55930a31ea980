"""What every channel simulator must do."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from gcodec.channels import Channel, Common, Gaussian
from gcodec.errors import ChannelError
from gcodec.options import check_options
from gcodec.plugin import ChannelSpec
from gcodec.randomness import Randomness
from gcodec.registry import load_object, registry
from gcodec.testing import _processes, _specs
from gcodec.testing.embedding import assert_light

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

    Values = NDArray[np.float64]

__all__ = ["ChannelConformance", "Sent", "build", "kolmogorov"]

#: A bound holds if what is measured is beyond it by at most so many standard errors: a sound channel misses one of them
#: once in 16,000 times.
SURE = 4.0

#: Kolmogorov's statistic exceeds this with probability 0.001.
FAR = 1.95


class ChannelConformance:
    """Subclass it as ``class Test...`` and set `name`; the rest is what the author states of the channel. State it narrowly:
    the defaults forgive nearly everything.

    With A = <z, m> / |m|, of a target N(m, I) under N(0, I):

    name        of the installed channel.
    options     settings that differ from the defaults.
    bits        of a step, and of the KL of its target.
    dimensions  D of a step.
    runs        steps with less to send, and a quarter as many with `bits` to send, each with a target and a seed of its own.
                |E A - |m|| is seen where it is more than `bias` |m| and 4 / sqrt(runs) together.
    along       least and largest E A / |m| where KL is `bits`.
    spread      least and largest deviation of A there.
    less        share of `bits` that the KL of a target may have at most of which z is a true sample: E A = |m|, Var A = 1,
                A normal. 0 where none is stated.
    bias        largest |E A - |m|| / |m| of such a sample.
    cost        factor, more: a step with KL `bits` takes `bits` times the factor and some more, at most, on average.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    bits: ClassVar[int] = 128
    dimensions: ClassVar[int] = 512
    runs: ClassVar[int] = 300
    along: ClassVar[tuple[float, float]] = (0.5, 1.1)
    spread: ClassVar[tuple[float, float]] = (0.0, 1.2)
    less: ClassVar[float] = 0.0
    bias: ClassVar[float] = 0.005
    cost: ClassVar[tuple[float, float]] = (1.5, 64.0)

    @property
    def spec(self) -> ChannelSpec:
        """The installed spec."""
        return registry().named(ChannelSpec, self.name)

    @property
    def channel(self) -> Channel:
        """The channel of a step."""
        return build(self.name, self.bits, self.options)

    @property
    def reference(self) -> Gaussian:
        """N(0, I)."""
        return Gaussian.standard(self.dimensions)

    def sent(self, share: float, runs: int) -> Sent:
        """Return what comes of `runs` steps with a KL of `share` of the bits."""
        options = tuple(self.options.items())
        return _sent(self.name, options, self.bits, self.dimensions, share, runs)

    @property
    def full(self) -> Sent:
        """Steps with as much to send as there are bits."""
        return self.sent(1.0, -(-self.runs // 4))

    def test_spec(self) -> None:
        """The spec is well formed and its implementation makes a channel, with any of its options."""
        _specs.check_channel(self.spec)
        for setting in ({}, *_specs.variations(self.spec.options)):
            made = build(self.name, self.bits, setting)
            assert isinstance(made, Channel), f"with {setting} it makes a {type(made).__name__}"
        assert self.channel.name == self.name, f"the channel calls itself {self.channel.name!r}"

    def test_listing_imports_nothing_heavy(self) -> None:
        """The module that the entry point names is imported by every command, so it must be light."""
        assert_light(self.spec)

    def test_what_the_bits_convey(self) -> None:
        """With KL `bits` the sample goes along m as far as stated, with the spread that is stated."""
        sent = self.full
        error = SURE * sent.along.std(ddof=1) / math.sqrt(len(sent.along)) / sent.norm
        mean = float(sent.along.mean()) / sent.norm
        low, high = self.along
        assert low - error <= mean <= high + error, f"E A is {mean:.3f} |m|, stated {self.along}"
        deviation = float(sent.along.std(ddof=1))
        error = SURE * deviation / math.sqrt(2 * len(sent.along))
        low, high = self.spread
        assert low - error <= deviation <= high + error, (
            f"A has deviation {deviation:.2f}, stated {self.spread}"
        )

    def test_a_sample_of_the_target(self) -> None:
        """With less to send than the bits can, A is N(|m|, 1): its mean, its deviation to 10 %, its distribution."""
        if not self.less:
            pytest.skip("states no KL that it sends exactly")
        sent = self.sent(self.less, self.runs)
        off, may = sent.along - sent.norm, self.bias * sent.norm
        error = SURE / math.sqrt(self.runs)
        assert abs(off.mean()) <= may + error, (
            f"E A is {sent.along.mean() / sent.norm:.4f} |m|, {abs(off.mean()):.3f} away from |m|;"
            f" {may:.3f} are stated and {error:.3f} are chance"
        )
        deviation, error = float(off.std(ddof=1)), SURE / math.sqrt(2 * self.runs)
        assert abs(deviation - 1) <= 0.1 + error, (
            f"A has deviation {deviation:.3f}, not 1 to within {0.1 + error:.3f}"
        )
        far, may = kolmogorov(off), FAR + 0.4 * may * math.sqrt(self.runs)
        assert far <= may, f"A - |m| is not N(0, 1): Kolmogorov's statistic is {far:.2f}"

    def test_across_the_target_the_sample_is_noise(self) -> None:
        """Along directions orthogonal to m, smooth ones among them, z is N(0, 1)."""
        sent = self.full
        rng = np.random.default_rng(1)
        directions = rng.standard_normal((8, *sent.m.shape))
        directions[0], directions[1] = 1, np.arange(self.dimensions) % 2 - 0.5
        inside = np.einsum("krd,rd->kr", directions, sent.m) / sent.norm**2
        directions -= inside[..., None] * sent.m
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        values = np.einsum("krd,rd->kr", directions, sent.z).ravel()
        error = SURE / math.sqrt(values.size)
        assert abs(values.mean()) <= error, f"the mean across m is {values.mean():.3f}"
        assert abs(values.var() - 1) <= error * math.sqrt(2), f"the variance is {values.var():.3f}"
        far = kolmogorov(values)
        assert far <= FAR, f"across m z is not normal: Kolmogorov's statistic is {far:.2f}"

    def test_elements_are_normal(self) -> None:
        """One by one too: mean 0, and, to 3 %, variance 1 and kurtosis 3."""
        sent = self.full
        noise = sent.across * math.sqrt(self.dimensions / (self.dimensions - 1))
        runs = math.sqrt(len(noise))
        assert abs(noise.mean()) <= SURE / math.sqrt(noise.size), f"mean {noise.mean():.4f}"
        square, fourth = (noise**2).mean(axis=1), (noise**4).mean(axis=1)
        error = SURE * square.std(ddof=1) / runs + 0.03
        assert abs(square.mean() - 1) <= error, f"the elements' variance is {square.mean():.3f}"
        kurtosis = fourth.mean() / square.mean() ** 2
        error = SURE * fourth.std(ddof=1) / runs + 0.09
        assert abs(kurtosis - 3) <= error, f"the elements' kurtosis is {kurtosis:.2f}, not 3"

    def test_bits(self) -> None:
        """As few as stated; always ceil(bits / 8) bytes where the spec says `fixed`."""
        sizes = np.array([len(bits) for bits in self.full.bits])
        if self.spec.fixed:
            due = -(-self.bits // 8)
            assert set(sizes.tolist()) == {due}, f"{set(sizes.tolist())} bytes, fixed are {due}"
        factor, more = self.cost
        error = SURE * 8 * sizes.std(ddof=1) / math.sqrt(len(sizes))
        found, may = 8 * sizes.mean(), factor * self.bits + more
        assert found <= may + error, f"{found:.1f} bits for a KL of {self.bits}, stated {may:.1f}"

    def test_is_a_function(self) -> None:
        """One call has one answer, whatever was sent in between; another seed or step has another; nothing is written to."""
        sent, channel, common = self.full, self.channel, Common(Randomness(0), 0)
        m = sent.m[0].astype(np.float32)
        target, reference = Gaussian(m.copy()), self.reference
        random.random(), np.random.random()
        states = random.getstate(), str(np.random.get_state())
        bits = channel.simulate(target, reference, common)
        z = channel.replay(bits, reference, common)
        assert bits == sent.bits[0], "one target, one seed, one step: two messages"
        assert np.array_equal(z, sent.z[0]), "one message has two samples"
        after = random.getstate(), str(np.random.get_state())
        assert after == states, "it draws from a global generator, not from `common`"
        kept = np.array_equal(target.mean, m) and not reference.mean.any()
        assert kept, "it wrote into what it was given"
        for other in (Common(Randomness(1), 0), Common(Randomness(0), 1)):
            again = channel.replay(bits, reference, other)
            assert not np.array_equal(again, z), (
                "another seed, or another step, has the same sample"
            )

    def test_the_reference_shifts_and_scales(self) -> None:
        """Of N(mean, s^2 I) the sample is mean + s z, in float32, and as many bits are sent."""
        shift, scale = np.float32(8) * np.arange(self.dimensions, dtype=np.float32), 0.25
        reference, common, sent = Gaussian(shift, scale), Common(Randomness(0), 0), self.full
        z = self.channel.replay(sent.bits[0], reference, common)
        assert z.dtype == np.float32, f"the sample is {z.dtype}, not float32"
        expected = shift + np.float32(scale) * sent.z[0].astype(np.float32)
        assert np.array_equal(z, expected), "the sample is not mean + s z"
        moved = Gaussian(shift + np.float32(scale) * sent.m[0].astype(np.float32), scale)
        again = self.channel.replay(
            self.channel.simulate(moved, reference, common), reference, common
        )
        along = float((again - shift) @ sent.m[0]) / scale / sent.norm
        assert along == pytest.approx(sent.along[0], abs=6), "z depends on the reference's mean"

    def test_fresh_process(self, tmp_path: Path) -> None:
        """A process that has only the bits, and another number of threads, makes the sender's samples, bit for bit."""
        sent = self.full
        task = {
            "do": "replay",
            "channel": self.name,
            "options": dict(self.options),
            "step_bits": self.bits,
            "dimensions": self.dimensions,
            "messages": [bits.hex() for bits in sent.bits[:8]],
        }
        (found,) = _processes.run_tasks([task], tmp_path, threads=_processes.other_threads())
        own = [hashlib.sha256(z.astype("<f4").tobytes()).hexdigest() for z in sent.z[:8]]
        assert found == own, "the fresh process has other samples"

    def test_bits_that_no_sender_makes(self) -> None:
        """Too few, too many or any others: ChannelError of this channel, or a sample; no other error."""
        channel, common, bits = self.channel, Common(Randomness(0), 0), self.full.bits[0]
        for wrong in (bits[:-1], bits + b"\0", bits + b"\1", bits + bits):
            with pytest.raises(ChannelError) as caught:
                channel.replay(wrong, self.reference, common)
            assert caught.value.channel == self.name
        rng = np.random.default_rng(3)
        for length in (*range(12), *(len(bits) for bits in self.full.bits[:12])):
            try:
                z = channel.replay(rng.bytes(length), self.reference, common)
            except ChannelError:
                continue
            assert z.shape == (self.dimensions,) and np.isfinite(z).all(), "no sample"

    def test_what_it_cannot_send(self) -> None:
        """ValueError for shapes or deviations that differ, ChannelError for means that are not finite; N(0, I) is sent."""
        channel, common, reference = self.channel, Common(Randomness(5), 2), self.reference
        with pytest.raises(ValueError):
            channel.simulate(Gaussian.standard(self.dimensions + 1), reference, common)
        with pytest.raises(ValueError):
            channel.simulate(Gaussian(reference.mean, 2.0), reference, common)
        for value in (np.nan, np.inf):
            broken = np.full(self.dimensions, value, np.float32)
            with pytest.raises(ChannelError):
                channel.simulate(Gaussian(broken), reference, common)
        z = channel.replay(channel.simulate(reference, reference, common), reference, common)
        square = float((z.astype(np.float64) ** 2).mean())
        assert abs(square - 1) < 8 / math.sqrt(self.dimensions), (
            f"of N(0, I) it has |z|^2/D {square}"
        )


@dataclass(frozen=True)
class Sent:
    """What came of runs of one step: bits, z [runs, D] and m [runs, D], all of length |m|."""

    bits: list[bytes]
    z: Values
    m: Values
    norm: float

    @cached_property
    def along(self) -> Values:
        """A of each run."""
        found: Values = np.einsum("rd,rd->r", self.z, self.m) / self.norm
        return found

    @cached_property
    def across(self) -> Values:
        """What is left of z without A."""
        return self.z - self.along[:, None] * self.m / self.norm


def build(name: str, bits: int, options: Mapping[str, Any]) -> Channel:
    """Return the channel itself, without the checks of `gcodec.channels.open_channel`."""
    spec = registry().named(ChannelSpec, name)
    given = check_options(spec.name, spec.options, options)
    made: Channel = load_object(spec.name, spec.implementation)(bits, **given)
    return made


def kolmogorov(values: Values) -> float:
    """The largest distance between the values' distribution and N(0, 1), times the root of their number."""
    cdf = np.array([NormalDist().cdf(value) for value in np.sort(values)])
    steps = np.arange(len(cdf) + 1) / len(cdf)
    return float(math.sqrt(len(cdf)) * max((steps[1:] - cdf).max(), (cdf - steps[:-1]).max()))


@cache
def _sent(
    name: str,
    options: tuple[tuple[str, Any], ...],
    bits: int,
    dimensions: int,
    share: float,
    runs: int,
) -> Sent:
    channel, reference = build(name, bits, dict(options)), Gaussian.standard(dimensions)
    norm = math.sqrt(2 * math.log(2) * share * bits)
    messages: list[bytes] = []
    z: list[FloatArray] = []
    targets: list[FloatArray] = []
    for run in range(runs):
        # Elements of three sizes, as those of a picture differ.
        m = np.random.default_rng([run, dimensions]).standard_normal(dimensions)
        m *= 1 + np.arange(dimensions) % 3
        targets.append((m * norm / np.linalg.norm(m)).astype(np.float32))
        common = Common(Randomness(run), step=run % 5)
        messages.append(channel.simulate(Gaussian(targets[-1].copy()), reference, common))
        z.append(channel.replay(messages[-1], reference, common))
    return Sent(messages, np.array(z, np.float64), np.array(targets, np.float64), norm)
