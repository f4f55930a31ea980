"""Trainer "tokens": codewords for what the codebooks leave of latents, and the priors of all levels on their bits.

    gcodec train plugins/base/recipes/tokens.toml --data PHOTOS --out RUN

The tokens of all photographs, each several times, shifted and mirrored, are made once and kept in the cache, with the
codewords: Lloyd's algorithm on the residuals of some of the photographs, digit by digit. A batch are random tokens, those of
coarse passes more often than there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec.run import Run
from gcodec_ldm.made_once import made_once
from gcodec_ldm.perco.training import Data, Network
from gcodec_ldm.tokens.codec import Level
from gcodec_ldm.tokens.examples import Grids, Sample
from gcodec_ldm.tokens.export import export
from gcodec_ldm.tokens.meaning import Meaning, nearest
from gcodec_ldm.tokens.network import LevelNetwork
from gcodec_train import Inputs, Schema, Task, packed

__all__ = ["TokensTask"]

#: Largest side of a photograph that is taken, in samples; the rest is left out.
_LARGEST = 1024
#: Photographs and latent positions of each that codewords are made for, and rounds of Lloyd's algorithm.
_TYPICAL, _POSITIONS, _ROUNDS = 200, 500, 30
#: `Level.sharp` of tokens of codebooks, and of residuals. By KID (README of gcodec-ldm): residuals drawn under their own law
#: are noise to the eye, at this power they are nearly always the likeliest ones.
_SHARP = (8, 64)
#: Tokens that are judged at a time.
_CHUNK = 8192


@dataclass(frozen=True)
class Space:
    """The table [space].

    codebooks  models, the coarsest first, all of one latent space.
    digits     number of values of each digit of their indices.
    residuals  of the digits of each level behind, one token for each latent position.
    """

    codebooks: tuple[str, ...]
    digits: tuple[int, ...]
    residuals: tuple[tuple[int, ...], ...]


class TokensTask(Task):
    """See the module; the recipe's tables are those of `tables`."""

    tables: ClassVar[Mapping[str, Schema] | None] = {
        "space": Space,
        "network": Network,
        "data": Data,
    }

    def __init__(self, inputs: Inputs) -> None:
        self.data, self.place = inputs.table("data", Data), inputs.table("space", Space)
        self.run = Run(device=inputs.device.type)
        self.levels = self._levels()
        self.photos = packed(inputs.data, inputs.cache, inputs.progress)
        self.members, self.aside = self.photos.split(self.data.held_out, inputs.recipe["seed"])
        super().__init__(inputs)

    def _levels(self) -> list[Level]:
        models = [self.run.models.find(name) for name in self.place.codebooks]
        books = [Level(1, self.place.digits, model.digest, _SHARP[0]) for model in models]
        meaning = Meaning(books, [()] * len(books), self.run)
        factor = meaning.space.factor
        return [
            *(
                replace(level, side=book.stride * factor)
                for book, level in zip(meaning.books, books, strict=True)
            ),
            *(Level(factor, tuple(digits), sharp=_SHARP[1]) for digits in self.place.residuals),
        ]

    def build(self) -> nn.Module:
        self.codewords = self._codewords()
        self.meaning = Meaning(self.levels, self.codewords, self.run)
        self.seen = self._grids("seen", self.members, self.data.variants)
        self.unseen = self._grids("unseen", self.aside, 1)
        sizes = self.inputs.table("network", Network)
        networks, above = {}, Level(self.levels[0].side, ())
        for i, level in enumerate(self.levels):
            ratio = above.side // level.side
            networks[f"level{i}"] = LevelNetwork(
                level.digits, above.digits, ratio, sizes.width, sizes.inside
            )
            above = level
        return nn.ModuleDict(networks)

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, nn.ModuleDict)
        bits = {
            name: self._bits(part, self.seen[i].sample(rng, self.data.batch)).mean()
            for i, (name, part) in enumerate(network.items())
        }
        return {"loss": torch.stack([*bits.values()]).sum(), **bits}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Bits of a token of each level, over all tokens of the photographs that no step sees."""
        assert isinstance(network, nn.ModuleDict)
        figures = {}
        for grids, (name, part) in zip(self.unseen, network.items(), strict=True):
            bits = [self._bits(part, some).double().cpu() for some in grids.all(_CHUNK)]
            figures[name] = float(torch.cat(bits).mean())
        return figures

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, nn.ModuleDict)
        pictures = [self.photos.centre(int(i), 256) for i in self.aside]
        export(network, self.levels, self.codewords, pictures, folder)

    def _bits(self, network: nn.Module, some: Sample) -> Tensor:
        parts = (torch.from_numpy(part).long().to(self.inputs.device) for part in some)
        bits: Tensor = network(*parts)
        return bits

    def _codewords(self) -> list[tuple[NDArray[np.float32], ...]]:
        """Codewords [entries, C] of each digit of each level."""
        books = [level for level in self.levels if level.model]
        made: list[tuple[NDArray[np.float32], ...]] = [() for _ in books]
        if len(books) == len(self.levels):
            return made
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        meaning = Meaning(books, made, self.run)
        vectors = []
        for count, index in enumerate(rng.permutation(self.members)[:_TYPICAL]):
            self.inputs.progress("residuals of photographs", count, _TYPICAL)
            latent = self._latent(meaning, int(index), 0, 0, False)
            channels, h, w = latent.shape
            left = latent - meaning.latent(meaning.tokens(latent), (h, w))
            flat = left.reshape(channels, -1).T
            vectors.append(flat[rng.integers(len(flat), size=_POSITIONS)])
        left = np.concatenate(vectors)
        for level in self.levels[len(books) :]:
            words = []
            for size in level.digits:
                words.append(_lloyd(left, size, rng))
                left = left - words[-1][nearest(left, words[-1])]
            made.append(tuple(words))
        return made

    def _latent(
        self, meaning: Meaning, index: int, top: int, left: int, mirrored: bool
    ) -> NDArray[np.float32]:
        pixels = self.photos[index][top:, left:][:_LARGEST, :_LARGEST]
        octets = (pixels[:, ::-1] if mirrored else pixels).transpose(2, 0, 1)
        return meaning.space.encode(np.ascontiguousarray(octets, np.float32) / np.float32(255))

    def _grids(self, name: str, photos: NDArray[np.int64], variants: int) -> list[Grids]:
        """Tokens of photographs by level, from the cache if they are there already."""
        wanted: list[Any] = [self.photos.listing(), photos.tolist(), variants]
        wanted += [(level.side, level.digits, level.model) for level in self.levels]
        wanted += [self.inputs.recipe["seed"], [w.tobytes() for w in sum(self.codewords, ())]]
        kept = made_once(
            self.inputs.cache, f"grids-{name}", wanted, lambda: self._quantized(photos, variants)
        )
        made_of: list[Grids] = []
        for i in range(len(self.levels)):
            above = made_of[-1] if made_of else None
            made_of.append(Grids(kept[f"tokens{i}"], kept[f"shapes{i}"], above))
        return made_of

    def _quantized(self, photos: NDArray[np.int64], variants: int) -> dict[str, NDArray[Any]]:
        """tokens0, shapes0, tokens1, ...: int16, all grids behind one another, and their rows and columns."""
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        period = self.levels[0].side
        found: list[list[NDArray[np.int32]]] = [[] for _ in self.levels]
        for count, index in enumerate(photos):
            self.inputs.progress("tokens of photographs", count, len(photos))
            for variant in range(variants):
                top, left = rng.integers(period, size=2) if variants > 1 else (0, 0)
                latent = self._latent(self.meaning, int(index), top, left, variant % 2 == 1)
                for grids, tokens in zip(found, self.meaning.tokens(latent), strict=True):
                    grids.append(tokens)
        made: dict[str, NDArray[Any]] = {}
        for i, grids in enumerate(found):
            made[f"tokens{i}"] = np.concatenate([t.ravel() for t in grids]).astype(np.int16)
            made[f"shapes{i}"] = np.array([t.shape for t in grids])
        return made


def _lloyd(
    vectors: NDArray[np.float32], size: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """`size` codewords [size, C] with least squared error on vectors [N, C]; the first of equal ones in the order of axis
    along which they vary most, so that near numbers are near vectors."""
    words = vectors[rng.choice(len(vectors), size, replace=False)]
    for _ in range(_ROUNDS):
        which = nearest(vectors, words)
        chosen = np.eye(size, dtype=np.float32)[which]
        counts, sums = chosen.sum(0), chosen.T @ vectors
        # One that stands for nothing begins anew.
        anew = vectors[rng.choice(len(vectors), size, replace=False)]
        words = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], anew)
        words = words.astype(np.float32)
    axis = np.linalg.svd(words - words.mean(0), full_matrices=False)[2][0]
    ordered: NDArray[np.float32] = words[np.argsort(words @ axis)]
    return ordered
