"""Pictures in and out of files.

    picture = load_image("photo.jpg")       # upright, float32 [3, H, W] in [0, 1]
    save_image(picture, "photo.png")        # whole or not at all

Pillow does the decoding, and other libraries where it would keep 8 bits of 16, or get them wrong (`_deep`); docs/pictures.md
lists what is read. 16 bits are written where the source had them and the format can.
"""

from __future__ import annotations

from gcodec.pictures._alpha import pack_alpha, unpack_alpha
from gcodec.pictures._credentials import Credentials, check_signable
from gcodec.pictures._error import check_pictures, psnr, to_bytes
from gcodec.pictures._jxl_size import jxl_size
from gcodec.pictures._picture import AlphaArray, Picture
from gcodec.pictures._pillow import pillow_guard, saved
from gcodec.pictures._provenance import GENERATIVE
from gcodec.pictures._read import as_picture, is_picture, load_image, pictures_among
from gcodec.pictures._write import FORMATS, check_holds, format_of, save_image

__all__ = [
    "FORMATS",
    "GENERATIVE",
    "Credentials",
    "AlphaArray",
    "Picture",
    "as_picture",
    "check_holds",
    "check_pictures",
    "check_signable",
    "jxl_size",
    "format_of",
    "is_picture",
    "load_image",
    "pack_alpha",
    "pictures_among",
    "pillow_guard",
    "psnr",
    "save_image",
    "saved",
    "to_bytes",
    "unpack_alpha",
]
