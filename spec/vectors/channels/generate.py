"""Writes the test vectors of spec/CHANNELS.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/channels/generate.py

A vector is NAME.json: a channel, its parameters and bits, and the sample z that a receiver makes of them. The bits are a
sender's, for a target of the channel's own KL or so.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gcodec.channels import Common, Gaussian
from gcodec.randomness import FIRST_PRIVATE, Randomness
from gcodec_diffc import channels

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

SEED = 0xFEDCBA9876543210
WORD = 0xFFFFFFFF


def questions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name, and what to ask."""

    def ask(channel: str, dimensions: int, **parameters: Any) -> dict[str, Any]:
        return {
            "channel": channel,
            "parameters": parameters,
            "seed": hex(1),
            "step": 3,
            "dimensions": dimensions,
        }

    yield "trellis-plain", ask("trellis", 24576, bits=500, memory=12)
    yield "trellis-clamped", ask("trellis", 100, bits=5, memory=12)
    yield "trellis-uneven", ask("trellis", 1000, bits=77, memory=8)
    yield "trellis-repeated", ask("trellis", 50_000, bits=50, memory=10)
    yield "trellis-dense", ask("trellis", 100, bits=90, memory=6)
    yield "trellis-none", ask("trellis", 50, bits=0, memory=12)
    last = {"seed": hex(SEED), "step": WORD}
    yield "trellis-end", ask("trellis", 333, bits=40, memory=14) | last
    yield "antipodal-plain", ask("antipodal", 24576, bits=500, memory=12)
    yield "antipodal-few", ask("antipodal", 100, bits=2, memory=12)
    yield "antipodal-uneven", ask("antipodal", 1000, bits=77, memory=3)
    yield "antipodal-repeated", ask("antipodal", 50_000, bits=50, memory=16)
    yield "antipodal-dense", ask("antipodal", 100, bits=90, memory=6)
    yield "antipodal-none", ask("antipodal", 50, bits=0, memory=12)
    yield "antipodal-end", ask("antipodal", 333, bits=40, memory=14) | last
    yield "folded-plain", ask("folded", 24576, bits=500, memory=16)
    yield "folded-few", ask("folded", 100, bits=2, memory=12)
    yield "folded-uneven", ask("folded", 1000, bits=77, memory=8)
    yield "folded-repeated", ask("folded", 50_000, bits=50, memory=19)
    yield "folded-dense", ask("folded", 400, bits=390, memory=23)
    yield "folded-none", ask("folded", 50, bits=0, memory=12)
    yield "folded-end", ask("folded", 333, bits=200, memory=18) | last
    fresh = {"chunk": 10, "padding": 2, "fresh": True}
    yield "chunked-fresh", ask("chunked", 300, kl=37, **fresh)
    yield "chunked-end", ask("chunked", 300, kl=37, **fresh) | last
    yield "chunked-shared", ask("chunked", 30_000, kl=37, **fresh | {"fresh": False})
    yield "chunked-repeated", ask("chunked", 40_000, kl=8, **fresh | {"fresh": False})
    yield "chunked-published", ask("chunked", 1000, kl=20, chunk=16, padding=2, fresh=False)
    yield "chunked-none", ask("chunked", 50, kl=0, **fresh)
    yield "orc-fresh", ask("orc", 300, kl=37, **fresh)
    yield "pfr-plain", ask("pfr", 60, kl=11, chunk=2, padding=0)
    one = {"atoms": 1, "coefficients": 1, "method": "threshold"}
    yield "codebook-plain", ask("codebook", 5000, entries=1024, **one, blocks=7)
    yield "codebook-one-block", ask("codebook", 3000, entries=4, **one, blocks=1)
    five = {"entries": 256, "atoms": 5, "coefficients": 3}
    yield "codebook-threshold", ask("codebook", 1000, **five, method="threshold", blocks=3)
    yield "codebook-pursuit", ask("codebook", 1000, **five, method="pursuit", blocks=3)
    yield "codebook-end", ask("codebook", 600, **five, method="threshold", blocks=599) | last
    one = {"atoms": 1, "coefficients": 1}
    yield "hadamard-plain", ask("hadamard", 5000, entries=1024, **one, blocks=7)
    yield "hadamard-short", ask("hadamard", 600, entries=1 << 14, **one, blocks=40)
    yield "hadamard-long", ask("hadamard", 300, entries=1 << 22, **one, blocks=4)
    five = {"entries": 256, "atoms": 5, "coefficients": 3}
    yield "hadamard-cut", ask("hadamard", 1000, **five, blocks=3)
    many = {"entries": 1 << 18, "atoms": 6, "coefficients": 1}
    yield "hadamard-groups", ask("hadamard", 3000, **many, blocks=1)
    yield "hadamard-dense", ask("hadamard", 700, **many | {"atoms": 90}, blocks=1)
    yield "hadamard-single", ask("hadamard", 5, entries=2, **one, blocks=5)
    yield "hadamard-end", ask("hadamard", 600, **five, blocks=599) | last


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    """The bits, and what a reader must find: first elements, digest."""
    channel = getattr(channels, ask["channel"].capitalize())(**ask["parameters"])
    common = Common(Randomness(int(ask["seed"], 16)), ask["step"])
    reference = Gaussian(np.zeros(ask["dimensions"], np.float32))
    m = common.randomness.normal(FIRST_PRIVATE, ask["step"], 0, ask["dimensions"])
    kl = ask["parameters"].get("bits", ask["parameters"].get("kl", 1))
    m *= np.float32(math.sqrt(2 * math.log(2) * kl) / np.linalg.norm(m))
    bits = channel.simulate(Gaussian(m), reference, common)
    z = channel.replay(bits, reference, common)
    return {
        "bits": bits.hex(),
        "first": [
            int(value) if value.is_integer() else float(value)
            for value in z[:16].astype(np.float64) * 2**20
        ],
        "denominator": 2**20,
        "stored": "<f4",
        "sha256": hashlib.sha256(z.astype("<f4").tobytes()).hexdigest(),
    }


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, questions(), lambda ask: write_once.lines(ask | answer(ask)))


if __name__ == "__main__":
    print(*write(), sep="\n")
