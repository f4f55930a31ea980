"""Writes the test vectors of spec/CHANNELS.md, section 6, that do not exist yet; an existing one is never written again.

python spec/vectors/dithered/generate.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from gcodec.channels import Common
from gcodec.randomness import Randomness
from gcodec_diffc.channels import Dithered, Logistic

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

#: Name -> width, seed, step, dimensions, step of the scales' indices.
QUESTIONS = {
    "plain": (48, 1, 3, 40, 1),
    "odd": (777, 0xFEDCBA9876543210, 0xFFFFFFFF, 60, 1),
    "wide": (1 << 16, 2, 0, 20, 1),
    "powers": (
        1 << 16,
        3,
        5,
        40,
        8,
    ),  # scales at which the formula without rounding gives other frequencies
}


def answer(width: int, seed: int, step: int, dimensions: int, every: int) -> dict[str, object]:
    """What a receiver has, and the y that it must find: twice its value, which is an integer."""
    rng = np.random.default_rng(dimensions)
    mean = rng.integers(-3 * width, 3 * width, dimensions)
    scale = rng.integers(0, 105, dimensions) // every * every
    # Some supports within one cell, some of many.
    lo = mean - rng.integers(0, np.where(rng.random(dimensions) < 0.3, 2, 30 * width))
    hi = lo + 1 + rng.integers(0, np.where(rng.random(dimensions) < 0.3, width // 2, 60 * width))
    x = rng.integers(lo, hi)
    channel, common = Dithered(width), Common(Randomness(seed), step)
    reference = Logistic(mean, scale, lo, hi)
    bits = channel.simulate(x, reference, common)
    y = channel.replay(bits, reference, common)
    assert (np.abs(y - x) <= width / 2).all()
    return {
        "width": width,
        "seed": hex(seed),
        "step": step,
        "mean": mean.tolist(),
        "scale": scale.tolist(),
        "lo": lo.tolist(),
        "hi": hi.tolist(),
        "bits": bits.hex(),
        "twice": (2 * y).astype(np.int64).tolist(),
    }


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(
        folder, QUESTIONS.items(), lambda question: write_once.lines(answer(*question))
    )


if __name__ == "__main__":
    print(*write(), sep="\n")
