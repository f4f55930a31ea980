"""Writes the test vectors of spec/CHANNELS.md, section 6, that do not exist yet; an existing one is never written again.

python spec/vectors/dithered/generate.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gcodec.channels import Common
from gcodec.randomness import Randomness
from gcodec_diffc.channels import Dithered, Logistic

HERE = Path(__file__).parent
#: Name -> width, seed, step, dimensions.
QUESTIONS = {
    "plain": (48, 1, 3, 40),
    "odd": (777, 0xFEDCBA9876543210, 0xFFFFFFFF, 60),
    "wide": (1 << 16, 2, 0, 20),
}


def answer(width: int, seed: int, step: int, dimensions: int) -> dict[str, object]:
    """What a receiver has, and the y that it must find: twice its value, which is an integer."""
    rng = np.random.default_rng(dimensions)
    mean = rng.integers(-3 * width, 3 * width, dimensions)
    scale = rng.integers(0, 105, dimensions)
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


if __name__ == "__main__":
    for name, question in QUESTIONS.items():
        path = HERE / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(answer(*question)).replace(', "', ',\n "') + "\n", "utf-8")
            print(name)
