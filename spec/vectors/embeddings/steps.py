"""What the generators of `diffc` and `ddcm` share: what is said of the steps of a file, and damaged files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from files import Vector, bad, coded, picture, with_layers

import gcodec_formats as gcx
from gcodec.pipeline.stage1 import open_stage1

TESTS = Path(__file__).resolve().parents[3] / "plugins" / "diffc" / "tests"
sys.path += [str(TESTS), str(TESTS.parents[2] / "core" / "tests")]

from test_steps_text import levels, read, samples  # noqa: E402

__all__ = ["damaged", "good"]


def good(
    name: str, kind: str, width: int, height: int, quality: float, **options: Any
) -> Callable[[], Vector]:
    """A picture, coded, and its steps: bytes for the schedule, `error`, bits; snr and z after each; some of x."""

    def make() -> Vector:
        data = coded(name, picture(kind, width, height), quality, options=options)
        steps, D = read(data)
        x = open_stage1(data).signals()[0].x_t.ravel()  # type: ignore[union-attr]
        return data, {
            "summary": f"{kind} at quality {quality}",
            "steps": [[step.n, step.error, step.bits.hex()] for step in steps],
            "snr": levels(steps, D),
            "z": [[round(value * 2**20) for value in z[:4]] for z in samples(data)],
            "x": [round(float(x[at]), 3) for at in np.linspace(0, x.size - 1, 16).astype(int)],
        }

    return make


def damaged(
    name: str, summary: str, damage: Callable[[bytes], tuple[bytes, ...]], **options: Any
) -> Callable[[], Vector]:
    """A file with other layers than its own, joined."""

    def make() -> Vector:
        data = coded(name, picture("photo", 32, 24), 0.5, options=options)
        joined = b"".join(gcx.read(data).bodies(gcx.MAIN))
        file = gcx.read(with_layers(data, *damage(joined)))
        whole = gcx.write(gcx.File(file.header, file.segments, progressive=True))
        return bad(whole, summary)

    return make
