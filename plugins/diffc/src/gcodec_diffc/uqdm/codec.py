"""The codec proper: from samples to layers and back, given a model's tensors.

A layer (spec/embeddings/uqdm.md is normative):

    1 byte   measured squared error of the preview that it completes (`gcodec.signals.pack_mse`)
    rest     one stream of `gcodec.entropy.RowEncoder`

Layers are the parts of the steps (`schedule.PARTS`), coarse to fine, step by step, then the integers. A stage sends the
coarsest averages, all cells alike, then each level from coarse to fine in the groups of `schedule.GROUPS`; symbols go
in C order of [rows, columns, channels], those with one cell left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gcodec.entropy import RowDecoder, RowEncoder
from gcodec.errors import PayloadError
from gcodec.randomness import Randomness
from gcodec.signals import pack_mse, unpack_mse
from gcodec_diffc.channels._logistic import Ints, frequencies, uniform
from gcodec_diffc.uqdm import lifting
from gcodec_diffc.uqdm.integer import (
    MEAN_BITS,
    Carried,
    IntegerPrior,
    difference_features,
    value_features,
)
from gcodec_diffc.uqdm.model import Restorer, network_config
from gcodec_diffc.uqdm.schedule import (
    GROUPS,
    LAYERS,
    LEVELS,
    LOSSLESS,
    PARTS,
    SIGMA,
    WIDTH,
    weight,
)
from gcodec_diffc.uqdm.state import ESTIMATE_BITS, Cells, State, finer, values

NAME = "uqdm"
_OCTET = (
    1 / 1024
)  # samples so near to whole levels are 8-bit ones; those of 16 bits are 1/257 away or more
#: Symbols whose frequencies are made at a time, with as many entries as the one with most cells: a part of the format.
_STRIP = 1 << 13

FloatArray = NDArray[np.float32]
#: Given frequencies [N, K] and which symbols of a group they are for, returns these symbols [N].
Exchange = Callable[[Ints, NDArray[np.int64]], Ints]
#: Given level (0: the averages) and channels, returns how a group's symbols are exchanged.
Opener = Callable[[int, slice, Cells], Exchange]


class Walk:
    """A pass through the layers of a file, made alike by sender and receiver; they differ in what they exchange."""

    def __init__(
        self, prior: IntegerPrior, randomness: Randomness, height: int, width: int
    ) -> None:
        self.state = State(height, width)
        self._prior, self._randomness = prior, randomness
        self._average: Ints = np.zeros(0, np.int64)
        self._handed: Carried = np.zeros(0)

    def layer(self, index: int, opener: Opener) -> None:
        """Take layer `index`; the ones before it must have been taken."""
        stage, part = divmod(index, len(PARTS))
        levels = PARTS[part] if stage < LOSSLESS else range(LEVELS, 0, -1)
        if levels[0] == LEVELS:
            self._top(stage, opener)
        for level in levels:
            self._level(stage, level, opener)

    def _top(self, stage: int, opener: Opener) -> None:
        top = self.state.top
        cells = top.cells(stage, self._randomness)
        symbols = _exchanged(
            cells, opener(0, slice(0, 3), cells), lambda some: uniform(cells.counts.ravel()[some])
        )
        top.lo, top.hi = cells.narrowed(symbols)
        self._average = top.estimate()
        self._handed = np.zeros((*top.lo.shape[:2], self._prior.passed))

    def _level(self, stage: int, level: int, opener: Opener) -> None:
        details, width = self.state.details[level - 1], WIDTH[stage]
        cells = details.cells(stage, self._randomness)
        nearest = np.clip(0, cells.lo, cells.hi)  # to 0, which details crowd around
        before = values(cells.lo, cells.hi, width)

        def visit(group: int, mean: Ints, index: Ints) -> Carried:
            channels = slice(GROUPS[group][0], GROUPS[group][-1] + 1)
            some = cells.of(channels)
            position = nearest[..., channels] + ((mean * width) >> MEAN_BITS)
            fields = (position, index, some.edge, some.width, some.counts, some.lo, some.hi)
            flat = [np.ascontiguousarray(part).ravel() for part in fields]
            symbols = _exchanged(
                some,
                opener(level, channels, some),
                lambda which: frequencies(width, *(part[which] for part in flat)),
            )
            lo, hi = some.narrowed(symbols)
            details.lo[..., channels], details.hi[..., channels] = lo, hi
            return value_features(values(lo, hi, width))

        weights = np.array([weight(level, 3 * colour) for colour in range(3)])
        handed = self._prior.level(
            LEVELS * stage + level - 1,
            difference_features(self._average, weights, width),
            value_features(before),
            self._handed,
            visit,
        )
        size = self.state.sizes[level - 1]
        self._average = finer(self._average, details.estimate(), size)
        self._handed = handed[: size[0], : size[1]]


def _exchanged(
    cells: Cells, exchange: Exchange, tables: Callable[[NDArray[np.int64]], Ints]
) -> Ints:
    """Symbols of a group: 0 where there is one cell, the others exchanged in strips."""
    symbols = np.zeros(cells.counts.size, np.int64)
    open_ = np.flatnonzero(cells.counts.ravel() > 1)
    for start in range(0, len(open_), _STRIP):
        some = open_[start : start + _STRIP]
        symbols[some] = exchange(tables(some), some)
    return symbols.reshape(cells.counts.shape)


@dataclass
class Analysed:
    """An image on its way: its coefficients W n [h, w, C] (coarsest averages, then details of level 1 and up) and layers.

    octets  whether the samples are 8-bit ones, of which the last layer is lossless.
    """

    samples: FloatArray
    octets: bool
    positions: Sequence[Ints]
    walk: Walk
    layers: list[bytes] = field(default_factory=list)


class Codec:
    """Encoder and decoder. `config` and `tensors` are a model's config.json and weights.

    Raises KeyError, TypeError, ValueError or RuntimeError if they do not belong together.
    """

    def __init__(
        self, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], randomness: Randomness
    ) -> None:
        sizes = network_config(config)
        self.prior = IntegerPrior(sizes.passed, tensors)
        self.restorer = _loaded(Restorer(sizes), tensors)
        self.randomness = randomness

    def analyse(self, samples: FloatArray) -> Analysed:
        """Transform float32 [3, H, W] in [0, 1], rounded to 8 bits."""
        octets = np.rint(np.clip(samples, 0, 1) * np.float32(255))
        walk = Walk(self.prior, self.randomness, *samples.shape[1:])
        positions = walk.state.positions(octets.astype(np.int64))
        exact = bool(np.abs(samples * np.float32(255) - octets).max() < _OCTET)
        return Analysed(samples, exact, positions, walk)

    def encode(self, analysed: Analysed, count: int) -> tuple[bytes, ...]:
        """The first `count` layers; those made before are not made again."""
        for index in range(len(analysed.layers), count):
            writer = RowEncoder()
            analysed.walk.layer(index, partial(_sender, analysed.positions, writer))
            preview = self.preview(analysed.walk.state, index + 1)
            error = float(np.mean((preview - analysed.samples) ** 2, dtype=np.float64))
            lossless = index + 1 == LAYERS and analysed.octets
            # The code of 0 is kept for what is lossless by construction.
            head = pack_mse(0.0) if lossless else min(pack_mse(error), pack_mse(0.0) - 1)
            analysed.layers.append(bytes([head]) + writer.finish())
        return tuple(analysed.layers[:count])

    def steps(
        self, layers: Sequence[bytes], height: int, width: int
    ) -> Iterator[tuple[State, float]]:
        """Read layer by layer: what is known, and the squared error of the preview.

        Integer arithmetic only. Raises PayloadError for what `encode` cannot have written.
        """
        if not 1 <= len(layers) <= LAYERS:
            raise PayloadError(NAME, f"{len(layers)} layers instead of 1 to {LAYERS}")
        walk = Walk(self.prior, self.randomness, height, width)
        for index, layer in enumerate(layers):
            if not layer:
                raise PayloadError(NAME, f"layer {index} is empty")
            reader = RowDecoder(layer[1:], NAME)
            walk.layer(index, partial(_receiver, reader))
            reader.finish()
            yield walk.state, unpack_mse(layer[0])

    def read(self, layers: Sequence[bytes], height: int, width: int) -> tuple[State, float]:
        """What all of the layers say, and the squared error of the preview. Raises PayloadError."""
        return list(self.steps(layers, height, width))[-1]

    @torch.inference_mode()
    def preview(self, state: State, count: int) -> FloatArray:
        """Estimate of the picture, float32 [3, H, W] in [0, 1], from the first `count` layers."""
        if count == LAYERS:
            octets = np.stack(lifting.from_colours(*state.integers()))
            return np.clip(octets, 0, 255).astype(np.float32) * np.float32(1 / 255)
        colours = state.picture().astype(np.float32) / (1 << ESTIMATE_BITS)
        height, width = colours.shape[1:]
        rgb = torch.from_numpy(np.stack(lifting.rgb_linear(*colours)))[None]
        rgb = F.pad(rgb, (0, -width % 8, 0, -height % 8), mode="replicate")
        out = self.restorer(rgb, SIGMA[(count - 1) // len(PARTS)], count - 1)
        return np.ascontiguousarray((out[0, :, :height, :width] / 255).clamp(0, 1).numpy())


def _sender(
    positions: Sequence[Ints], writer: RowEncoder, level: int, channels: slice, cells: Cells
) -> Exchange:
    wanted = cells.symbols(positions[level][..., channels]).ravel()

    def exchange(tables: Ints, which: NDArray[np.int64]) -> Ints:
        writer.put(wanted[which], tables)
        return wanted[which]

    return exchange


def _receiver(reader: RowDecoder, level: int, channels: slice, cells: Cells) -> Exchange:
    counts = cells.counts.ravel()

    def exchange(tables: Ints, which: NDArray[np.int64]) -> Ints:
        symbols = reader.get(tables)
        if (symbols >= counts[which]).any():
            raise PayloadError(NAME, "a cell outside of what is known already")
        return symbols

    return exchange


def _loaded(module: Any, tensors: Mapping[str, NDArray[Any]]) -> Any:
    prefix = "restorer."
    state = {
        name.removeprefix(prefix): torch.from_numpy(value.astype(np.float32))
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    module.load_state_dict(state)
    return module.eval()
