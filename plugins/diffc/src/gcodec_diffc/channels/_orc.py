"""Ordered random coding: importance sampling among N candidates, with the arrival times of a Poisson race."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec_diffc.channels._chunked import Chunked, exponentials

if TYPE_CHECKING:
    from gcodec.signals import FloatArray
    from gcodec_diffc.channels._chunks import Chunks

__all__ = ["Orc"]


@dataclass(frozen=True)
class Orc(Chunked):
    """As `Chunked`, but T_k are the order statistics of N = 2^b exponential times N E (Theis and Yosri 2022, Algorithm
    3): increments E_k N / (N - k). Then candidate k is sent with probability w_k / sum w exactly, as in minimal random
    coding, and the bias is that of importance sampling with N candidates.
    """

    name: ClassVar[str] = "orc"

    def _arrivals(self, chunks: Chunks, c: int, count: int) -> FloatArray:
        increments = exponentials(chunks, c, 0, count)
        return np.cumsum(increments * count / np.arange(count, 0, -1))
