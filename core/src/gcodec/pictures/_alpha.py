"""The alpha plane as an array, to and from the body of a GCX alpha segment."""

from __future__ import annotations

import numpy as np

from gcodec.pictures._picture import AlphaArray
from gcodec_formats import Size
from gcodec_formats import pack_alpha as pack_samples
from gcodec_formats import unpack_alpha as unpack_samples

__all__ = ["pack_alpha", "unpack_alpha"]


def pack_alpha(alpha: AlphaArray) -> bytes:
    """Return the segment body of an alpha plane, uint8 or uint16 [H, W]; lossless."""
    depth = 8 * alpha.dtype.itemsize
    return pack_samples(alpha.astype(f">u{depth // 8}").tobytes(), Size(*alpha.shape), depth)


def unpack_alpha(body: bytes, size: Size) -> AlphaArray:
    """Return the plane that `pack_alpha` was given.

    Raises gcodec_formats.FormatError. `size` must be within limits already.
    """
    depth, samples = unpack_samples(body, size)
    if depth == 8:
        return np.frombuffer(samples, np.uint8).reshape(size).copy()
    return np.frombuffer(samples, ">u2").reshape(size).astype(np.uint16)
