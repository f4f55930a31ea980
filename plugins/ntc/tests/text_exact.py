"""Section 11 of spec/embeddings/ntc.md in integers: a number x with n places is held as 2^n x. It knows the text alone."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
from text_ntc import borders, convolved


def half(x: Any, places: int) -> Any:
    """Integers with `places` places less, to the nearest, of two the larger."""
    return (x + (1 << places >> 1)) >> places


def snapped(tensor: Any, places: int) -> Any:
    return np.floor(np.asarray(tensor, np.float64) * 2**places + 0.5).astype(np.int64)


def limited(x: Any, places: int, power: int) -> Any:
    return np.clip(x, -(1 << places + power), 1 << places + power)


def leaky(x: Any, places: int) -> Any:
    """16 places of sums that have more."""
    return limited(half(np.maximum(8 * x, x), places + 3 - 16), 16, 12)


def roots() -> list[int]:
    """floor(2^30 2^(2^-i)): square roots of square roots, with 200 places to spare."""
    made, x = [], 2 << 230
    for _ in range(16):
        x = isqrt(x << 230)
        made.append(x >> 200)
    return made


def power(e: int) -> Fraction:
    """2^e of e in 1/65536."""
    n, f = divmod(int(e), 65536)
    g = 2**30
    for i, root in enumerate(roots(), 1):
        if f >> (16 - i) & 1:
            g = g * root // 2**30
    return Fraction(g // 2**14) * Fraction(2) ** (n - 16)


def lapped(y: Any, p: dict[str, Any], height: int, width: int) -> Any:
    """Coefficients with 10 places, [h, w, 3, 16, 16], to X with 10, [3, 16 h, 16 w]."""
    h, w = y.shape[:2]
    dct, post, colour = (snapped(p[name], 16) for name in ("dct", "post", "colour"))

    def filtered(x: Any) -> Any:
        made, inner = x.copy(), borders(x << 16, np.eye(16, dtype=np.int64))
        for at in range(8, len(x) - 8, 16):
            inner[at : at + 16] = np.tensordot(post, x[at : at + 16], 1)
            made[at : at + 16] = half(inner[at : at + 16], 16)
        return made

    x = limited(y, 10, 14)
    x = half(np.einsum("hwokl,km->hmwol", x, dct), 16).reshape(16 * h, w, 3, 16)
    x = filtered(x)
    x = half(np.einsum("ywol,lm->ywmo", x, dct), 16).reshape(16 * h, 16 * w, 3)
    x = filtered(x.transpose(1, 0, 2)).transpose(1, 0, 2)
    return limited(half(x @ colour, 16), 10, 12).transpose(2, 0, 1)


def octets(x: Any, height: int, width: int) -> Any:
    return np.clip((x[:, :height, :width] + (128 << 10)) >> 10, 0, 255).astype(np.uint8)


def networks(tensors: dict[str, Any], level: int, y: Any, height: int, width: int) -> Any:
    """Of latents [h, w, C] in 1/16 steps: uint8 [3, height, width]."""
    p = {
        name.removeprefix("synthesis."): value
        for name, value in tensors.items()
        if name.startswith("synthesis.")
    }

    def at(name: str) -> Any:
        knots = snapped(p[name], 16)
        k, j = divmod((len(knots) - 1) * level, 255)
        return (knots[k] * (255 - j) + knots[min(k + 1, len(knots) - 1)] * j) // 255

    def conv(name: str, u: Any) -> Any:
        """34 places of 16."""
        return convolved(u, snapped(p[f"{name}.weight"], 18)) + (
            snapped(p[f"{name}.bias"], 16) << 18
        )

    def through(first: str, more: str, blocks: str, u: Any) -> Any:
        u = leaky(conv(first, u) + (at(more) << 18), 34)
        for i in range(sum(key.startswith(f"{blocks}.") for key in p) // 2):
            u = limited(u + leaky(conv(f"{blocks}.{i}", u), 34), 16, 12)
        return u

    value = np.clip(np.asarray(y, np.int64), -(1 << 19), 1 << 19)
    steps = 64 + np.abs(value)  # v / (1 + |v| / 4) = 4 value / (64 + |value|)
    a = (2 * 4 * value * 65536 + steps) // (2 * steps)
    u = through("squeeze", "squeeze_q", "latent_blocks", a)
    v = limited((value << 12) + half(conv("expand", u), 18), 16, 15)
    h, w = v.shape[:2]
    full = np.zeros((h, w, 768), np.int64)
    for c, e in enumerate(at("ungain")):
        scale = power(e) / 64  # from 16 places to 10
        twice = 2 * v[:, :, c] * scale.numerator + scale.denominator
        full[:, :, p["order"][c]] = twice // (2 * scale.denominator)
    x = lapped(full.reshape(h, w, 3, 16, 16), p, height, width)
    seen = x.reshape(3, 4 * h, 4, 4 * w, 4).transpose(1, 3, 0, 2, 4).reshape(4 * h, 4 * w, 48)
    u = half(conv("spread_out", through("gather", "gather_q", "sample_blocks", seen)), 18)
    more = u.reshape(4 * h, 4 * w, 3, 4, 4).transpose(2, 0, 3, 1, 4)
    return octets(x + more.reshape(x.shape), height, width)


def linear(tensors: dict[str, Any], D: int, q: Any, height: int, width: int) -> Any:
    """Of coefficients [3, 16, 16, h, w] in steps: uint8 [3, height, width]."""
    p = {name.removeprefix("linear."): value for name, value in tensors.items()}
    y = np.zeros(q.shape, np.int64)
    for k, a in enumerate(p["norm"]):
        for l, b in enumerate(p["norm"]):  # noqa: E741
            size = float(power((5 << 16) - 2048 * D)) / (float(a) * float(b))
            (size_24,) = snapped(np.array([min(size, 4096.0)]), 24)
            y[:, k, l] = half(q[:, k, l].astype(np.int64) * size_24, 14)
    return octets(lapped(y.transpose(3, 4, 0, 1, 2), p, height, width), height, width)
