"""What processes say to one another through pipes: MessagePack, with its length in 4 bytes before it."""

from __future__ import annotations

import os
import queue
import struct
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

import msgpack

__all__ = ["parent", "read_message", "write_message"]

_LENGTH = struct.Struct("<I")

#: How paths are said that are no Unicode.
_NAMES = "surrogatepass"


def read_message(stream: BinaryIO) -> Any:
    """Return the next message, None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return msgpack.unpackb(data, unicode_errors=_NAMES) if len(data) == length else None


def write_message(stream: BinaryIO, message: Any) -> None:
    """Write a message at once. Raises OSError."""
    data = msgpack.packb(message, unicode_errors=_NAMES)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def parent() -> tuple[queue.SimpleQueue[Any], Callable[[Any], None]]:
    """What the process that started this one says through standard input, and how to answer through standard output.

    What others print from now on goes to standard error. Where the parent ends, this process does at once, whatever it is
    doing.
    """
    heard = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        while (message := read_message(heard)) is not None:
            messages.put(message)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return messages, lambda message: write_message(answers, message)
