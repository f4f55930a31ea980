"""Trainer "lossless": bits of samples under the law that the network gives.

    gcodec train plugins/base/recipes/lossless.toml --data PHOTOS --out RUN

What is seen of a pixel does not depend on the network, and takes ten times as long as the network. So it is found once, for
parts of photographs, and kept; steps draw pixels of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

import gcodec
from gcodec.run import Run
from gcodec_lossless.beside import numbers
from gcodec_lossless.examples import Companion, Examples, examples, seen_of
from gcodec_lossless.export import begin, export
from gcodec_lossless.features import ORDER
from gcodec_lossless.model import Config, Law, bits
from gcodec_lossless.waves import Ints
from gcodec_train import Inputs, Schema, Task
from gcodec_train.photos import packed

__all__ = ["LosslessTask"]

#: Pixels of a batch that lie together: they were drawn at random from one part of a photograph.
_RUN = 512
#: Held-out photographs that are judged, and their side.
_JUDGED, _SIDE = 6, 96


@dataclass(frozen=True)
class Data:
    """The table [data].

    parts     of photographs, of `rows` and `columns` at most.
    share     of their pixels that are kept.
    batch     pixels of a step.
    held_out  photographs that no step sees.
    companion  the embedding that the law's companions are of, of any quality from `low` to `high`, if the law sees one.
    """

    parts: int
    rows: int
    columns: int
    share: float
    batch: int
    held_out: int = 16
    companion: str = "ntc"
    low: float = 0.1
    high: float = 0.88

    def __post_init__(self) -> None:
        if min(self.parts, self.rows, self.columns, self.batch, self.held_out) < 1:
            raise ValueError("counts are 1 or more")
        if not 0 < self.share <= 1:
            raise ValueError(f"share = {self.share} is out of range")


class LosslessTask(Task):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {"network": Config, "data": Data}

    def __init__(self, inputs: Inputs) -> None:
        self.data = inputs.table("data", Data)
        self.config = inputs.table("network", Config)
        self.photos = packed(inputs.data, inputs.cache, inputs.progress)
        seed = inputs.recipe["seed"]
        members, self.aside = self.photos.split(self.data.held_out, seed)
        self.pool = self._pool(inputs, members, np.random.default_rng((seed, 1)))
        super().__init__(inputs)

    def _pool(self, inputs: Inputs, members: Any, rng: np.random.Generator) -> Examples:
        made = []
        size = self.data.rows, self.data.columns
        for count in range(self.data.parts):
            inputs.progress("looking at photographs", count, self.data.parts)
            if count % len(members) == 0:
                order = rng.permutation(members)
            photo = self.photos[int(order[count % len(members)])]
            made.append(examples(photo, size, self.data.share, rng, self._companion(rng)))
        parts = ([getattr(one, field.name) for one in made] for field in fields(Examples))
        return Examples(*(np.concatenate(part, 1 if part[0].ndim == 3 else 0) for part in parts))

    def _companion(self, rng: np.random.Generator) -> Companion | None:
        return self._at(rng.uniform(self.data.low, self.data.high)) if self.config.beside else None

    def _at(self, quality: float) -> Companion:
        def companion(colours: Ints) -> Ints:
            picture = gcodec.Picture.from_array(colours.astype(np.uint8))
            made = gcodec.encode(
                picture, self.data.companion, target=gcodec.Target(quality=quality)
            )
            pixels = gcodec.decode(made.data, "preview").picture.pixels
            return np.rint(pixels * 255).astype(np.int64)

        return companion

    def build(self) -> nn.Module:
        law = Law(self.config)
        if self.config.begin:
            begin(law, Run().models.find(self.config.begin).tensors())
        return law

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        runs = -(-self.data.batch // _RUN)
        total, run = len(self.pool.samples), min(_RUN, len(self.pool.samples))
        starts = rng.integers(total - run + 1, size=runs)
        which = (starts[:, None] + np.arange(run)).ravel()[: self.data.batch]
        found = self._bits(network, self.pool, which)
        return {"loss": found.sum(1).mean(), "first": found[:, 0].mean()}

    def _bits(self, network: nn.Module, some: Examples, which: Any) -> Tensor:
        def tensor(values: Any) -> Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(self.inputs.device)

        made = network(tensor(some.seen[which]) / 64, tensor(some.extras[which]) / 64)
        there = some.channels[which, None] > np.arange(3)
        near, samples = tensor(some.near[:, which]), tensor(some.samples[which])
        return bits(made, near, samples, tensor(some.top[which, None])) * tensor(there)

    @torch.inference_mode()
    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Bits a pixel of held-out photographs, as they are."""
        figures = []
        for index in self.aside[:_JUDGED]:
            planes = self.photos.centre(int(index), _SIDE).astype(np.int64).transpose(2, 0, 1)
            beside = None
            if self.config.beside:
                beside = numbers(self._at((self.data.low + self.data.high) / 2)(planes), None)
            some = seen_of(planes[list(ORDER)], 255, beside)
            figures.append(self._bits(network, some, np.arange(len(some.samples))).sum(1).mean())
        return {"bpp": float(np.mean(figures))}

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, Law)
        export(network, folder)
