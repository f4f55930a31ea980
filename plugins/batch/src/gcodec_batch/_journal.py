"""A file of records that may lose its end at any moment, and never more than the record that was being written.

Each record is its length in 4 bytes and its CRC-32 in 4 bytes, little-endian, then MessagePack. What follows the last whole
record is left out when somebody goes on with it.

Whoever goes on takes the whole records over into a file of their own, which replaces the other. One that was given up for
dead and is not, on a node that was cut off, say, goes on writing to a file that nobody finds.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgpack

__all__ = ["Journal"]

_HEAD = struct.Struct("<II")

#: How paths are kept that are no Unicode.
_NAMES = "surrogatepass"


class Journal:
    """The records of `path`, none where there is no such file. Raises OSError.

    What is in memory is a place for each record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: list[tuple[int, int]] = []
        self._end = 0
        self._file: BinaryIO | None = None
        with suppress(FileNotFoundError), path.open("rb") as stream:
            for place, length in _whole(stream):
                self._places.append((place, length))
                self._end = place + length

    def append(self, record: Any) -> None:
        """Add a record at the end. It outlives this process, however that ends."""
        packed = msgpack.packb(record, unicode_errors=_NAMES)
        data = memoryview(_HEAD.pack(len(packed), zlib.crc32(packed)) + packed)
        file = self.take()
        file.seek(self._end)
        written = 0
        while written < len(data):  # an unbuffered file may take less than it was given
            written += file.write(data[written:])
        self._places.append((self._end + _HEAD.size, len(packed)))
        self._end += len(data)

    def take(self) -> BinaryIO:
        """Take the records over, if that has not been done, and return the file that has them."""
        if self._file is None:
            partial = self.path.with_name(f"{self.path.name}.{os.urandom(4).hex()}.part")
            with partial.open("xb") as new:
                if self._end:
                    with self.path.open("rb") as old:
                        for data in _read(old, self._end):
                            new.write(data)
            partial.replace(self.path)
            self._file = cast(BinaryIO, self.path.open("r+b", buffering=0))
        return self._file

    @property
    def ours(self) -> bool:
        """Whether nobody has taken the records over since this one did. Raises FileNotFoundError where they are gone."""
        return os.path.samestat(os.fstat(self.take().fileno()), self.path.stat())

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:
        """The record of that number, in the order of `append`."""
        place, length = self._places[index]
        if self._file is not None:
            return _record(self._file, place, length)
        with self.path.open("rb", buffering=0) as stream:
            return _record(cast(BinaryIO, stream), place, length)

    def sync(self) -> None:
        """Wait until the disk has it all."""
        os.fsync(self.take().fileno())

    def close(self) -> None:
        """Let go of the file; what was appended stays."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _whole(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Place and length of every record up to the first that is cut or damaged."""
    place = 0
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        data = b"".join(_read(stream, length))
        place += _HEAD.size
        if len(data) != length or zlib.crc32(data) != checksum:
            return
        yield place, length
        place += length


def _record(stream: BinaryIO, place: int, length: int) -> Any:
    stream.seek(place - _HEAD.size)
    head, data = stream.read(_HEAD.size), b"".join(_read(stream, length))
    if head != _HEAD.pack(length, zlib.crc32(data)):
        raise OSError(f"a record of {stream.name} is damaged")
    return msgpack.unpackb(data, unicode_errors=_NAMES)


def _read(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length and (part := stream.read(min(length, 1 << 24))):
        yield part
        length -= len(part)
