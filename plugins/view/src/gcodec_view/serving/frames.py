"""Frames: a table in JSON and bytes beside it, with the lengths of both before them, 4 bytes each, little endian."""

from __future__ import annotations

import json
import struct
from io import BufferedIOBase
from typing import Any, BinaryIO, NamedTuple

from gcodec.cli.common import json_text

__all__ = ["Frame", "read_frame", "write_frame"]

_LENGTHS = struct.Struct("<II")


class Frame(NamedTuple):
    """What one side says; `table["is"]` says what of it the frame is."""

    table: dict[str, Any]
    data: bytes = b""


def write_frame(stream: BinaryIO | BufferedIOBase, frame: Frame) -> None:
    """Write a frame at once. Raises OSError."""
    table = json_text(frame.table, indent=None).encode()
    stream.write(_LENGTHS.pack(len(table), len(frame.data)) + table)
    stream.write(frame.data)
    stream.flush()


def read_frame(stream: BinaryIO) -> Frame | None:
    """Return the next frame, None where the stream ends before its end. Raises ValueError for what is no frame."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    first, second = _LENGTHS.unpack(head)
    text, data = stream.read(first), stream.read(second)
    if len(text) + len(data) < first + second:
        return None
    try:
        table = json.loads(text)
    except RecursionError as error:
        raise ValueError("a table that is nested too deep") from error
    if not isinstance(table, dict):
        raise ValueError("a frame without a table")
    return Frame(table, data)
