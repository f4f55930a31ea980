"""Bin widths and levels by code. Imports no torch."""

from __future__ import annotations

from gcodec.entropy.integers import LEVELS

__all__ = ["CODES", "COARSEST", "FINEST", "level_of", "width_of"]

COARSEST, FINEST = 2.5, -2.5  # log2 of the bin width, in units of the latent space
CODES = 1 << 16


def width_of(code: int) -> float:
    """Bin width Delta of a code 0..65535: from 2**2.5 = 5.66 to 2**-2.5 = 0.177, geometrically."""
    return float(2.0 ** (COARSEST + (FINEST - COARSEST) * code / (CODES - 1)))


def level_of(code: int) -> int:
    """The level 0..255 that is nearest to a code: what the entropy model is told of the width."""
    step = (CODES - 1) // (LEVELS - 1)
    return (code + step // 2) // step
