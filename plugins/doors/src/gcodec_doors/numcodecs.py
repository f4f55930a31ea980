"""A numcodecs codec for chunks that are pictures. LOSSY: what is read is not what was written.

    from gcodec_doors.numcodecs import Gcx

    codec = Gcx(embed="webp", quality=0.8)
    samples = codec.decode(codec.encode(samples))      # uint8 [H, W, 3]

numcodecs finds it by its name, "gcodec", where gcodec-doors is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ndarray_copy

from gcodec_doors._chunk import Settings

__all__ = ["Gcx"]


class Gcx(Codec):  # type: ignore[misc]
    """Chunks uint8 [H, W, 1 or 3], or with 1 in further places before, as .gcx files; arguments are those of `Settings`."""

    codec_id = "gcodec"

    def __init__(self, **settings: Any) -> None:
        self._settings = Settings(**settings)

    def encode(self, buf: Any) -> bytes:
        """Return a .gcx file. Raises InvalidArgument, and what `gcodec.encode` raises."""
        made: bytes = self._settings.encode(np.asarray(buf))
        return made

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return uint8 [H, W, 1 or 3], or `out` with it. Raises what `gcodec.decode` raises."""
        samples = self._settings.decode(buf)
        return samples if out is None else ndarray_copy(samples, out)

    def get_config(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults."""
        return {"id": self.codec_id, **self._settings.said()}

    def __repr__(self) -> str:
        return f"Gcx({', '.join(f'{k}={v!r}' for k, v in self._settings.said().items())})"
