"""Subtractive dither u: what makes the error of rounding uniform noise, whatever the latent.

Universal quantization (Roberts 1962; Ziv 1985; of latents, Agustsson and Theis 2020, "Universally quantized neural
compression"): y_hat = Delta (round(y / Delta + u) - u), u uniform on (-1/2, 1/2) and known to both sides, errs by uniform
noise of width Delta that is independent of y. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gcodec.entropy.integers import MEAN_BITS, Ints
from gcodec.randomness import Domain

if TYPE_CHECKING:
    from gcodec.randomness import Randomness
    from gcodec.signals import FloatArray

__all__ = ["ROW", "Dither", "dither_of"]

#: b of the row (DITHER, a=0, b): the number of `ldm_quant`, so that no other dither of a file is the same.
ROW = 24


@dataclass(frozen=True, eq=False)
class Dither:
    """u = coarse / 16 + fine, in steps: what entropy models, which count in 1/16 steps, see of it, and the rest.

    coarse  int32 [h * w, C], -8 to 8.
    fine    float32 [C, h, w], -1/32 to 1/32.
    """

    coarse: Ints
    fine: FloatArray


def dither_of(randomness: Randomness, h: int, w: int, channels: int) -> Dither:
    """The dither of a latent [C, h, w]: u of position p and channel c is element p C + c of the row."""
    u = randomness.dither(Domain.DITHER, 0, ROW, (h * w, channels))
    coarse = np.floor(u * np.float32(1 << MEAN_BITS) + np.float32(0.5)).astype(np.int32)
    fine = (u - coarse / np.float32(1 << MEAN_BITS)).astype(np.float32)
    return Dither(coarse, fine.T.reshape(channels, h, w))
