"""What `codebook` and `hadamard` share: their parameters' ranges, and fields of one width, one a block, packed into bytes.

Most significant bit first, zeros after the last.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gcodec.errors import ChannelError, InvalidArgument

__all__ = ["MAX_COEFFICIENTS", "check_choice", "pack", "unpack"]

#: Bits of an atom's coefficient, at most.
MAX_COEFFICIENTS = 8


def check_choice(
    entries: int, max_log_entries: int, atoms: int, max_atoms: int, coefficients: int, blocks: int
) -> None:
    """Raises InvalidArgument for parameters out of range."""
    if entries & (entries - 1) or not 2 <= entries <= 1 << max_log_entries:
        raise InvalidArgument(f"entries is a power of two, 2 to 2^{max_log_entries}, not {entries}")
    if not 1 <= atoms <= max_atoms:
        raise InvalidArgument(f"atoms is 1 to {max_atoms}, not {atoms}")
    if not 1 <= coefficients <= MAX_COEFFICIENTS:
        raise InvalidArgument(f"coefficients is 1 to {MAX_COEFFICIENTS}, not {coefficients}")
    if blocks < 1:
        raise InvalidArgument(f"blocks is 1 or more, not {blocks}")


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
