"""Make, or check, the table of normals of spec/RANDOMNESS.md. A tool of the maintainers: needs mpmath, takes a minute.

    python -m gcodec.randomness._make_table PATH      write the table to PATH, packed as shipped
    python -m gcodec.randomness._make_table --check   compare the shipped table with a fresh one

Entry i stands for the upper-tail probabilities [p0, p1) of a standard normal Z and holds E[Z | cell] in units of
2^-20, rounded to the nearest integer. With phi the density and Q the upper-tail quantile function,

    E[Z | cell] = (phi(Q(p1)) - phi(Q(p0))) / (p1 - p0),        phi(Q(0)) = 0.

The conditional mean keeps the mean exactly 0 and loses the least variance of all choices (here 5e-9 in all).
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from statistics import NormalDist

import mpmath  # type: ignore[import-untyped]

from gcodec.randomness._table import ENTRIES, FRACTION_BITS, TAIL_ENTRIES, pack, shipped

_DIGITS = 50
_TAIL_BITS = 24  # a tail cell has probability 2^-24 ...
_MAIN_BITS = 16  # ... and a main cell 2^-16


def cell(index: int) -> tuple[int, int]:
    """The upper-tail probabilities [p0, p1) that entry `index` stands for, in units of 2^-24."""
    if index < TAIL_ENTRIES:
        return index, index + 1
    width = 1 << (_TAIL_BITS - _MAIN_BITS)
    start = (index - TAIL_ENTRIES) * width + TAIL_ENTRIES
    return start, start + width


def density_at_quantile(p: int) -> mpmath.mpf:
    """phi(Q(p / 2^24)) to 40 digits: Newton's method on erfc, from a double-precision start."""
    if p == 0:
        return mpmath.mpf(0)
    if 2 * p == 1 << _TAIL_BITS:
        return 1 / mpmath.sqrt(2 * mpmath.pi)
    target = mpmath.mpf(p) / (1 << _TAIL_BITS)
    z = mpmath.mpf(-NormalDist().inv_cdf(p / (1 << _TAIL_BITS)))
    for _ in range(20):
        density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
        step = (mpmath.erfc(z / mpmath.sqrt(2)) / 2 - target) / density
        z += step
        if abs(step) < mpmath.mpf(10) ** -25:  # quadratic: the next error is below 10^-48
            return mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
    raise ArithmeticError(f"Newton's method did not converge at p = {p}")


def entry(index: int) -> int:
    """The table's entry `index`, computed with 50 digits."""
    with mpmath.workdps(_DIGITS):
        low, high = cell(index)
        return _rounded_mean(low, high, density_at_quantile(low), density_at_quantile(high))


def _rounded_mean(low: int, high: int, at_low: mpmath.mpf, at_high: mpmath.mpf) -> int:
    scale = mpmath.mpf(2) ** (_TAIL_BITS + FRACTION_BITS) / (high - low)
    scaled = (at_high - at_low) * scale
    nearest = int(mpmath.nint(scaled))
    if abs(abs(scaled - nearest) - mpmath.mpf(0.5)) < mpmath.mpf(10) ** -20:
        raise ArithmeticError(f"the cell at {low} is too near a tie to be rounded safely")
    return nearest


def make() -> list[int]:
    """The whole table."""
    with mpmath.workdps(_DIGITS):
        entries: list[int] = []
        at_low = density_at_quantile(0)
        for index in range(ENTRIES):
            low, high = cell(index)
            at_high = density_at_quantile(
                high
            )  # neighbours share a border: each quantile is made once
            entries.append(_rounded_mean(low, high, at_low, at_high))
            at_low = at_high
        return entries


def main(arguments: list[str]) -> int:
    """Write the table, or check the shipped one; returns the exit status."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    fresh = b"".join(value.to_bytes(4, "little") for value in make())
    if arguments[0] == "--check":
        same = fresh == shipped()
        print(
            "the shipped table equals a fresh one"
            if same
            else "the shipped table DIFFERS from a fresh one"
        )
        return 0 if same else 1
    Path(arguments[0]).write_bytes(zlib.compress(pack(fresh), 9))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
