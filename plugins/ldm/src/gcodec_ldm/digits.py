"""Tokens coded digit by digit under a causal network of integers: the part that all orders of coding share.

A token of `gcodec.models.networks.Codebook` is a number of mixed radix: digit i has levels[i] values, the first is the least
(finite scalar quantization, Mentzer et al. 2024: digits are coordinates, so that near digits mean near latents). By the
chain rule P(token | before) = prod_i P(digit_i | digits before it, context), and one network for all positions gives each
factor:

    u = f(second f(first x)),   x: the context, activations
    logits_i = out_i f(hidden_i [u, digits 0..i-1 of this token, one-hot])

f is a leaky ReLU. The numbers are those of `gcodec.entropy.integers`: NumPy only, sums that are proved exact.
spec/embeddings/perco.md, section 4, is normative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import PRECISION
from gcodec.entropy.integers import UNIT_BITS, Carried, Ints, Layer

__all__ = [
    "MOST",
    "Chain",
    "Visit",
    "Visitor",
    "below",
    "check_row",
    "digits_of",
    "frequencies",
    "one_hots",
]

#: Values that a token has at most: of each there is a row of one-hots in memory.
MOST = 1 << 16

_FINE = 6  # probabilities are told apart by 2**(1 / 64)
_RANGE = 20  # octaves from the likeliest value to the least likely
#: round(2**(20 - j / 64)): no entry lies nearer than 1e-3 to where rounding turns, so every machine has the same.
_EXP2 = np.array([round(2.0 ** (_RANGE - j / 64)) for j in range((_RANGE << _FINE) + 1)], np.int64)


@dataclass(frozen=True)
class Visit:
    """One batch of digits: their flat `positions`, which digit of the token, and what they are coded under.

    frequencies  int64 [positions, levels[digit]], rows of sum 2**24.
    below        of the same shape: how much less likely each value is than the likeliest, in 1/64 octaves.
    """

    positions: NDArray[np.int64]
    digit: int
    frequencies: NDArray[np.int64]
    below: NDArray[np.int64]


#: Given a batch, returns its digits, int32 [positions]: an encoder's or a decoder's half.
Visitor: TypeAlias = Callable[[Visit], Ints]


class Chain:
    """The network of one codebook, from the integer tensors of a model file.

    levels   of each digit, the least significant first; their product is the number of the codebook's entries.
    tensors  "`name`.first.weight" and so on, as `gcodec_ldm.network` writes them.
    inputs   of `first`.

    Raises KeyError for a missing tensor, ValueError for those that do not fit or could not compute exactly.
    """

    def __init__(
        self, levels: Sequence[int], tensors: Mapping[str, NDArray[Any]], name: str, inputs: int
    ) -> None:
        self.levels = tuple(levels)
        self._radix = tuple(prod(self.levels[:i]) for i in range(len(self.levels)))
        self._first = Layer.of(tensors, f"{name}.first")
        self._second = Layer.of(tensors, f"{name}.second")
        self._hidden = [Layer.of(tensors, f"{name}.hidden.{i}") for i in range(len(self.levels))]
        self._out = [Layer.of(tensors, f"{name}.out.{i}") for i in range(len(self.levels))]
        self._check(name, inputs)

    def _check(self, name: str, inputs: int) -> None:
        width, known = self._second.weight.shape[0], 0
        due = {"first": (self._first, inputs, width), "second": (self._second, width, width)}
        for i, level in enumerate(self.levels):
            inside = self._out[i].weight.shape[0]
            due[f"hidden.{i}"] = (self._hidden[i], width + known, inside)
            due[f"out.{i}"] = (self._out[i], inside, level)
            known += level
        for part, (layer, *shape) in due.items():
            if layer.weight.shape != tuple(shape):
                raise ValueError(f"{name}.{part} is {layer.weight.shape}, not {tuple(shape)}")

    def features(self, context: Carried) -> Carried:
        """u [n, width] of contexts [n, inputs]."""
        return self._second.hidden(self._first.hidden(context, 0), 0)

    def tokens(self, u: Carried, positions: NDArray[np.int64], visit: Visitor) -> Ints:
        """Visit the digits of the tokens at flat `positions` [n], one digit of all after another; returns the tokens."""
        token = np.zeros(len(positions), np.int32)
        for i, (hidden, out, level) in enumerate(
            zip(self._hidden, self._out, self.levels, strict=True)
        ):
            logits = out(hidden.hidden(u, 0), 0)
            steps = below(logits, out.shift)
            digit = visit(Visit(positions, i, frequencies(steps), steps))
            token += digit * self._radix[i]
            u = np.concatenate([u, np.eye(level)[digit] * (1 << UNIT_BITS)], 1)
        return token


def check_row(side: Any, levels: tuple[Any, ...], model: Any) -> None:
    """Raise ValueError unless a row of a config.json may be one: samples a side, values of each digit, a digest."""
    whole = (side, *levels)
    if not all(type(number) is int and number > 0 for number in whole):
        raise ValueError(f"sides and digits are whole numbers from 1 on, not {whole}")
    if prod(levels) > MOST:
        raise ValueError(f"tokens of {prod(levels)} values; {MOST} are the most")
    if not isinstance(model, str):
        raise ValueError(f"a codebook is named by its digest, not by {model!r}")


def digits_of(tokens: NDArray[Any], levels: Sequence[int]) -> NDArray[Any]:
    """The digits [..., len(levels)] of tokens [...], the least significant first."""
    radix = [prod(levels[:i]) for i in range(len(levels))]
    return np.stack([tokens // r % level for r, level in zip(radix, levels, strict=True)], -1)


def one_hots(levels: Sequence[int]) -> NDArray[np.float64]:
    """Row t: the one-hots of the digits of token t, one after another. The last row, that of -1, is zeros: no token."""
    digits = digits_of(np.arange(prod(levels)), levels)
    rows = np.concatenate([np.eye(level)[digits[:, i]] for i, level in enumerate(levels)], 1)
    return np.concatenate([rows, np.zeros((1, sum(levels)))])


def below(logits: Carried, shift: int) -> NDArray[np.int64]:
    """By how much each of logits [n, K] is below the largest of its row, in 1/64.

    logits  integers in units of 2**-(10 + shift), logarithms to base 2.
    """
    steps = np.floor(logits / (1 << (UNIT_BITS + shift - _FINE)) + 0.5)
    found: NDArray[np.int64] = (steps.max(1, keepdims=True) - steps).astype(np.int64)
    return found


def frequencies(below: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frequencies [n, K] >= 1 in rows of sum 2**24, in proportion to 2**(-below / 64); 20 octaves are as good as more.

    What rounding leaves over goes to the first of a row's largest.
    """
    weights = _EXP2[np.minimum(below, _RANGE << _FINE)]
    spare = (1 << PRECISION) - below.shape[1]
    made = 1 + weights * spare // weights.sum(1, keepdims=True)
    largest = np.arange(len(made)), below.argmin(1)
    made[largest] += (1 << PRECISION) - made.sum(1)
    return made
