"""Examples for the priors: tokens of many photographs with what each is predicted from, as `tokens.prior` sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gcodec_ldm.tokens.order import AROUND, KINDS, SCALES, passes, seen
from gcodec_ldm.tokens.prior import NONE, PARENTS

__all__ = ["Grids", "Sample"]

Ints = NDArray[np.int64]

#: Steps 1, 2, 4, ... that examples have; a step is half as likely as the one before.
_STEPS = 8
#: Share of examples that are corners, of which nothing is known.
_CORNERS = 1 / 64

_SEEN = np.array([seen(kind) for kind in (-1, 0, 1, 2)])


class Sample(NamedTuple):
    """The arguments of `LevelNetwork`."""

    around: Ints
    coarser: Ints
    phase: Ints
    scale: Ints
    tokens: Ints


class Grids:
    """The grids of one level, one after another: `tokens` [all], `shapes` [N, 2] rows and columns; `above`: the coarser."""

    def __init__(self, tokens: NDArray[np.int16], shapes: Ints, above: Grids | None) -> None:
        self._tokens, self._shapes, self._above = tokens, shapes, above
        area = shapes.prod(1)
        self._starts = np.cumsum(area) - area
        self._share = area / area.sum()

    def sample(self, rng: np.random.Generator, count: int) -> Sample:
        """About `count` random examples: of a grid that has no such place, there is none."""
        which = rng.choice(len(self._shapes), count, p=self._share)
        step = 1 << np.minimum(rng.geometric(0.5, count) - 1, _STEPS - 1)
        kind = rng.integers(len(KINDS), size=count)
        odd = np.array(KINDS)[kind]
        sides = self._shapes[which]
        places = -(-(sides - odd * step[:, None]) // (2 * step[:, None]))
        at = (
            2 * rng.integers(1 << 30, size=(count, 2)) % (2 * np.maximum(places, 1)) + odd
        ) * step[:, None]
        corner = rng.random(count) < _CORNERS
        at[corner], step[corner], kind[corner] = 0, 1 << SCALES, -1
        there = corner | (places > 0).all(1)
        return self._examples(which[there], at[there], step[there], kind[there])

    def all(self, chunk: int) -> Iterator[Sample]:
        """All examples of all grids, in parts of at most `chunk`."""
        for index, (h, w) in enumerate(self._shapes.tolist()):
            for part in passes(h, w):
                for some in np.split(part.positions, range(chunk, len(part.positions), chunk)):
                    at = np.stack(np.divmod(some, w), 1)
                    full = np.ones(len(some), np.int64)
                    yield self._examples(index * full, at, part.step * full, part.kind * full)

    def _examples(self, which: Ints, at: Ints, step: Ints, kind: Ints) -> Sample:
        around = self._near(which, at, np.array(AROUND) * step[:, None, None])
        around[~_SEEN[kind + 1]] = NONE
        own = self._near(which, at, np.zeros((1, 2), np.int64))[:, 0]
        scale = np.minimum(np.log2(step).astype(np.int64), SCALES - 1)
        if self._above is None:
            none = np.zeros(len(which), np.int64)
            return Sample(around, none, none, scale, own)
        # A coarser token covers `ratio` x `ratio`; its grid rounds up.
        ratio = int(np.ceil(self._shapes[:, 0] / self._above._shapes[:, 0]).max())
        coarser = self._above._near(which, at // ratio, np.array(PARENTS))
        phase = at[:, 0] % ratio * ratio + at[:, 1] % ratio
        return Sample(around, coarser, phase, scale, own)

    def _near(self, which: Ints, at: Ints, offsets: Ints) -> Ints:
        """Tokens [n, len(offsets)] at places [n, 2] of the grids `which`, `NONE` outside of them."""
        places = at[:, None, :] + offsets
        sides = self._shapes[which][:, None]
        inside = ((places >= 0) & (places < sides)).all(2)
        y, x = np.moveaxis(np.where(inside[..., None], places, 0), 2, 0)
        found = self._tokens[self._starts[which][:, None] + y * sides[..., 1] + x]
        return np.where(inside, found, NONE).astype(np.int64)
