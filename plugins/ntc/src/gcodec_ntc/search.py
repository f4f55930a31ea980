"""What an encoder that tries harder would send: latents chosen for one picture by what they cost it.

An encoder chooses integers y for a small D(y) + lambda R(y): squared error of the picture and bits. Rounding what the
analysis says takes D for the squared error of latents, and R for the bits of each by itself. Here D is that of the
synthesis, and R has what a latent, as context of others, makes these cost. At the integers y chosen so far, Newton's step is
to

    t = y - (dD/dy + lambda dR/dy) / H,    R: the bits of others; its own are weighed in rounding,

where H is the curvature of D by channel, from one difference of gradients along random signs (Hutchinson's estimate). What
is to be rounded moves a part of the way to t, since latents act together. It is rounded anew as the encoder rounds, with the
error weighed by H. Stochastic Gumbel annealing (Yang, Bamler and Mandt 2020) has the same
aim; plugins/ntc/README.md compares.

Gradients are those of a floating-point twin of the entropy model (`gcodec.entropy.twin`). They are taken in pieces of the
picture, so that memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gcodec.entropy import integers
from gcodec.entropy.mean_scale import checkerboard
from gcodec.entropy.twin import owed, put, twin_of
from gcodec.models.building import unseen
from gcodec_ntc.codec import Analysed, Wanted
from gcodec_ntc.networks import Networks
from gcodec_ntc.payload import BLOCK
from gcodec_ntc.samples import Samples
from gcodec_ntc.transform import TransformConfig

if TYPE_CHECKING:
    from gcodec.progress import Progress

__all__ = ["Search"]

_PIECE = 64  # positions a side, refined at a time
_MARGIN = 4  # and so many beside them, seen and left alone
_SIGN = 0.3  # steps; the difference over which curvature is measured
# Channels of next to no curvature are those that are hardly used: what it is where they are is another matter.
_FLOOR, _POWER = 0.2, 0.85
_PART = 0.7  # of the way to t at first; it falls linearly


class Search:
    """For one model. `config` and `tensors` are its own, `cost` has the bits of |symbols| by table, [tables, reach + 1].

    Raises KeyError, TypeError or RuntimeError if they do not belong together.
    """

    def __init__(
        self, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], cost: NDArray[Any]
    ) -> None:
        with unseen():
            self.synthesis = Networks(config, tensors).requires_grad_(False).synthesis
            self.entropy = twin_of(config["entropy"], tensors)
        self._cost = torch.from_numpy(np.ascontiguousarray(cost, np.float32))
        self._sizes, self._trade = TransformConfig(**config["transform"]), float(config["trade"])

    def __call__(
        self, analysed: Analysed, level: int, start: Wanted, iterations: int, progress: Progress
    ) -> Wanted:
        """What to round at quality `level`; `start` is what the transforms say."""
        h, w = analysed.latents.shape[:2]
        q = torch.tensor([level / (integers.LEVELS - 1)])
        y, z = _planes(start.y, h, w), _planes(start.z, -(-h // 2), -(-w // 2)).contiguous()
        mean = self.entropy.prior(q)[0]
        z = torch.round(z - mean) + mean
        step = self._sizes.step_max ** (1 - q.item()) * self._sizes.step_min ** q.item()
        worth = step**2 / self._trade  # of a bit in squared error, samples in 0..255
        windows = [_Window(*axes) for axes in product(_spans(h), _spans(w))]
        middle = _Piece(self, windows[len(windows) // 2], analysed.samples, y, z, q, worth)
        curvature = middle.curvature(2 * step**2)
        flat, total = start.y.copy(), len(windows) * iterations
        found = _planes(flat, h, w)
        for number, window in enumerate(windows):
            piece = _Piece(self, window, analysed.samples, y, z, q, worth)
            for i in range(iterations):
                progress("refining", number * iterations + i, total)
                piece.move(curvature, _PART * (1 - i / iterations))
            found[(..., *window.inner)] = piece.t[(..., *window.own)]
        progress("refining", total, total)
        return Wanted(flat, start.z, (curvature / (2 * worth)).flatten().numpy())

    def bits(self, symbols: Tensor, log_scale: Tensor) -> Tensor:
        """Of symbols under the tables of their scales, elementwise."""
        index = (log_scale - integers.LOWEST) * integers.PER_OCTAVE
        row = index.round().clamp(0, integers.SCALES - 1).long()
        return self._cost[row, symbols.abs().clamp(max=self._cost.shape[1] - 1).long()]


class _Span(NamedTuple):
    """Positions of one axis: `inner` of them are refined, `outer` are seen."""

    inner: slice
    outer: slice

    @property
    def own(self) -> slice:
        """Where the inner ones stand among the outer."""
        return slice(self.inner.start - self.outer.start, self.inner.stop - self.outer.start)


class _Window(NamedTuple):
    """A piece of the picture."""

    rows: _Span
    columns: _Span

    @property
    def inner(self) -> tuple[slice, slice]:
        return self.rows.inner, self.columns.inner

    @property
    def own(self) -> tuple[slice, slice]:
        return self.rows.own, self.columns.own


def _spans(length: int) -> list[_Span]:
    return [
        _Span(
            slice(begin, min(begin + _PIECE, length)),
            slice(max(begin - _MARGIN, 0), min(begin + _PIECE + _MARGIN, length)),
        )
        for begin in range(0, length, _PIECE)
    ]


class _Piece:
    """What is known of a window: `t` is what is to be rounded there, [1, C, h, w] in steps.

    worth  of a bit in squared error.
    """

    def __init__(
        self,
        model: Search,
        window: _Window,
        samples: NDArray[np.float32] | Samples,
        y: Tensor,
        z: Tensor,
        q: Tensor,
        worth: float,
    ) -> None:
        self._model, self._q, self._worth = model, q, worth
        outer = window.rows.outer, window.columns.outer
        self.t = y[(..., *outer)].clone(memory_format=torch.contiguous_format)
        h, w = self.t.shape[2:]
        # Margins are even, hence windows begin at whole positions of hyper-latents.
        rows, columns = (slice(part.start // 2, -(-part.stop // 2)) for part in outer)
        self._hyper = model.entropy.hyper_features(z[..., rows, columns], q, h, w)
        self._even = checkerboard(h, w).float()
        rows, columns = (slice(BLOCK * part.start, BLOCK * part.stop) for part in outer)
        self._picture = torch.from_numpy(samples[:, rows, columns])[None]
        # Only what will be taken moves: beyond it the synthesis lacks what it would see.
        self._moves = torch.zeros(h, w)
        self._moves[window.own] = 1

    def curvature(self, plain: float) -> Tensor:
        """Of the squared error, by channel, [C, 1, 1]; `plain` is that of latents of an orthonormal transform."""
        y = self._chosen(torch.full((self.t.shape[1], 1, 1), plain / (2 * self._worth)))
        signs = torch.randint(0, 2, y.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        bent = (self._slope(y + _SIGN * signs) - self._slope(y)) * signs / _SIGN
        found = bent.mean((0, 2, 3))[:, None, None] / plain
        return plain * found.clamp(min=_FLOOR) ** _POWER

    def move(self, curvature: Tensor, part: float) -> None:
        """Take `part` of Newton's step from the integers that are chosen now."""
        y = self._chosen(curvature / (2 * self._worth))
        slope = self._slope(y) + self._worth * owed(self._model.entropy, self._q, self._hyper, y)
        self.t = torch.lerp(self.t, y - slope / curvature, part * self._moves)

    @torch.no_grad()
    def _chosen(self, trade: Tensor) -> Tensor:
        """`t` as the encoder would round it: latents of whole symbols. trade [C, 1, 1], of squared error against bits."""
        decoded: list[Tensor] = []
        groups = self._model.entropy.config.groups
        parts, trades = self.t.split(groups, 1), trade.split(groups, 0)
        for group, parity, (mean, log_scale) in self._passes(decoded):
            exact = parts[group] - mean
            near = exact.round()
            less = near - near.sign()
            saved = self._model.bits(near, log_scale) - self._model.bits(less, log_scale)
            added = (exact - less).square() - (exact - near).square()
            symbols = torch.where(saved > trades[group] * added, less, near)
            saved = self._model.bits(symbols, log_scale) - self._model.bits(0 * near, log_scale)
            added = exact.square() - (exact - symbols).square()
            symbols = torch.where(saved > trades[group] * added, 0, symbols)
            put(decoded, group, parity, symbols + mean, self._even)
        return torch.cat(decoded, 1)

    def _slope(self, y: Tensor) -> Tensor:
        """Gradient of the squared error, samples in 0..255."""
        y = y.detach().requires_grad_(True)
        height, width = self._picture.shape[2:]
        with torch.enable_grad():
            x = self._model.synthesis(y, self._q)[..., :height, :width].clamp(0, 1)
            error = (x - self._picture).square().sum() * 255**2
        return torch.autograd.grad(error, y)[0]

    def _passes(
        self, decoded: list[Tensor]
    ) -> Iterator[tuple[int, bool | None, tuple[Tensor, Tensor]]]:
        return self._model.entropy.passes(self._q, self._hyper, decoded)


def _planes(flat: NDArray[np.float32], h: int, w: int) -> Tensor:
    """[h * w, C] -> [1, C, h, w], where it lies."""
    return torch.from_numpy(flat).reshape(1, h, w, -1).permute(0, 3, 1, 2)
