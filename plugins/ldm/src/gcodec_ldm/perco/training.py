"""Trainer "perco": the prior of tokens, for all codebooks at once, on their bits.

    gcodec train plugins/base/recipes/perco.toml --data PHOTOS --out RUN

The tokens of all photographs, each several times, shifted and mirrored, are made once and kept in the cache; a batch are
random positions of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec.models.networks import open_codebook, open_space
from gcodec.run import Run
from gcodec_ldm.made_once import made_once
from gcodec_ldm.perco.codec import Book
from gcodec_ldm.perco.export import export
from gcodec_ldm.perco.network import PriorNetwork
from gcodec_ldm.perco.prior import NEIGHBOURS, OUTSIDE
from gcodec_train import Inputs, Schema, Task, packed

__all__ = ["PercoTask"]

_BORDER = 2  # of NEIGHBOURS
#: Positions that are judged at a time.
_CHUNK = 8192
#: Largest side of a photograph that is taken, in samples; the rest is left out.
_LARGEST = 1536


@dataclass(frozen=True)
class Space:
    """The table [space].

    autoencoder  model whose latents the codebooks quantize.
    codebooks    models, the coarsest first.
    levels       of the digits of their indices.
    """

    autoencoder: str
    codebooks: tuple[str, ...]
    levels: tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """The table [network]: see `ChainNetwork`."""

    width: int
    inside: int


@dataclass(frozen=True)
class Data:
    """The table [data].

    batch     tokens of each codebook.
    variants  times that each photograph is taken, at random offsets, every other one mirrored.
    held_out  photographs that no step sees.
    """

    batch: int
    variants: int
    held_out: int


class Maps:
    """Maps of tokens [h, w] behind one another, each with a border: so that neighbours are found by adding."""

    def __init__(self, tokens: NDArray[np.int16], shapes: NDArray[np.int64]) -> None:
        kept, positions, strides, start, at = [], [], [], 0, 0
        for h, w in shapes.tolist():
            bordered = np.full((h + _BORDER, w + 2 * _BORDER), OUTSIDE, np.int16)
            bordered[_BORDER:, _BORDER : _BORDER + w] = tokens[start : start + h * w].reshape(h, w)
            y, x = np.mgrid[:h, :w]
            positions.append((at + (y + _BORDER) * bordered.shape[1] + x + _BORDER).ravel())
            strides.append(np.full(h * w, bordered.shape[1]))
            kept.append(bordered.ravel())
            start, at = start + h * w, at + bordered.size
        self._tokens = np.concatenate(kept)
        self._positions = np.concatenate(positions).astype(np.int32)
        self._strides = np.concatenate(strides).astype(np.int32)

    def __len__(self) -> int:
        return len(self._positions)

    def batch(self, which: NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor]:
        """Neighbours [N, len(NEIGHBOURS)] and tokens [N], int64, at the positions `which`."""
        dy, dx = np.array(NEIGHBOURS).T
        at, stride = self._positions[which][:, None], self._strides[which][:, None]
        around, own = self._tokens[at + dy * stride + dx], self._tokens[at[:, 0]]
        neighbours, tokens = (torch.from_numpy(t.astype(np.int64)) for t in (around, own))
        return neighbours.to(device), tokens.to(device)


class PercoTask(Task):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        "space": Space,
        "network": Network,
        "data": Data,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.data, self.place = inputs.table("data", Data), inputs.table("space", Space)
        run = Run(device=inputs.device.type)
        models = [run.models.find(name) for name in self.place.codebooks]
        self.space = open_space(run.models.find(self.place.autoencoder), run)
        self.codebooks = [open_codebook(model, run) for model in models]
        self.books = [
            Book(book.name, model.digest, book.stride * self.space.factor, self.place.levels)
            for book, model in zip(self.codebooks, models, strict=True)
        ]
        self.photos = packed(inputs.data, inputs.cache, inputs.progress)
        self.members, self.aside = self.photos.split(self.data.held_out, inputs.recipe["seed"])
        super().__init__(inputs)

    def build(self) -> nn.Module:
        self.seen = self._maps("seen", self.members, self.data.variants)
        self.unseen = self._maps("unseen", self.aside, 1)
        sizes = self.inputs.table("network", Network)
        return nn.ModuleDict(
            {
                book.space: PriorNetwork(book.levels, sizes.width, sizes.inside)
                for book in self.books
            }
        )

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, nn.ModuleDict)
        bits = {}
        for book, maps in zip(self.books, self.seen, strict=True):
            which = rng.integers(len(maps), size=self.data.batch)
            bits[book.space] = network[book.space](*maps.batch(which, self.inputs.device)).mean()
        return {"loss": torch.stack([*bits.values()]).sum(), **bits}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Bits of a token of each codebook, over all tokens of the photographs that no step sees."""
        assert isinstance(network, nn.ModuleDict)
        figures = {}
        for book, maps in zip(self.books, self.unseen, strict=True):
            total = 0.0
            for start in range(0, len(maps), _CHUNK):
                which = np.arange(start, min(start + _CHUNK, len(maps)))
                total += network[book.space](*maps.batch(which, self.inputs.device)).sum().item()
            figures[book.space] = total / len(maps)
        return figures

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, nn.ModuleDict)
        export(network, self.books, folder)

    def _maps(self, name: str, photos: NDArray[np.int64], variants: int) -> list[Maps]:
        """Tokens of photographs by codebook, from the cache if they are there already."""
        wanted = [self.photos.listing(), photos.tolist(), variants, self.inputs.recipe["seed"]]
        wanted += [(book.model, book.side) for book in self.books]
        kept = made_once(
            self.inputs.cache, f"tokens-{name}", wanted, lambda: self._quantized(photos, variants)
        )
        return [Maps(kept[f"tokens{i}"], kept[f"shapes{i}"]) for i in range(len(self.books))]

    def _quantized(self, photos: NDArray[np.int64], variants: int) -> dict[str, NDArray[Any]]:
        """tokens0, shapes0, tokens1, ...: int16, all maps behind one another, and their rows and columns."""
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        period = max(book.side for book in self.books)
        found: list[list[NDArray[np.int32]]] = [[] for _ in self.books]
        for count, index in enumerate(photos):
            self.inputs.progress("tokens of photographs", count, len(photos))
            for variant in range(variants):
                top, left = rng.integers(period, size=2) if variants > 1 else (0, 0)
                pixels = self.photos[int(index)][top:, left:][:_LARGEST, :_LARGEST]
                if variant % 2:
                    pixels = pixels[:, ::-1]
                octets = np.ascontiguousarray(pixels.transpose(2, 0, 1))
                latent = self.space.encode(octets.astype(np.float32) / np.float32(255))
                for maps, book in zip(found, self.codebooks, strict=True):
                    maps.append(book.quantize(latent))
        made: dict[str, NDArray[Any]] = {}
        for i, maps in enumerate(found):
            made[f"tokens{i}"] = np.concatenate([t.ravel() for t in maps]).astype(np.int16)
            made[f"shapes{i}"] = np.array([t.shape for t in maps])
        return made
