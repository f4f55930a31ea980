"""The reversible transform: colours, then a Haar pyramid, integers to integers; linear inverses for estimates.

Colours: Co = R - B, t = B + floor(Co / 2), Cg = G - t, Y = t + floor(Cg / 3), whose rows (1/3, 1/3, 1/3), (1, 0, -1) and
(-1/2, 1, -1/2) are orthogonal. Pyramid: the S-transform, l = floor((a + b) / 2), h = a - b (Said and Pearlman 1996), along
rows, then columns. Works on NumPy arrays and torch tensors alike; channels first.
"""

from __future__ import annotations

from typing import Any

from gcodec_diffc.uqdm.schedule import LEVELS

__all__ = ["from_colours", "merge", "merge_linear", "pyramid", "rgb_linear", "split", "to_colours"]


def to_colours(r: Any, g: Any, b: Any) -> tuple[Any, Any, Any]:
    """Integer R, G, B -> Y, Co, Cg."""
    co = r - b
    t = b + (co >> 1)
    cg = g - t
    return t + cg // 3, co, cg


def from_colours(y: Any, co: Any, cg: Any) -> tuple[Any, Any, Any]:
    """Inverse of `to_colours`."""
    t = y - cg // 3
    b = t - (co >> 1)
    return b + co, cg + t, b


def rgb_linear(y: Any, co: Any, cg: Any) -> tuple[Any, Any, Any]:
    """R, G, B of estimates."""
    t = y - cg / 3
    return t + co / 2, cg + t, t - co / 2


def _forward(a: Any, b: Any) -> tuple[Any, Any]:
    return (a + b) >> 1, a - b


def split(x: Any) -> tuple[Any, Any, Any, Any]:
    """One level: integers [..., H, W], sides even -> ll, lh, hl, hh, each [..., H/2, W/2].

    lh differs along columns, hl along rows.
    """
    low, high = _forward(x[..., 0::2], x[..., 1::2])
    ll, lh = _forward(low[..., 0::2, :], low[..., 1::2, :])
    hl, hh = _forward(high[..., 0::2, :], high[..., 1::2, :])
    return ll, lh, hl, hh


def merge(ll: Any, lh: Any, hl: Any, hh: Any, out: Any) -> None:
    """Inverse of `split`, into `out` [..., H, W]."""
    for column, (low, high) in enumerate(_vertical(ll, lh, hl, hh)):
        a = low + ((high + 1) >> 1)
        out[..., column::2, 0::2] = a
        out[..., column::2, 1::2] = a - high


def _vertical(ll: Any, lh: Any, hl: Any, hh: Any) -> list[tuple[Any, Any]]:
    l0, h0 = ll + ((lh + 1) >> 1), hl + ((hh + 1) >> 1)
    return [(l0, h0), (l0 - lh, h0 - hh)]


def merge_linear(ll: Any, lh: Any, hl: Any, hh: Any, out: Any, halve: Any) -> None:
    """`merge` of estimates; halve(h) is what stands for floor((h + 1) / 2) where h may be no integer."""
    l0, h0 = ll + halve(lh), hl + halve(hh)
    for row, low, high in ((0, l0, h0), (1, l0 - lh, h0 - hh)):
        a = low + halve(high)
        out[..., row::2, 0::2] = a
        out[..., row::2, 1::2] = a - high


def pyramid(x: Any, padded: Any) -> tuple[list[tuple[Any, Any, Any]], Any]:
    """Integers [..., H, W] -> details (lh, hl, hh) of level 1 and up, and the coarsest average.

    padded(x) repeats the last row and column where their number is odd.
    """
    details = []
    for _ in range(LEVELS):
        x, *bands = split(padded(x))
        details.append((bands[0], bands[1], bands[2]))
    return details, x
