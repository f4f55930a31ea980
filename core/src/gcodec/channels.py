"""Channel simulators: what one is, how an author writes one, and how one that is installed is opened.

Sender and receiver share a reference distribution p and common randomness. The sender alone knows a target q and sends
bits from which the receiver makes a sample of q: *reverse channel coding*, in about KL(q || p) bits (Li and El Gamal
2018; Theis and Yosri 2022; review, section IV).

Here p = N(mean_p, s^2 I) and q = N(mean_q, s^2 I). In units of s, and from mean_p, the target is N(m, I) and the reference
N(0, I) (`normalized`); what comes back is a sample z of N(m, I), or mean_p + s z (`restored`). What a channel must promise
is in spec/CHANNELS.md, section 7, and tested by `gcodec.testing.ChannelConformance`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from gcodec.border import Unfit, of_plugin
from gcodec.errors import ChannelError, InvalidArgument
from gcodec.randomness import Randomness
from gcodec.registry import load_object

if TYPE_CHECKING:
    from gcodec.plugin import ChannelSpec
    from gcodec.signals import FloatArray

__all__ = ["Channel", "Common", "Gaussian", "normalized", "open_channel", "restored"]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(mean, deviation^2 I) in D dimensions: mean float32 [D], deviation positive."""

    mean: FloatArray
    deviation: float = 1.0

    @classmethod
    def standard(cls, dimensions: int) -> Gaussian:
        """N(0, I)."""
        return cls(np.zeros(dimensions, np.float32))

    def kl(self, reference: Gaussian) -> float:
        """KL(self || reference) in nats, for equal deviations: |mean - mean_p|^2 / (2 deviation^2)."""
        m = (self.mean.astype(np.float64) - reference.mean) / reference.deviation
        return float(m @ m) / 2


@dataclass(frozen=True)
class Common:
    """Common randomness of one use of a channel: the file's, and the number of the step (`a` of its rows)."""

    randomness: Randomness
    step: int = 0


class Channel(ABC):
    """One scheme, its parameters fixed; sender and receiver must make it alike.

    `replay` of what `simulate` returned is the sender's own sample, bit for bit, whatever the machine, its devices and
    its number of threads: it takes only `reference`, bits and common randomness through exact operations, but for the
    last one, mean + deviation z.
    """

    name: ClassVar[str]

    @abstractmethod
    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        """Return bits, packed into bytes most significant first and padded with zeros, that `replay` turns into a
        sample of about `target`. Both have one deviation. The sender's own randomness is that of the domain ENCODER.

        Raises InvalidArgument for shapes or deviations that differ, and ChannelError for what the scheme cannot send.
        """

    @abstractmethod
    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        """Return the sample, float32 [D]. Raises ChannelError for bits that `simulate` cannot have returned."""


def normalized(name: str, target: Gaussian, reference: Gaussian) -> FloatArray:
    """m of the step in units of the reference, where the target is N(m, I) and the reference N(0, I): float32 [D].

    Raises InvalidArgument for shapes or deviations that differ, and ChannelError of the channel `name` for a mean that is
    not finite.
    """
    shape, other = target.mean.shape, reference.mean.shape
    if len(shape) != 1 or shape != other:
        raise InvalidArgument(
            f"a target mean of shape {shape} for a reference of {other}; both are [D]"
        )
    if target.deviation != reference.deviation:
        raise InvalidArgument(f"deviations {target.deviation} and {reference.deviation} differ")
    m = (target.mean - reference.mean) / np.float32(reference.deviation)
    if not np.isfinite(m).all():
        raise ChannelError(name, "the target's mean is not finite")
    return m.astype(np.float32, copy=False)


def restored(z: FloatArray, reference: Gaussian) -> FloatArray:
    """The sample that z of N(0, I) stands for: mean + deviation z, in float32."""
    return reference.mean + np.float32(reference.deviation) * z


def open_channel(spec: ChannelSpec, bits: int, options: Mapping[str, Any]) -> Channel:
    """Return the channel of a spec for steps of `bits` bits, which checks whatever its plugin returns.

    options  checked values of all of the spec's options.
    Raises ChannelError for values that the plugin refuses together, UnusablePlugin where it cannot be imported, and
    PluginError, here and in use, for whatever else it does wrong.
    """
    implementation = load_object(spec.name, spec.implementation)
    with of_plugin(spec):
        try:
            made = implementation(bits, **options)
        except ValueError as error:
            raise ChannelError(spec.name, str(error)) from error
        if not isinstance(made, Channel):
            raise Unfit(f"{spec.implementation} made a {type(made).__name__}, not a Channel")
    return _Checked(made, spec, -(-bits // 8) if spec.fixed else None)


@dataclass(frozen=True)
class _Checked(Channel):
    """Another's channel; what it returns is looked at before anyone relies on it.

    length  bytes that it says it sends, if it says so.
    """

    channel: Channel
    spec: ChannelSpec
    length: int | None

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        with of_plugin(self.spec):
            bits = self.channel.simulate(target, reference, common)
            if type(bits) is not bytes:
                raise Unfit(f"simulate returned {type(bits).__name__}, not bytes")
            if self.length not in (None, len(bits)):
                raise Unfit(f"simulate returned {len(bits)} bytes, its spec says {self.length}")
            return bits

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        with of_plugin(self.spec):
            sample = self.channel.replay(bits, reference, common)
            found = getattr(sample, "dtype", type(sample).__name__), getattr(sample, "shape", ())
            if found != (np.float32, reference.mean.shape):
                due = reference.mean.shape
                raise Unfit(f"replay returned {found[0]} {found[1]}, not float32 {due}")
            if not np.isfinite(sample).all():
                raise Unfit("replay returned values that are not finite")
            return sample
