"""imageio reads and writes .gcx files once this is imported.

    import gcodec_doors.imageio
    import imageio.v3 as iio

    iio.imwrite("photo.gcx", samples, embed="ntc", bpp=0.2)
    samples = iio.imread("photo.gcx", recon="flow", steps=4)

What cannot be done is a GcxError, an OSError, whose cause is gcodec's own error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from imageio.config import known_extensions, known_plugins
from imageio.config.extensions import FileExtension
from imageio.config.plugins import PluginConfig
from imageio.core.request import URI_BYTES, URI_FILENAME, InitializationError, IOMode, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3
from numpy.typing import NDArray

import gcodec
from gcodec.files import atomic_write
from gcodec_doors._file import SIGNATURE, GcxError, decoded, encoded, head, told

__all__ = ["GcxError", "GcxPlugin"]

NAME, SUFFIX = "gcodec", ".gcx"


class GcxPlugin(PluginV3):
    """One .gcx file, which holds one picture: uint8, or uint16 where the source was; [H, W] if gray, else [H, W, C]."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        if request.mode.io_mode == IOMode.read:
            if not bytes(request.firstbytes or b"").startswith(SIGNATURE):
                raise InitializationError("it is no .gcx file")
            self._data = request.get_file().read()
        elif request.extension != SUFFIX:
            raise InitializationError(f"{NAME} writes {SUFFIX} files")

    def read(self, *, index: Any = 0, **words: Any) -> NDArray[Any]:
        """Return the picture; `words`: recon, model, via, partial, companions, seed, and options of the reconstructor.

        index   0 or None; ... for an array with one more dimension, of length 1.

        Raises GcxError, and ValueError for another index.
        """
        if index not in (0, None, ...):
            raise ValueError(f"a {SUFFIX} file holds one picture, number 0, not {index}")
        with told():
            about = self._properties(partial=bool(words.get("partial")))
            samples = decoded(self._data, words).to_array(about.dtype.name).reshape(about.shape)
        return samples[None] if index is ... else samples

    def write(self, ndimage: Any, **words: Any) -> bytes | None:
        """Write one picture, whole or not at all, and return it where imageio was asked for bytes.

        words   embed; quality, bpp or bytes; model, suggest, digest, metadata, companions, apart, seed; options of the
                embedding.

        Raises GcxError, and ValueError for several pictures.
        """
        if isinstance(ndimage, (list, tuple)) or np.ndim(ndimage) > 3:
            if len(ndimage) != 1:
                raise ValueError(f"a {SUFFIX} file holds one picture, not {len(ndimage)}")
            ndimage = ndimage[0]
        with told():
            data = encoded(gcodec.Picture.from_array(np.asarray(ndimage)), words)
            if self.request._uri_type == URI_FILENAME:
                with atomic_write(self.request.filename, force=True) as stream:
                    stream.write(data)
                return None
        self.request.get_file().write(data)
        return data if self.request._uri_type == URI_BYTES else None

    def iter(self, **words: Any) -> Iterator[NDArray[Any]]:
        """Yield the picture."""
        yield self.read(**words)

    def properties(self, index: int = 0) -> ImageProperties:
        """Return shape and type, without decoding. Raises GcxError."""
        with told():
            return self._properties()

    def _properties(self, *, partial: bool = False) -> ImageProperties:
        about = head(self._data, partial=partial)
        kind = np.dtype(np.uint16 if about.depth == 16 else np.uint8)
        return ImageProperties(shape=about.shape, dtype=kind, n_images=1, is_batch=False)

    def metadata(self, index: int = 0, exclude_applied: bool = True) -> dict[str, Any]:
        """Return what `gcodec info` shows, without decoding. Raises GcxError."""
        with told():
            return gcodec.inspect(self._data)


known_plugins[NAME] = PluginConfig(
    name=NAME,
    class_name=GcxPlugin.__name__,
    module_name=__name__,
    install_name="gcodec-doors",
)
known_extensions[SUFFIX] = [
    FileExtension(name="Generative codec exchange", extension=SUFFIX, priority=[NAME])
]
