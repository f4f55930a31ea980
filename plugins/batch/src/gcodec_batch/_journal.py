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
from typing import Any, BinaryIO

import msgpack

__all__ = ["Journal"]

_HEAD = struct.Struct("<II")


class Journal:
    """The records of `path`, which is made if it is not there. Raises OSError.

    One process at a time writes; what is in memory is a place for each record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("a+b", buffering=0)
        self._places: list[tuple[int, int]] = []
        end = 0
        for place, length, _ in self._whole():
            self._places.append((place, length))
            end = place + length
        self._file.truncate(end)
        self._end = end

    def append(self, record: Any) -> None:
        """Add a record at the end. It outlives this process, however that ends."""
        packed = msgpack.packb(record)
        data = memoryview(_HEAD.pack(len(packed), zlib.crc32(packed)) + packed)
        written = 0
        while written < len(data):  # an unbuffered file may take less than it was given
            written += self._file.write(data[written:])
        self._places.append((self._end + _HEAD.size, len(packed)))
        self._end += len(data)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:
        """The record of that number, in the order of `append`."""
        place, length = self._places[index]
        self._file.seek(place)
        return msgpack.unpackb(self._read(length))

    def sync(self) -> None:
        """Wait until the disk has it all."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file; what was appended stays."""
        self._file.close()

    def _whole(self) -> Iterator[tuple[int, int, bytes]]:
        """Place, length and bytes of every record up to the first that is cut or damaged."""
        self._file.seek(0)
        place = 0
        while len(head := self._file.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            data = self._read(length)
            place += _HEAD.size
            if len(data) != length or zlib.crc32(data) != checksum:
                return
            yield place, length, data
            place += length

    def _read(self, length: int) -> bytes:
        parts: list[bytes] = []
        while length and (part := self._file.read(min(length, 1 << 24))):
            parts.append(part)
            length -= len(part)
        return b"".join(parts)
