"""The networks of each family in floating point, under CompressAI's names (`compressai.models`).

g_a, g_s and h_a run: they decide what the encoder chooses and what the preview looks like. Of the others, which decide bits,
only the shapes are wanted; integers stand for them (`gcodec_ntc.zoo.hyper`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from gcodec_ntc.bands import bands
from gcodec_ntc.zoo.architectures import Architecture
from gcodec_ntc.zoo.blocks import (
    Attention,
    Down,
    Gdn,
    Residual,
    Up,
    conv,
    deconv,
    subpixel,
)

__all__ = ["CONTEXT", "STRIDE", "analysed", "parts", "synthesised"]

#: Pixels a side of one latent position.
STRIDE = 16

#: Side of the neighbourhood of latents that a context model sees the first half of.
CONTEXT = 5

#: Latent positions computed at a time; bounds memory, changes no result.
_POSITIONS = 8192


def parts(which: Architecture, n: int, m: int) -> dict[str, nn.Module]:
    """All networks of a family with N and M channels, by name.

    g_a  [B, 3, H, W] in [0, 1] -> y [B, M, H/16, W/16]
    g_s  y -> [B, 3, 16 h, 16 w], nominally in [0, 1]
    h_a  y, or its magnitude where hyper-latents tell deviations alone, -> z [B, N, h/4, w/4]
    h_s, context_prediction, entropy_parameters  shapes alone
    """
    made: dict[str, nn.Module] = {}
    if which.residual:
        made["g_a"], made["g_s"] = _residual_transforms(which, n)
    else:
        made["g_a"], made["g_s"] = _transforms(which, n, m)
    if which.hyper:
        hyper = _residual_hyper(n) if which.residual else _hyper(which, n, m)
        made["h_a"], made["h_s"] = hyper
    if which.context:
        made["context_prediction"] = conv(m, 2 * m, CONTEXT, 1)
        widths = (4 * m, m * 10 // 3, m * 8 // 3, 2 * m)
        made["entropy_parameters"] = _chain(
            [conv(a, b, 1, 1) for a, b in pairwise(widths)], nn.LeakyReLU
        )
    return made


def _chain(layers: list[nn.Module], between: Callable[[], nn.Module]) -> nn.Sequential:
    """Layers with something between them."""
    joined = [x for layer in layers for x in (layer, between())]
    return nn.Sequential(*joined[:-1])


def _transforms(which: Architecture, n: int, m: int) -> tuple[nn.Module, nn.Module]:
    forward = partial(Gdn, n) if which.normalized else nn.ReLU
    back = partial(Gdn, n, inverse=True) if which.normalized else nn.ReLU
    g_a = _chain([conv(3, n), conv(n, n), conv(n, n), conv(n, m)], forward)
    g_s = _chain([deconv(m, n), deconv(n, n), deconv(n, n), deconv(n, 3)], back)
    return g_a, g_s


def _hyper(which: Architecture, n: int, m: int) -> tuple[nn.Module, nn.Module]:
    between = nn.LeakyReLU if which.means else nn.ReLU
    a, b, c = (m, m * 3 // 2, 2 * m) if which.means else (n, n, m)
    h_a = _chain([conv(m, n, 3, 1), conv(n, n), conv(n, n)], between)
    h_s = _chain([deconv(n, a), deconv(a, b), conv(b, c, 3, 1)], between)
    return h_a, h_s


def _residual_transforms(which: Architecture, n: int) -> tuple[nn.Module, nn.Module]:
    def attention() -> list[nn.Module]:
        return [Attention(n)] if which.attention else []

    g_a = [
        Down(3, n),
        Residual(n),
        Down(n, n),
        *attention(),
        Residual(n),
        Down(n, n),
        Residual(n),
    ]
    g_s = [
        *attention(),
        Residual(n),
        Up(n),
        Residual(n),
        Up(n),
        *attention(),
        Residual(n),
        Up(n),
    ]
    return (
        nn.Sequential(*g_a, conv(n, n, 3), *attention()),
        nn.Sequential(*g_s, Residual(n), subpixel(n, 3)),
    )


def _residual_hyper(n: int) -> tuple[nn.Module, nn.Module]:
    wide = n * 3 // 2
    strides = (1, 1, 2, 1, 2)
    h_a = _chain([conv(n, n, 3, stride) for stride in strides], nn.LeakyReLU)
    h_s: list[nn.Module] = [conv(n, n, 3, 1), subpixel(n, n), conv(n, wide, 3, 1)]
    h_s += [subpixel(wide, wide), conv(wide, 2 * n, 3, 1)]
    return h_a, _chain(h_s, nn.LeakyReLU)


def analysed(g_a: nn.Module, x: Tensor, reach: int) -> Tensor:
    """g_a of [1, 3, H, W], sides multiples of 16, some rows at a time; `reach` as in `Architecture`."""
    made = []
    for band in bands(x.shape[2] // STRIDE, x.shape[3] // STRIDE, _POSITIONS, reach):
        y = g_a(x[:, :, band.top * STRIDE : band.bottom * STRIDE])
        made.append(y[:, :, band.inner()])
    return torch.cat(made, 2)


def synthesised(g_s: nn.Module, y: Tensor, reach: int) -> Tensor:
    """g_s of [1, M, h, w], some rows at a time; `reach` as in `Architecture`."""
    made = []
    for band in bands(y.shape[2], y.shape[3], _POSITIONS, reach):
        x = g_s(y[:, :, band.top : band.bottom])
        made.append(x[:, :, band.inner(STRIDE)])
    return torch.cat(made, 2)
