"""The Poisson functional representation, run until nothing is left to be won."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.errors import ChannelError, InvalidArgument
from gcodec_diffc.channels._chunked import exponentials
from gcodec_diffc.channels._chunks import ByChunks, Chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.signals import FloatArray

__all__ = ["Pfr"]

_LIMIT = 1 << 22  # candidates
_TABLE = 16  # indices of so many bits have frequencies; those beyond escape
_FIRST = 1 << 8  # batch of candidates; each is twice the one before

_phi = NormalDist().cdf


@dataclass(frozen=True)
class Pfr(ByChunks):
    """The candidate with the smallest T_k p(z_k)/q(z_k) of all there are (Li and El Gamal 2018; S2, Algorithm 4).

    p/q has no lower bound between Gaussians, so S2's rule to stop, T_k w_min >= s*, never holds. Instead the race is over
    once the expected number of candidates that would still win is below `tail`; that is what a step's chunk then differs
    from its target in total variation at most. Time grows as 2^KL and faster: for chunks of 4 bits or so.

    Raises ChannelError in `simulate` where a chunk would need more than 2^22 candidates.
    """

    name: ClassVar[str] = "pfr"

    chunk: int = 3
    padding: int = 0
    tail: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.fresh:
            raise InvalidArgument("pfr takes fresh candidates only")
        if not 0 < self.tail < 1:
            raise InvalidArgument(f"tail is a probability, not {self.tail}")

    def _indices(self, chunks: Chunks, m: FloatArray) -> list[int]:
        ordered = m[chunks.order]
        return [self._index(chunks, c, ordered) for c in range(len(chunks.widths))]

    def _index(self, chunks: Chunks, c: int, ordered: FloatArray) -> int:
        m = ordered[chunks.edges[c] : chunks.edges[c + 1]].astype(np.float64)
        norm = float(np.linalg.norm(m))
        best, winner, time, first, count = math.inf, 0, 0.0, 0, _FIRST
        while first + count <= _LIMIT:
            arrivals = time + np.cumsum(
                exponentials(chunks, c, first, first + count), dtype=np.float64
            )
            log_w = chunks.scores(ordered, c, first, first + count) - norm**2 / 2
            scores = np.log(arrivals) - log_w
            k = int(np.argmin(scores))
            if scores[k] < best:
                best, winner = float(scores[k]), first + k
            time, first, count = float(arrivals[-1]), first + count, 2 * count
            if _left(best - math.log(time), norm) * time < self.tail:
                return winner
        raise ChannelError(
            self.name,
            f"a chunk with a KL of {norm**2 / 2 / math.log(2):.1f} bits needs more than {_LIMIT} candidates;"
            " send less in a chunk",
        )

    def _candidates(self, chunks: Chunks) -> NDArray[np.int64]:
        return np.full(len(chunks.widths), _LIMIT)

    def _law(self, chunks: Chunks) -> tuple[list[int], tuple[int, int]]:
        widths, kl = super()._law(chunks)
        return [_TABLE] * len(widths), kl


def _left(log_ratio: float, norm: float) -> float:
    """Expected number of candidates after time t that beat s*, over t, for log_ratio = log(s*/t).

    Candidates arrive at rate 1, and one at time T wins if T < s* q/p, so the number is E_p[max(s* q/p - t, 0)]. q/p is
    log-normal under p: log q/p ~ N(-|m|^2/2, |m|^2), as in the formula of Black and Scholes.
    """
    if norm == 0:
        return max(math.exp(log_ratio) - 1, 0.0)
    d = log_ratio / norm + norm / 2
    return math.exp(log_ratio) * _phi(d) - _phi(d - norm)
