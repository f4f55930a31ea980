"""A sound channel simulator, and defective ones made from it, each caught by one test of the suite."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.channels import Channel, Common, Gaussian, normalized, restored
from gcodec.errors import ChannelError
from gcodec.randomness import Domain

Array = NDArray[np.float32]


class Sound(Channel):
    """Minimal random coding in blocks: of 2^depth candidates of a block one by its weight (Havasi et al. 2019)."""

    name = "kit/sound"

    def __init_subclass__(cls) -> None:
        cls.name = f"kit/{cls.__name__.lower()}"

    def __init__(self, bits: int, depth: int = 10) -> None:
        self.bits, self.depth, self.blocks = bits, depth, bits // depth

    def candidates(self, block: int, rows: Any, dimensions: int, common: Common) -> Array:
        """Rows of a block: [rows, its elements]."""
        first = block * dimensions // self.blocks
        last = (block + 1) * dimensions // self.blocks
        return common.randomness.normal(Domain.CODEBOOK, common.step, rows, last - first, first)

    def pick(self, weight: NDArray[np.float64], block: int, common: Common) -> int:
        """An index by its weight, the exponential of `weight`."""
        u = common.randomness.uniform(Domain.ENCODER, common.step, block, weight.size)
        return int(np.argmax(weight - np.log(-np.log(u.astype(np.float64)))))

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        m = normalized(self.name, target, reference)
        word, at = 0, 0
        for block in range(self.blocks):
            z = self.candidates(block, range(1 << self.depth), m.size, common)
            weight = z.astype(np.float64) @ m[at : at + z.shape[1]]
            word = word << self.depth | self.pick(weight, block, common)
            at += z.shape[1]
        rest = self.bits - self.blocks * self.depth
        return (word << rest).to_bytes(-(-self.bits // 8), "big")

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Array:
        if len(bits) != -(-self.bits // 8):
            raise ChannelError(self.name, f"{len(bits)} bytes for {self.bits} bits")
        word, rest = int.from_bytes(bits, "big"), self.bits - self.blocks * self.depth
        if word & (1 << rest) - 1:
            raise ChannelError(self.name, "the padding is not zero")
        last = (1 << self.depth) - 1
        indices = [word >> rest + self.depth * k & last for k in reversed(range(self.blocks))]
        size = reference.mean.size
        parts = [self.candidates(b, [k], size, common)[0] for b, k in enumerate(indices)]
        return restored(np.concatenate(parts), reference)


class Biased(Sound):
    """Goes a tenth too far."""

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        mean = reference.mean + np.float32(1.1) * (target.mean - reference.mean)
        return super().simulate(Gaussian(mean, target.deviation), reference, common)


class Greedy(Sound):
    """Takes the best candidate, always."""

    def pick(self, weight: NDArray[np.float64], block: int, common: Common) -> int:
        return int(weight.argmax())


class Timid(Sound):
    """Takes any candidate."""

    def pick(self, weight: NDArray[np.float64], block: int, common: Common) -> int:
        return super().pick(0 * weight, block, common)


class Quiet(Sound):
    """Noise of half the deviation."""

    def candidates(self, block: int, rows: Any, dimensions: int, common: Common) -> Array:
        return super().candidates(block, rows, dimensions, common) / 2


class Leaning(Sound):
    """Noise of mean 0.2."""

    def candidates(self, block: int, rows: Any, dimensions: int, common: Common) -> Array:
        return super().candidates(block, rows, dimensions, common) + np.float32(0.2)


class Spiky(Sound):
    """Noise of variance 1 that is 0 at every second place."""

    def candidates(self, block: int, rows: Any, dimensions: int, common: Common) -> Array:
        z = super().candidates(block, rows, dimensions, common)
        return z * (np.arange(z.shape[1]) % 2 * np.sqrt(2)).astype(np.float32)


class Wasteful(Sound):
    """Sends four bytes that say nothing."""

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        return super().simulate(target, reference, common) + b"gcx!"

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Array:
        return super().replay(bits[:-4], reference, common)


class Global(Sound):
    """Draws from Python's global generator."""

    def pick(self, weight: NDArray[np.float64], block: int, common: Common) -> int:
        u = np.array([random.random() for _ in weight])
        return int(np.argmax(weight - np.log(-np.log(u))))


class Tidy(Sound):
    """Restores the global generator's seed, which is the caller's."""

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        random.seed(7)
        return super().simulate(target, reference, common)


class Scribbling(Sound):
    """Works in the caller's array."""

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        bits = super().simulate(target, reference, common)
        target.mean[:] *= 2
        return bits


class Deaf(Sound):
    """Every step has the same candidates."""

    def candidates(self, block: int, rows: Any, dimensions: int, common: Common) -> Array:
        return super().candidates(block, rows, dimensions, Common(common.randomness, 0))


_SENT: dict[bytes, Array] = {}


class Cheating(Sound):
    """Sender and receiver meet in a dictionary, where the sample lies."""

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        bits = super().simulate(target, reference, common)
        noise = common.randomness.normal(Domain.ENCODER, common.step, 99, target.mean.size)
        z = restored(normalized(self.name, target, reference) + noise, Gaussian(0 * noise))
        _SENT[bits] = z
        return bits

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Array:
        if bits in _SENT:
            return restored(_SENT[bits], reference)
        return super().replay(bits, reference, common)


class Hashing(Sound):
    """Signs by Python's hash of a text."""

    def candidates(self, block: int, rows: Any, dimensions: int, common: Common) -> Array:
        sign = 1 - 2 * (hash(f"{block} {common.step} {common.randomness}") & 1)
        return super().candidates(block, rows, dimensions, common) * np.float32(sign)


class Trusting(Sound):
    """Reads as many bytes as it needs."""

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Array:
        return super().replay(bits[: -(-self.bits // 8)], reference, common)


class Careless(Sound):
    """Unpacks without looking."""

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Array:
        if len(bits) == -(-self.bits // 8):
            return super().replay(bits, reference, common)
        raise IndexError("list index out of range")


class Unshaped(Sound):
    """Takes whatever lengths there are."""

    def simulate(self, target: Gaussian, reference: Gaussian, common: Common) -> bytes:
        mean = np.resize(target.mean, reference.mean.shape)
        return super().simulate(Gaussian(mean, reference.deviation), reference, common)


class Absolute(Sound):
    """Forgets the reference's mean."""

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Array:
        own = Gaussian(0 * reference.mean, reference.deviation)
        return super().replay(bits, own, common)


class Double(Sound):
    """float64 for float32."""

    def replay(self, bits: bytes, reference: Gaussian, common: Common) -> Any:
        return super().replay(bits, reference, common).astype(np.float64)


class Pinned(Sound):
    """Cannot be made at one end of an option's range."""

    def __init__(self, bits: int, depth: int = 10) -> None:
        if depth == 1:
            raise KeyError("depth")
        super().__init__(bits, depth)
