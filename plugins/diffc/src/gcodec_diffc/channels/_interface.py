"""What a channel simulator is.

Sender and receiver share a reference distribution p and common randomness. The sender alone knows a target q and sends
bits from which the receiver makes a sample of q: *reverse channel coding*, in about KL(q || p) bits (Li and El Gamal
2018; Theis and Yosri 2022; review, section IV).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.errors import ChannelError
from gcodec.randomness import Randomness

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Channel", "Common", "Gaussian"]


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
        sample of about `target`. Both have one deviation.

        Raises ValueError for shapes or deviations that differ, and ChannelError for what the scheme cannot send.
        """

    @abstractmethod
    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> FloatArray:
        """Return the sample, float32 [D]. Raises ChannelError for bits that `simulate` cannot have returned."""


def normalized(name: str, target: Gaussian, reference: Gaussian) -> FloatArray:
    """m of the step in units of the reference, where the target is N(m, I) and the reference N(0, I): float32 [D].

    Raises ValueError for shapes or deviations that differ, and ChannelError of the channel `name` for a mean that is
    not finite.
    """
    shape, other = target.mean.shape, reference.mean.shape
    if len(shape) != 1 or shape != other:
        raise ValueError(f"a target mean of shape {shape} for a reference of {other}; both are [D]")
    if target.deviation != reference.deviation:
        raise ValueError(f"deviations {target.deviation} and {reference.deviation} differ")
    m = (target.mean - reference.mean) / np.float32(reference.deviation)
    if not np.isfinite(m).all():
        raise ChannelError(name, "the target's mean is not finite")
    return m.astype(np.float32, copy=False)


def restored(z: FloatArray, reference: Gaussian) -> FloatArray:
    """The sample that z of N(0, I) stands for: mean + deviation z, in float32."""
    return reference.mean + np.float32(reference.deviation) * z
