"""Sending pictures with the networks in floating point, one stage at a time: what training and measuring need.

What is sent and what is known of it are the codec's own (`state`), for a batch of pictures. The error of a universal
quantizer does not depend on the networks, so what earlier stages leave of a coefficient is had without them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gcodec.randomness import Randomness
from gcodec_diffc.uqdm import lifting
from gcodec_diffc.uqdm.integer import FEATURE_BITS
from gcodec_diffc.uqdm.model import (
    SCALE_MIN,
    Modulated,
    Uqdm,
    average_scale,
    cell_bits,
    difference_features,
    value_features,
)
from gcodec_diffc.uqdm.schedule import (
    GROUPS,
    LEVELS,
    LOSSLESS,
    PARTS,
    SIGMA,
    STAGES,
    WIDTH,
)
from gcodec_diffc.uqdm.state import ESTIMATE_BITS, Cells, Coefficients, State, finer, values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec_diffc.channels._logistic import Ints

__all__ = ["begin", "simulate"]


def begin(network: Uqdm, pictures: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Set the log scales that the prior begins with to those of the likeliest logistic densities, E|x| = 2 ln 2 s."""
    state, positions = _opened(pictures)
    randomness = _randomness(rng)
    for stage in range(STAGES):
        for level, known in enumerate(state.details, 1):
            x, cells = positions[level], known.cells(stage, randomness)
            spread = np.abs(x - _nearest(cells)).mean((0, 1, 2))
            scale = np.log2(spread / (2 * math.log(2) * WIDTH[stage])).clip(min=SCALE_MIN)
            for group, out in zip(GROUPS, network.prior.out.children(), strict=True):
                assert isinstance(out, Modulated)
                row, own = LEVELS * stage + level - 1, torch.from_numpy(scale[list(group)])
                out.bias.data[row, len(group) :] = own
            _take(known, cells, x)


def simulate(
    network: Uqdm,
    pictures: NDArray[np.uint8],
    stage: int,
    part: int,
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Send uint8 pictures [B, H, W, 3] in one stage: bits [B], and squared error [B / 2] of previews after `part` of it.

    Sides are multiples of 64. In the lossless stage the previews are those before it.
    """
    state, positions = _opened(pictures)
    randomness = _randomness(rng)
    for step in range(stage):
        for known, x in zip((state.top, *state.details), positions, strict=True):
            _take(known, known.cells(step, randomness), x)
    shown, cells = state.top.estimate(), state.top.cells(stage, randomness)
    _take(state.top, cells, positions[0])
    average = state.top.estimate()
    shown = average if stage < LOSSLESS else shown
    bits = [_tensor(cells.counts, device).log2().flatten(1).sum(1)]
    handed = torch.zeros((len(average), network.config.passed, *average.shape[1:3]), device=device)
    for level in range(LEVELS, 0, -1):
        known, size = state.details[level - 1], state.sizes[level - 1]
        estimate, cells = known.estimate(), known.cells(stage, randomness)
        before = _tensor(values(cells.lo, cells.hi, WIDTH[stage]), device, FEATURE_BITS)
        around = _tensor(average, device, ESTIMATE_BITS)
        handed = network.prior.level(
            LEVELS * stage + level - 1,
            difference_features(around, average_scale(level, stage).to(device)),
            value_features(before),
            handed,
            _Receiver(cells, cells.around(positions[level]), WIDTH[stage], device, bits),
        )
        _take(known, cells, positions[level])
        average = finer(average, known.estimate(), size)
        new = stage < LOSSLESS and level >= PARTS[part][-1]
        shown = finer(shown, known.estimate() if new else estimate, size)
    half = (len(pictures) + 1) // 2
    colours = _tensor(shown[:half], device, ESTIMATE_BITS)
    step, last = (stage, part) if stage < LOSSLESS else (LOSSLESS - 1, len(PARTS) - 1)
    rgb = torch.stack(lifting.rgb_linear(*colours.unbind(1)), 1)
    out = network.restorer(rgb, SIGMA[step], len(PARTS) * step + last)
    error = out - _tensor(pictures[:half], device)
    return torch.stack(bits).sum(0), error.square().flatten(1).mean(1)


@dataclass
class _Receiver:
    """Takes the prior's densities of one level, group by group, and gives what was sent under them; counts the bits.

    cells, sent  what is offered, and the interval of each coefficient's own cell.
    """

    cells: Cells
    sent: tuple[Ints, Ints]
    width: int
    device: torch.device
    bits: list[Tensor] = field(default_factory=list)

    def __call__(self, group: int, mean: Tensor, scale: Tensor) -> Tensor:
        """The values sent, in widths; see `gcodec_diffc.uqdm.model.Prior.level`."""
        cells, (a, b) = self.cells, self.sent
        mean = mean + self._of(group, _nearest(cells))
        cell = self._of(group, a), self._of(group, b)
        support = self._of(group, cells.lo), self._of(group, cells.hi)
        counts = self._of(group, cells.counts * self.width)
        self.bits.append(cell_bits(mean, scale, cell, support, counts).flatten(1).sum(1))
        some = list(GROUPS[group])
        return _tensor(values(a, b, self.width)[..., some], self.device, FEATURE_BITS)

    def _of(self, group: int, positions: Ints) -> Tensor:
        """Positions of a group's channels in widths."""
        return _tensor(positions[..., list(GROUPS[group])], self.device) / self.width


def _opened(pictures: NDArray[np.uint8]) -> tuple[State, list[Ints]]:
    """uint8 [B, H, W, 3] -> a state in which nothing is known, and the positions that are to be sent."""
    batch, height, width, _ = pictures.shape
    state = State(height, width, (batch,))
    return state, state.positions(np.moveaxis(pictures, -1, -3).astype(np.int64))


def _randomness(rng: np.random.Generator) -> Randomness:
    return Randomness(int(rng.integers(1 << 63)))


def _nearest(cells: Cells) -> Ints:
    """What the prior's means are offsets from: the point of the support nearest to 0."""
    return np.clip(0, cells.lo, cells.hi)


def _take(known: Coefficients, cells: Cells, x: Ints) -> None:
    """Narrow what is known to the cells in which x lies."""
    known.lo, known.hi = cells.around(x)


def _tensor(array: NDArray[Any] | Sequence[Any], device: torch.device, bits: int = 0) -> Tensor:
    """[B, h, w, C] in units of 2**-bits -> float32 [B, C, h, w]."""
    moved = np.moveaxis(np.asarray(array), -1, 1).astype(np.float32)
    return torch.from_numpy(np.ldexp(moved, -bits)).to(device)
