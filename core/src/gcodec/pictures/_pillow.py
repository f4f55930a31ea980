"""Pillow, kept from what it does by itself: its ceilings, its warnings, and a JPEG buffer that is too small."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import RLock
from typing import Any

from PIL import Image, ImageFile

__all__ = ["load_tiff", "pillow_guard", "saved"]

_lock = RLock()

#: More bytes a pixel than the worst JPEG has: 3 x 64 coefficients a block, up to 32 bits each.
_JPEG_BYTES = 12


@contextmanager
def pillow_guard(pixels: int) -> Iterator[None]:
    """Let Pillow open pictures up to `pixels` without its own warnings, and turn a Rust panic into an error.

    Pillow's ceiling is a global: it is only ever raised here, and only meanwhile.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS
        if before is not None:
            Image.MAX_IMAGE_PIXELS = max(before, pixels)
        try:
            yield
        except BaseException as error:
            # pyo3's PanicException is made not to be caught with `except Exception`, and cannot be imported.
            if type(error).__name__ == "PanicException":
                raise ValueError(str(error)) from error
            raise
        finally:
            Image.MAX_IMAGE_PIXELS = before


#: Parts of libtiff that read what lies beside the samples.
_BESIDE = (b"TIFFFetch", b"TIFFReadDirectory", b"TIFFReadCustomDirectory")


def load_tiff(image: Image.Image) -> None:
    """Load a TIFF; raise ValueError for damage that libtiff only prints a line about, as it fills in what is missing.

    Where Pillow has libtiff inside itself (Windows) its lines are printed.
    """
    import ctypes

    from PIL import _imaging

    said: list[bytes] = []
    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
    handler = kind(lambda part, line, values: said.append(part or b""))
    try:
        replace = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        image.load()
        return
    replace.restype = ctypes.c_void_p
    replace.argtypes = [ctypes.c_void_p]
    with _lock:
        before = replace(ctypes.cast(handler, ctypes.c_void_p))
        try:
            image.load()
        finally:
            replace(before)
    wrong = [part for part in said if not part.startswith(_BESIDE)]
    if wrong:
        raise ValueError(f"{wrong[0].decode('latin-1')} found damage in its samples")


def saved(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """What Pillow's `save` writes, as bytes.

    An optimized or progressive JPEG has to fit into one buffer, which Pillow makes of 1 to 4 bytes a pixel: noise at a high
    quality takes more, and libjpeg then prints a line of its own and fails. Untouched memory costs nothing.
    """
    buffer = BytesIO()
    if kind != "JPEG":
        image.save(buffer, kind, **settings)
        return buffer.getvalue()
    with _lock:
        before = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = max(before, _JPEG_BYTES * image.width * image.height + 65536)
        try:
            image.save(buffer, kind, **settings)
        finally:
            ImageFile.MAXBLOCK = before
    return buffer.getvalue()
