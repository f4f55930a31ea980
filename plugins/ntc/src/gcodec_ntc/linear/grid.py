"""Positions of blocks in the order in which they are coded: three phases, each with more known neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AXIS", "DIAGONAL", "PHASES", "Grid", "of"]

Index = NDArray[np.int64]

PHASES = 3  # rows and columns even; both odd; all others
AXIS = ((-1, 0), (1, 0), (0, -1), (0, 1))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))


@dataclass(frozen=True)
class Grid:
    """h x w positions, P in all.

    order     row-major positions in coding order, [P].
    starts    where each phase begins in it, and P: [4].
    axis      coding order of the neighbours above, below, left and right, [4, P]; P where there is none.
    diagonal  the same of the four diagonal ones.
    """

    h: int
    w: int
    order: Index
    starts: tuple[int, ...]
    axis: Index
    diagonal: Index

    def phase(self, number: int) -> slice:
        """The part of the coding order that is this phase."""
        return slice(self.starts[number], self.starts[number + 1])

    def near(self, number: int) -> Index:
        """The neighbours that are known before this phase: the diagonal ones of phase 1, those on the axes of phase 2."""
        return (self.diagonal if number == 1 else self.axis)[:, self.phase(number)]

    def corner(self) -> tuple[int, int]:
        """Rows and columns of the positions of phase 0."""
        return -(-self.h // 2), -(-self.w // 2)


def of(h: int, w: int) -> Grid:
    """The grid of h rows and w columns, both at least 1."""
    row, column = (part.ravel() for part in np.mgrid[0:h, 0:w])
    phase = np.where((row + column) % 2 == 1, 2, row % 2)
    order = np.argsort(phase, kind="stable")
    place = np.empty(h * w, np.int64)
    place[order] = np.arange(h * w)
    row, column = row[order], column[order]

    def neighbours(offsets: tuple[tuple[int, int], ...]) -> Index:
        found = np.full((len(offsets), h * w), h * w, np.int64)
        for which, (dy, dx) in enumerate(offsets):
            y, x = row + dy, column + dx
            inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
            found[which, inside] = place[(y * w + x)[inside]]
        return found

    starts = np.searchsorted(phase[order], range(PHASES + 1))
    return Grid(h, w, order, tuple(map(int, starts)), neighbours(AXIS), neighbours(DIAGONAL))
