"""Edges from a picture, without weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gcodec.signals import Preview, Sketch

if TYPE_CHECKING:
    from gcodec.interfaces import Setup, Size
    from gcodec.signals import FloatArray

__all__ = ["edge_strength", "preview_to_sketch"]

#: BT.601 luma of sRGB values.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

#: Scharr's smoothing weights: the 3x3 gradient closest to rotation invariance.
_SMOOTH = np.array([3, 10, 3], np.float32) / 16


def preview_to_sketch(preview: Preview, size: Size, setup: Setup) -> Sketch:
    """Adapter preview -> sketch: gradient magnitude of luma, float32 [1, H, W] in [0, 1]."""
    return Sketch(edge_strength(preview.pixels))


def edge_strength(pixels: FloatArray) -> FloatArray:
    """Return the Scharr gradient magnitude of the luma of float32 [3, H, W], as float32 [1, H, W] in [0, 1].

    1 is a step from black to white.
    """
    luma = np.tensordot(_LUMA, pixels, 1)
    padded = np.pad(luma, 1, mode="edge")
    across = padded[:, 2:] - padded[:, :-2]
    down = padded[2:] - padded[:-2]
    height, width = luma.shape
    gx = sum(w * across[i : i + height] for i, w in enumerate(_SMOOTH))
    gy = sum(w * down[:, i : i + width] for i, w in enumerate(_SMOOTH))
    edges: FloatArray = np.minimum(np.hypot(gx, gy), 1).astype(np.float32)[None]
    return edges
