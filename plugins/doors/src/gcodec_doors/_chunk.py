"""A chunk of an array that is a picture, and the settings that say how it is coded, as JSON keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gcodec
from gcodec.errors import InvalidArgument
from gcodec_doors._file import decoded, encoded

__all__ = ["Settings", "check_chunk"]


@dataclass(frozen=True)
class Settings:
    """How chunks are encoded, and by whom decoded. LOSSY: what is read is not what was written.

    embed          embedding.
    quality, bpp, bytes   at most one; sizes are of a chunk.
    options        of the embedding.
    recon          reconstructor; None: preview, the least error.
    recon_options  of the reconstructor.
    """

    embed: str = "ntc"
    quality: float | None = None
    bpp: float | None = None
    bytes: int | None = None
    options: Mapping[str, Any] | None = None
    recon: str | None = None
    recon_options: Mapping[str, Any] | None = None

    def said(self) -> dict[str, Any]:
        """Return what differs from the defaults."""
        return {
            name: value for name, value in asdict(self).items() if value != getattr(Settings, name)
        }

    def encode(self, chunk: NDArray[Any]) -> Any:
        """Return the file of a chunk. Raises InvalidArgument, and what `gcodec.encode` raises."""
        check_chunk(chunk.shape, chunk.dtype)
        size = {name: getattr(self, name) for name in ("quality", "bpp", "bytes")}
        words = {
            **(self.options or {}),
            **{name: value for name, value in size.items() if value is not None},
            "embed": self.embed,
        }
        samples = np.ascontiguousarray(chunk).reshape(chunk.shape[-3:])
        return encoded(gcodec.Picture.from_array(samples, layout="HWC"), words)

    def decode(self, data: Any) -> NDArray[np.uint8]:
        """Return the picture of a chunk, [H, W, 1 or 3]. Raises what `gcodec.decode` raises."""
        words = {**(self.recon_options or {}), "recon": self.recon}
        return decoded(memoryview(data).tobytes(), words).to_array("uint8", "HWC")


def check_chunk(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raise InvalidArgument unless chunks of this shape are pictures: uint8 [..., H, W, 1 or 3], all before H being 1."""
    *before, _, _, channels = (*shape,) if len(shape) > 2 else (0, 0, 0)
    if dtype != np.uint8 or channels not in (1, 3) or any(length != 1 for length in before):
        raise InvalidArgument(
            f"a chunk is one picture, uint8 [..., H, W, 1 or 3] with 1 in all other places, not {dtype} {list(shape)}"
        )
