"""DiffC's published scheme: a truncated Poisson functional representation in chunks of 16 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.randomness import Domain
from gcodec_diffc.channels._chunks import ByChunks, Chunks

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Chunked", "exponentials", "shared"]


@dataclass(frozen=True)
class Chunked(ByChunks):
    """Of 2^b candidates z_k of a chunk the one with the smallest T_k p(z_k)/q(z_k), T_k the arrival times of a Poisson
    process (S2, Algorithm 4 and section 3.1; Theis and Yosri 2022, Algorithm 2). Coded under Zipf's law.

    The race ends with the last candidate, and so the sample is biased: at a KL of 14 bits a chunk it goes 0.86 |m| along
    m, with deviation 0.70.
    """

    name: ClassVar[str] = "chunked"

    def _indices(self, chunks: Chunks, m: FloatArray) -> list[int]:
        return [
            int(np.argmin(np.log(self._arrivals(chunks, c, 1 << width)) - log_w))
            for (c, width), log_w in zip(
                enumerate(chunks.widths), chunks.log_weights(m), strict=True
            )
        ]

    def _arrivals(self, chunks: Chunks, c: int, count: int) -> FloatArray:
        """T_k: sums of exponential times."""
        return np.cumsum(exponentials(chunks, c, 0, count), dtype=np.float64)


def shared(bits: int) -> Chunked:
    """The channel of `diffc`: chunks share one codebook."""
    return Chunked(bits, fresh=False)


def exponentials(chunks: Chunks, c: int, first: int, last: int) -> FloatArray:
    """Exponential variates first <= k < last of chunk c, of mean 1, which the sender alone makes."""
    uniform = chunks.common.randomness.uniform(
        Domain.ENCODER, chunks.common.step, c, last - first, first
    )
    times: FloatArray = -np.log(uniform)
    return times
