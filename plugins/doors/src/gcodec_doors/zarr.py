"""A zarr 3 serializer for chunks that are pictures. LOSSY: what is read is not what was written.

    import zarr
    from gcodec_doors.zarr import GcxSerializer

    array = zarr.create_array("photos.zarr", shape=(10, 512, 512, 3), chunks=(1, 512, 512, 3), dtype="uint8",
                              serializer=GcxSerializer(embed="ntc", bpp=0.3), compressors=None)

zarr finds it by its name, "gcodec", where gcodec-doors is installed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.abc.codec import ArrayBytesCodec
from zarr.core.common import parse_named_configuration

from gcodec_doors._chunk import Settings, check_chunk

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

__all__ = ["GcxSerializer"]

NAME = "gcodec"


@dataclass(frozen=True, init=False)
class GcxSerializer(ArrayBytesCodec):
    """Chunks uint8 [..., H, W, 1 or 3] as .gcx files; arguments are those of `Settings`.

    Chunks are coded one at a time in each process. A part of a chunk that is written decodes and encodes all of it again,
    with the loss that this brings: write whole chunks.
    """

    is_fixed_size = False
    settings: Settings

    def __init__(self, **settings: Any) -> None:
        object.__setattr__(self, "settings", Settings(**settings))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> GcxSerializer:
        """Return the serializer that an array's metadata names."""
        _, settings = parse_named_configuration(data, NAME, require_configuration=False)
        return cls(**(settings or {}))

    def to_dict(self) -> dict[str, Any]:
        """Return what an array's metadata keeps."""
        return {"name": NAME, "configuration": self.settings.said()}

    def validate(self, *, shape: Any, dtype: Any, chunk_grid: Any) -> None:
        """Raise InvalidArgument unless the chunks of an array are pictures."""
        check_chunk(chunk_grid.chunk_shape, dtype.to_native_dtype())

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Nobody knows it before: raises NotImplementedError."""
        raise NotImplementedError

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        samples = chunk_data.as_numpy_array()
        made = await asyncio.to_thread(self.settings.encode, samples)
        return chunk_spec.prototype.buffer.from_bytes(made)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        samples = await asyncio.to_thread(self.settings.decode, chunk_data.to_bytes())
        # As the array says: damage that made a picture of another size is an error here.
        return chunk_spec.prototype.nd_buffer.from_numpy_array(samples.reshape(chunk_spec.shape))
