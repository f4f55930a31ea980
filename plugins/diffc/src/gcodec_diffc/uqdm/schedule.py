"""Constants of the diffusion: steps, widths, weights of the transform. Integers are in units of 2**-9 grey levels.

The diffused variable is x = W n, where n are the integers of a reversible transform (`lifting`) and the weights W make it
orthogonal, so that white noise in x is white in the pixels. Forward posterior in the variance-exploding form of the
paper's (equal to it up to scale): y_s = w y_t + (1 - w) c, where c is uniform of width C around x and w = sigma_s^2 /
sigma_t^2; nothing is known before the first step (sigma_T = infinity).
"""

from __future__ import annotations

import math

#: Fraction bits of all positions on the axis of x.
UNIT_BITS = 9
UNIT = 1 << UNIT_BITS

#: Noise after each of the T steps, in grey levels.
SIGMA = (27.0, 9.0, 3.0, 1.0)
STEPS = len(SIGMA)
#: One more stage: the integers themselves.
LOSSLESS = STEPS
STAGES = STEPS + 1

#: Levels of the wavelet transform; level 1 is the finest.
LEVELS = 6
MULTIPLE = 1 << LEVELS


def _widths() -> tuple[float, ...]:
    """Width C of what each step sends about x: sqrt(12) sigma_s / sqrt(1 - sigma_s^2 / sigma_t^2); then a nominal one."""
    before = (math.inf, *SIGMA[:-1])
    steps = [
        math.sqrt(12) * s / math.sqrt(1 - (s / t) ** 2) for s, t in zip(SIGMA, before, strict=True)
    ]
    return (*steps, steps[-1] / 3)


#: Width of the cells of each stage, integer; for the last one, whose cells are the integers, a unit for scales.
WIDTH = tuple(round(UNIT * width) for width in _widths())

#: sqrt(3), sqrt(1/2), sqrt(2/3): norms that make the colour transform orthogonal, integer.
_COLOUR = (886, 362, 418)


#: Detail channels (3 colour + band) in the order in which they are sent: luminance band by band, then Co, then Cg.
GROUPS = ((0,), (1,), (2,), (3, 4, 5), (6, 7, 8))

#: Levels of the parts of a step, each a layer of the file; the first begins with the coarsest average.
PARTS = ((6, 5, 4), (3,), (2,), (1,))
#: Layers of a file: the parts of the steps, then all integers at once.
LAYERS = STEPS * len(PARTS) + 1


def weight(level: int, channel: int) -> int:
    """W of detail `channel` = 3 colour + band (lh, hl, hh) at `level`, integer."""
    colour, band = divmod(channel, 3)
    return (_COLOUR[colour] << level) // (4 if band == 2 else 2)


def top_weight(colour: int) -> int:
    """W of the coarsest average, integer."""
    return _COLOUR[colour] << LEVELS


def bounds(channel: int) -> tuple[int, int]:
    """Smallest and largest n of a detail channel of an 8-bit picture."""
    colour, band = divmod(channel, 3)
    largest = 255 * (2 if band == 2 else 1) * (2 if colour else 1)
    return -largest, largest


def top_bounds(colour: int) -> tuple[int, int]:
    """Smallest and largest n of the coarsest average."""
    return (-255 if colour else 0), 255
