"""A file of records that may lose its end at any moment, and never more than the record that was being written.

Each record is its length in 4 bytes and its CRC-32 in 4 bytes, little-endian, then MessagePack. What follows the last whole
record is cut off when the journal is opened again.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgpack

__all__ = ["Journal"]

_HEAD = struct.Struct("<II")


class Journal:
    """The records of `path`, none where there is no such file. Raises OSError.

    One process at a time writes; what is in memory is a place for each record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: list[tuple[int, int]] = []
        self._end = 0
        self._file: BinaryIO | None = None
        if path.exists():
            with path.open("rb") as stream:
                for place, length in _whole(stream):
                    self._places.append((place, length))
                    self._end = place + length

    def append(self, record: Any) -> None:
        """Add a record at the end. It outlives this process, however that ends."""
        packed = msgpack.packb(record)
        data = memoryview(_HEAD.pack(len(packed), zlib.crc32(packed)) + packed)
        file = self._opened()
        written = 0
        while written < len(data):  # an unbuffered file may take less than it was given
            written += file.write(data[written:])
        self._places.append((self._end + _HEAD.size, len(packed)))
        self._end += len(data)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:
        """The record of that number, in the order of `append`."""
        place, length = self._places[index]
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(place)
            return msgpack.unpackb(_read(stream, length))

    def sync(self) -> None:
        """Wait until the disk has it all."""
        os.fsync(self._opened().fileno())

    def close(self) -> None:
        """Let go of the file; what was appended stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = cast(BinaryIO, self.path.open("ab", buffering=0))
            self._file.truncate(self._end)
        return self._file


def _whole(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Place and length of every record up to the first that is cut or damaged."""
    place = 0
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        data = _read(stream, length)
        place += _HEAD.size
        if len(data) != length or zlib.crc32(data) != checksum:
            return
        yield place, length
        place += length


def _read(stream: BinaryIO, length: int) -> bytes:
    parts: list[bytes] = []
    while length and (part := stream.read(min(length, 1 << 24))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
