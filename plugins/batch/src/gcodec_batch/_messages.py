"""What processes say to one another through pipes: MessagePack, with its length in 4 bytes before it."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import msgpack

__all__ = ["read_message", "write_message"]

_LENGTH = struct.Struct("<I")


def read_message(stream: BinaryIO) -> Any:
    """Return the next message, None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return msgpack.unpackb(data) if len(data) == length else None


def write_message(stream: BinaryIO, message: Any) -> None:
    """Write a message at once. Raises OSError."""
    data = msgpack.packb(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()
