"""Pictures in and out of files.

    picture = load_image("photo.jpg")       # upright, float32 [3, H, W] in [0, 1]
    save_image(picture, "photo.png")        # whole or not at all

Pillow does the decoding. What it cannot hold: RGB and RGBA PNG of 16 bits are read exactly all the same; 16-bit colour of
other kinds (TIFF, JPEG 2000, gray with alpha) is read at 8 bits. Grayscale is written with 16 bits where the source had
them and the format can, colour always with 8.
"""

from __future__ import annotations

from gcodec._alpha import pack_alpha, unpack_alpha
from gcodec._image_read import load_image, pillow_guard
from gcodec._image_write import FORMATS, format_of, save_image
from gcodec._jxl_size import jxl_size
from gcodec._picture import AlphaArray, Picture
from gcodec._provenance import GENERATIVE

__all__ = [
    "FORMATS",
    "GENERATIVE",
    "AlphaArray",
    "Picture",
    "jxl_size",
    "format_of",
    "load_image",
    "pack_alpha",
    "pillow_guard",
    "save_image",
    "unpack_alpha",
]
