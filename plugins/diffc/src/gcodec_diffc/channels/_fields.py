"""Fields of one width, one a block, packed into bytes: most significant bit first, zeros after the last."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gcodec.errors import ChannelError

__all__ = ["pack", "unpack"]


def pack(fields: Iterable[int], width: int) -> bytes:
    """The bytes of fields below 2^width."""
    whole = b"".join(field.to_bytes(-(-width // 8), "big") for field in fields)
    bits = np.unpackbits(np.frombuffer(whole, np.uint8).reshape(-1, -(-width // 8)), axis=1)
    return np.packbits(bits[:, -width % 8 :]).tobytes()


def unpack(data: bytes, count: int, width: int, owner: str) -> list[int]:
    """The fields. Raises ChannelError of the channel `owner` for another number of bytes, or bits after the last."""
    size = count * width
    if len(data) != -(-size // 8):
        raise ChannelError(owner, f"{len(data)} bytes instead of {-(-size // 8)}")
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    if bits[size:].any():
        raise ChannelError(owner, "the padding is not zero")
    padded = np.pad(bits[:size].reshape(count, width), ((0, 0), (-width % 8, 0)))
    return [int.from_bytes(row.tobytes(), "big") for row in np.packbits(padded, axis=1)]
