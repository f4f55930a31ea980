"""Pillow reads and writes .gcx files once this is imported.

    import gcodec_doors.pillow
    from PIL import Image

    Image.open("photo.png").save("photo.gcx", embed="ntc", bpp=0.2)
    Image.open("photo.gcx").reconstruct("flow", steps=4).show()

What cannot be done is a GcxError, an OSError, whose cause is gcodec's own error.
"""

from __future__ import annotations

import os
from functools import wraps
from io import BytesIO
from typing import IO, Any

from PIL import Image, ImageFile

from gcodec.files import atomic_write
from gcodec_doors._file import SIGNATURE, GcxError, decoded, encoded, head, told

__all__ = ["FORMAT", "GcxError", "GcxImageFile"]

FORMAT = "GCX"

#: Of Pillow itself, in what `save` was told.
_PILLOWS = ("append",)


class GcxImageFile(ImageFile.ImageFile):
    """A .gcx file: mode, size and profile are known at once, the picture is decoded when its pixels are asked for.

    Of a progressive file that was cut short what is there is decoded where Pillow's LOAD_TRUNCATED_IMAGES says so.
    Raises GcxError.
    """

    format = FORMAT
    format_description = "Generative codec exchange"

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        self._words: dict[str, Any] = {}
        with told():
            found = head(self._data, partial=ImageFile.LOAD_TRUNCATED_IMAGES)
        self._mode, self._size = found.mode, (found.size.width, found.size.height)
        beside = {"icc_profile": found.icc, "exif": found.exif, "xmp": found.xmp}
        self.info.update({name: value for name, value in beside.items() if value})
        self.tile = [ImageFile._Tile("raw", (0, 0, *self._size), 0, self._mode)]

    def reconstruct(self, recon: str | None = None, **options: Any) -> GcxImageFile:
        """Say who decodes: a reconstructor, its options, model, via, companions and seed. Returns this image.

        Without it the one that the file suggests does, or preview. Raises GcxError where the picture is decoded already.
        """
        if not self.tile:
            raise GcxError("the picture is decoded already; open the file again")
        self._words = {**options, "recon": recon}
        return self

    def load(self) -> Any:
        """Decode, the first time."""
        if self.tile:
            with told():
                words = {"partial": ImageFile.LOAD_TRUNCATED_IMAGES, **self._words}
                image = decoded(self._data, words).to_pil()
            if self.fp and self._exclusive_fp:
                self.fp.close()
            self.fp = BytesIO(image.tobytes())
        return super().load()

    def load_seek(self, pos: int) -> None:
        """The samples are all there is."""


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(SIGNATURE)


def _save(image: Image.Image, stream: IO[bytes], filename: str | bytes) -> None:
    words = {k: v for k, v in image.encoderinfo.items() if k not in _PILLOWS}
    with told():
        data = encoded(image, words)
    stream.write(data)


def _whole_or_not_at_all() -> None:
    """Let Pillow's `save` make a .gcx file before it opens the path.

    By itself it empties what is there first, and asks the plugin then: a picture that cannot be encoded would cost the file
    that it was to replace.
    """
    before = Image.Image.save

    @wraps(before)
    def save(self: Image.Image, fp: Any, format: str | None = None, **params: Any) -> None:
        if not isinstance(fp, (str, bytes, os.PathLike)) or _kind(fp, format) != FORMAT:
            before(self, fp, format, **params)
            return
        buffer = BytesIO()
        before(self, buffer, FORMAT, **params)
        with told(), atomic_write(os.fsdecode(fp), force=True) as stream:
            stream.write(buffer.getvalue())

    Image.Image.save = save  # type: ignore[method-assign]


def _kind(path: str | bytes | os.PathLike[Any], format: str | None) -> str:
    if format is not None:
        return format.upper()
    return FORMAT if os.fsdecode(path).lower().endswith(".gcx") else ""


# Loaded anew, in a notebook say, it wraps nothing twice.
if FORMAT not in Image.SAVE:
    _whole_or_not_at_all()
Image.register_open(FORMAT, GcxImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_extension(FORMAT, ".gcx")
Image.register_mime(FORMAT, "image/x-gcx")
