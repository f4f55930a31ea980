"""The picture as gcodec handles it between files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec_formats import Size

__all__ = ["AlphaArray", "Picture"]

AlphaArray: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture and what belongs to it.

    pixels    float32 [3, H, W] in [0, 1], in the colour space that `icc` describes.
    alpha     uint8 or uint16 [H, W], not premultiplied; None where everything is opaque.
    icc       ICC profile; None means sRGB.
    exif      EXIF as a TIFF structure, without an orientation (the pixels have been turned already).
    xmp       XMP packet, UTF-8.
    channels  1 for a grayscale picture, whose three planes are equal; else 3.
    depth     8 or 16: bits a sample of the source.
    """

    pixels: NDArray[np.float32]
    alpha: AlphaArray | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    channels: Literal[1, 3] = 3
    depth: Literal[8, 16] = 8

    @property
    def size(self) -> Size:
        """Height and width."""
        return Size(*self.pixels.shape[1:])
