"""A hyperprior and four groups of channels in exact integer arithmetic: how a file's symbols are read (spec/INTEGER.md).

The twin of `gcodec.entropy.model.EntropyModel`, which is what is trained. Numbers and layers are those of
`gcodec.entropy.integers`; array order is [rows, columns, channels].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import (
    MEAN_BITS,
    SCALES,
    Carried,
    Head,
    Ints,
    Layer,
    activations,
    features,
    interpolate,
    limited,
    patches,
    strips,
)
from gcodec.errors import InvalidArgument

__all__ = ["KERNELS", "IntegerModel", "Visit", "Visitor"]

#: Side of the neighbourhood that each coding pass sees of each of its inputs; the first are the hyperprior's features.
KERNELS = ((1,), (1, 3), (1, 3), (1, 3, 3), (1, 3, 3), (1, 1, 3, 3))


@dataclass(frozen=True)
class Visit:
    """One batch of symbols: `group` (-1: hyper-latents), flat `positions`, and what they are coded under.

    mean   int32 [positions, channels] in 1/16 steps.
    index  uint8 [positions, channels], tables; those of hyper-latents follow those of latents.
    """

    group: int
    positions: NDArray[np.int64]
    mean: Ints
    index: NDArray[np.uint8]

    def values(self, symbols: Ints) -> Ints:
        """The values whose rounded differences from the means are `symbols`, in 1/16 steps."""
        found: Ints = (symbols << MEAN_BITS) + self.mean
        return found


#: Given a batch, returns its values, int32 [positions, channels] in 1/16 steps: an encoder's or a decoder's half.
Visitor: TypeAlias = Callable[[Visit], Ints]


class IntegerModel:
    """Hyper decoder and coding passes, from the integer tensors of a model file.

    groups   channels of each latent group.
    tensors  as `gcodec.entropy.model.integer_tensors` makes them.

    Raises KeyError for a missing tensor, InvalidArgument for one that could not compute exactly.
    """

    def __init__(self, groups: Sequence[int], tensors: Mapping[str, NDArray[Any]]) -> None:
        def layer(name: str) -> Layer:
            return Layer.of(tensors, f"integer.{name}")

        self.groups = tuple(groups)
        magnitude, prior = tensors["integer.magnitude"], tensors["integer.prior"]
        scales = prior[:, prior.shape[-1] // 2 :] if prior.ndim == 2 else prior
        types = [magnitude.dtype, prior.dtype] == [np.int16, np.int32]
        shapes = (magnitude.ndim, prior.ndim, prior.shape[-1] % 2) == (1, 2, 0)
        if not (types and shapes) or ((scales < 0) | (scales >= SCALES)).any():
            raise InvalidArgument("no prior, or no table of magnitudes, of an integer model")
        self._magnitude, self._prior = magnitude.astype(np.int32), prior.astype(np.int64)
        self._decode1, self._decode2 = layer("decode1"), layer("decode2")
        self._reduce = [layer("reduce1"), layer("reduce2")]
        self._heads = [
            Head(layer(f"head{i}.first"), sizes, layer(f"head{i}.hidden"), layer(f"head{i}.out"))
            for i, sizes in enumerate(KERNELS)
        ]
        self._check()

    def _check(self) -> None:
        """Raise InvalidArgument for layers that do not fit together."""
        g0, g1, g2, g3 = (2 * size for size in self.groups)
        hyper, width = self._prior.shape[1] // 2, self._decode1.weight.shape[1]
        f, r1, r2 = (
            layer.weight.shape[1] for layer in (self._decode2, self._reduce[0], self._reduce[1])
        )
        f //= 4
        self._decode1.expect(9 * hyper, width)
        self._decode2.expect(width, 4 * f)
        self._reduce[0].expect(g1, r1)
        self._reduce[1].expect(g2, r2)
        seen = ((f,), (f, g0), (f, g0), (f, g0, g1), (f, g0, r1), (f, g0, r1, r2))
        for head, sizes, made in zip(self._heads, seen, (g0, g0, g1, g1, g2, g3), strict=True):
            taps = (k * k * size for k, size in zip(head.kernels, sizes, strict=True))
            head.first.expect(sum(taps), width)
            head.hidden.expect(width, width)
            head.out.expect(width, made)

    def code(self, level: int, h: int, w: int, visit: Visitor) -> tuple[Ints, Ints]:
        """Visit all values in coding order; encoder and decoder differ in `visit` alone.

        Returns hyper-latents [ceil(h/2), ceil(w/2), hyper] and latents [h, w, C], in 1/16 steps.
        """
        z = self._hyper_latents(level, -(-h // 2), -(-w // 2), visit)
        hyper = self._hyper_features(level, z, h, w)
        everywhere = np.arange(h * w)
        odd = (everywhere // w + everywhere % w) % 2 == 1
        y: list[Ints] = [np.zeros((h * w, size), np.int32) for size in self.groups]

        def code_pass(
            head: int, group: int, positions: NDArray[np.int64], *inputs: Carried
        ) -> Carried:
            mean, index = self._heads[head](level, positions, (hyper, *inputs))
            y[group][positions] = visit(Visit(group, positions, mean, index))
            return features(y[group].reshape(h, w, -1), self._magnitude)

        first, second = everywhere[~odd], everywhere[odd]
        own = code_pass(0, 0, first)
        low = code_pass(1, 0, second, own)
        own = code_pass(2, 1, first, low)
        middle = self._reduced(0, code_pass(3, 1, second, low, own), level)
        high = self._reduced(1, code_pass(4, 2, everywhere, low, middle), level)
        code_pass(5, 3, everywhere, low, middle, high)
        return z, np.concatenate(y, 1).reshape(h, w, -1)

    def _hyper_latents(self, level: int, h: int, w: int, visit: Visitor) -> Ints:
        row = interpolate(self._prior, level)[None]
        mean, index = (np.repeat(part.astype(np.int32), h * w, 0) for part in np.split(row, 2, 1))
        index = (index + SCALES).astype(np.uint8)
        return visit(Visit(-1, np.arange(h * w), mean, index)).reshape(h, w, -1)

    def _hyper_features(self, level: int, z: Ints, h: int, w: int) -> Carried:
        x = limited(activations(z))
        made = []
        for some in strips(np.arange(z.shape[0] * z.shape[1])):
            u = self._decode1.hidden(patches(x, 3, some), level)
            made.append(self._decode2.hidden(u, level))
        # Output 4 c + 2 i + j is channel c at row i, column j of a 2x2 block.
        blocks = np.concatenate(made).reshape(*z.shape[:2], -1, 2, 2)
        wide = blocks.transpose(0, 3, 1, 4, 2).reshape(2 * z.shape[0], 2 * z.shape[1], -1)
        return wide[:h, :w]

    def _reduced(self, which: int, x: Carried, level: int) -> Carried:
        layer = self._reduce[which]
        flat = x.reshape(-1, x.shape[2])
        made = [layer.hidden(flat[some], level) for some in strips(np.arange(len(flat)))]
        return np.concatenate(made).reshape(*x.shape[:2], -1)
