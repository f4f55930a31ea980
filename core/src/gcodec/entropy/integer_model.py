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

from gcodec.entropy.heads import Head, Seen
from gcodec.entropy.integers import (
    CLIP,
    MEAN_BITS,
    SCALES,
    UNIT_BITS,
    Carried,
    Features,
    Ints,
    Layer,
    activations,
    around,
    bordered,
    features,
    interpolate,
    limited,
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
        found: Ints = symbols << MEAN_BITS
        found += self.mean
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
        if len(self.groups) != 4:
            raise InvalidArgument(f"{len(self.groups)} groups of channels instead of four")
        magnitude, prior = tensors["integer.magnitude"], tensors["integer.prior"]
        scales = prior[:, prior.shape[-1] // 2 :] if prior.ndim == 2 else prior
        types = [magnitude.dtype, prior.dtype] == [np.int16, np.int32]
        shapes = (magnitude.ndim, prior.ndim, prior.shape[-1] % 2) == (1, 2, 0)
        if not (types and shapes) or ((scales < 0) | (scales >= SCALES)).any():
            raise InvalidArgument("no prior, or no table of magnitudes, of an integer model")
        self._magnitude, self._prior = magnitude.astype(np.float32), prior.astype(np.int64)
        self._decode1, self._decode2 = layer("decode1"), layer("decode2")
        hyper, width = self._prior.shape[1] // 2, self._decode1.weight.shape[1]
        f = self._decode2.weight.shape[1] // 4
        self._decode1.expect(9 * hyper, width)
        self._decode2.expect(width, 4 * f)
        low, own, last = (self._seen(group, kernel) for group, kernel in ((0, 3), (1, 3), (0, 1)))
        # Values that are not known yet are 0; with the usual table of magnitudes so are their features.
        beside = not self._magnitude[:1].any()
        self._reduce = []
        for name, group in (("reduce1", 1), ("reduce2", 2)):
            reduced, seen = layer(name), self._seen(group, 1)
            reduced.expect(seen.inputs, reduced.weight.shape[1])
            self._reduce.append((reduced, seen.product(reduced.weight)))
        middle, high = (Seen(3, reduced.weight.shape[1]) for reduced, _ in self._reduce)
        inputs = (
            (),
            (low._replace(beside=beside),),
            (low,),
            (low, own._replace(beside=beside)),
            (low, middle),
            (last, middle, high),
        )
        self._heads = []
        for i, (known, group) in enumerate(zip(inputs, (0, 0, 1, 1, 2, 3), strict=True)):
            first, hidden, out = (layer(f"head{i}.{part}") for part in ("first", "hidden", "out"))
            self._heads.append(Head(first, (Seen(1, f), *known), hidden, out))
            first.expect(len(first.weight), width)
            out.expect(width, 2 * self.groups[group])

    def _seen(self, group: int, kernel: int) -> Seen:
        """Features of a group, as what a head sees."""
        size, most = self.groups[group], np.array([CLIP, np.abs(self._magnitude).max(initial=0)])
        return Seen(kernel, 2 * size, np.repeat(most * (1 << UNIT_BITS - MEAN_BITS), size))

    def code(self, level: int, h: int, w: int, visit: Visitor) -> tuple[Ints, Ints]:
        """Visit all values in coding order; encoder and decoder differ in `visit` alone.

        Returns hyper-latents [ceil(h/2), ceil(w/2), hyper] and latents [h, w, C], in 1/16 steps.
        """
        z = self._hyper_latents(level, -(-h // 2), -(-w // 2), visit)
        hyper = self._hyper_features(level, z, h, w)
        everywhere = np.arange(h * w)
        odd = (everywhere // w + everywhere % w) % 2 == 1
        whole = np.zeros((h * w, sum(self.groups)), np.int32)
        y: list[Ints] = np.split(whole, np.cumsum(self.groups)[:-1], 1)

        def code_pass(
            head: int, group: int, positions: NDArray[np.int64], *inputs: Carried | Features
        ) -> None:
            mean, index = self._heads[head](level, positions, (hyper, *inputs))
            y[group][positions] = visit(Visit(group, positions, mean, index))

        def known(group: int) -> Features:
            return features(y[group].reshape(h, w, -1), self._magnitude)

        first, second = everywhere[~odd], everywhere[odd]
        code_pass(0, 0, first)
        code_pass(1, 0, second, known(0))
        low = known(0)
        code_pass(2, 1, first, low)
        code_pass(3, 1, second, low, known(1))
        middle = self._reduced(0, known(1), level)
        code_pass(4, 2, everywhere, low, middle)
        high = self._reduced(1, known(2), level)
        code_pass(5, 3, everywhere, low, middle, high)
        return z, whole.reshape(h, w, -1)

    def _hyper_latents(self, level: int, h: int, w: int, visit: Visitor) -> Ints:
        row = interpolate(self._prior, level)[None]
        mean, index = (np.repeat(part.astype(np.int32), h * w, 0) for part in np.split(row, 2, 1))
        index = (index + SCALES).astype(np.uint8)
        return visit(Visit(-1, np.arange(h * w), mean, index)).reshape(h, w, -1)

    def _hyper_features(self, level: int, z: Ints, h: int, w: int) -> Carried:
        x = bordered(limited(activations(z)))
        made = []
        for some in strips(np.arange(z.shape[0] * z.shape[1])):
            u = self._decode1.hidden(around(x, 3, *np.divmod(some, z.shape[1])), level)
            made.append(self._decode2.hidden(u, level))
        # Output 4 c + 2 i + j is channel c at row i, column j of a 2x2 block.
        blocks = np.concatenate(made).reshape(*z.shape[:2], -1, 2, 2)
        wide = blocks.transpose(0, 3, 1, 4, 2).reshape(2 * z.shape[0], 2 * z.shape[1], -1)
        return wide[:h, :w]

    def _reduced(self, which: int, x: Features, level: int) -> Carried:
        layer, product = self._reduce[which]
        flat, made = x.reshape(-1, x.shape[2]), []
        for some in strips(np.arange(len(flat))):
            sums = np.repeat(layer.at(level)[None], len(some), 0)
            product.add(sums, flat[some])
            made.append(layer.activate(sums))
        return np.concatenate(made).reshape(*x.shape[:2], -1)
