"""The head: signature, version, flags, identity, size, extension map, segment table."""

from __future__ import annotations

from typing import NamedTuple

from . import _extensions, _rules, registry
from ._cursor import Cursor, take_identity
from ._values import Header, Identity, Limits, Size
from .errors import (
    LimitExceeded,
    NotCanonical,
    NotGcx,
    ReservedFlags,
    TextDamaged,
    Truncated,
    UnsupportedVersion,
)

SIGNATURE = b"\xc7\x0d\x0a"
VERSION = 1
FLAG_EXTENSIONS = 0x01
FLAG_TABLE = 0x02
FLAG_PROGRESSIVE = 0x04
_FLAGS = {FLAG_EXTENSIONS: "extensions", FLAG_TABLE: "table", FLAG_PROGRESSIVE: "progressive"}

_TEXT_DAMAGE = (
    (b"\xc7\x0a", "CR LF became LF"),
    (b"\xc7\x0d\x0d\x0a", "LF became CR LF"),
    (b"\xc7\x0d\x0d", "LF became CR"),
    (b"\xc7\x0a\x0a", "CR became LF"),
    (b"\xc7\x0d", "CR LF became CR"),
    (b"\x47\x0d\x0a", "the high bit of each byte was lost"),
    (b"\xc3\x87\x0d\x0a", "the bytes were taken for Latin-1 and written as UTF-8"),
    (b"\xc3\x87\x0a", "the bytes were taken for Latin-1 and written as UTF-8, and CR LF became LF"),
    (b"\xef\xbf\xbd\x0d\x0a", "the bytes were taken for UTF-8 and replaced"),
    (b"\xef\xbf\xbd\x0a", "the bytes were taken for UTF-8 and replaced, and CR LF became LF"),
    (b"\x3f\x0d\x0a", "the bytes were taken for ASCII and replaced"),
)


class Head(NamedTuple):
    """The head as it is laid out, before its values are judged. Lengths in `table` are None where left out."""

    flags: int
    identity: Identity
    size: Size
    extensions: tuple[int, int] | None  # the range of the map in the file
    table: list[tuple[int, int | None]]
    table_offset: int

    @property
    def types(self) -> tuple[int, ...]:
        """The segment types, in order."""
        return tuple(type for type, _ in self.table)


def take_start(cursor: Cursor) -> int:
    """The flags. Raises NotGcx, TextDamaged, Truncated, UnsupportedVersion, ReservedFlags."""
    found = bytes(cursor.view[:8])
    if not found.startswith(SIGNATURE):
        if SIGNATURE.startswith(found):
            raise Truncated("the file is empty" if not found else "the signature is cut", offset=0)
        raise _signature_error(found)
    cursor.take(len(SIGNATURE), "the signature")
    cursor.note("signature", 0, SIGNATURE.hex(" "))
    byte = cursor.byte("the version")
    if byte >> 6 != VERSION:
        raise UnsupportedVersion(byte >> 6, offset=3)
    flags = byte & 0x3F
    reserved = flags & ~(FLAG_EXTENSIONS | FLAG_TABLE | FLAG_PROGRESSIVE)
    if reserved:
        raise ReservedFlags(reserved, offset=3)
    names = " ".join(name for bit, name in _FLAGS.items() if flags & bit) or "none"
    cursor.note("version, flags", 3, f"{VERSION}, {names}")
    return flags


def _signature_error(found: bytes) -> NotGcx:
    # The longest match is the most specific; bytes C7 followed by a line end occur in no common format.
    for pattern, cause in sorted(_TEXT_DAMAGE, key=lambda row: -len(row[0])):
        version = found[len(pattern) : len(pattern) + 1]
        if found.startswith(pattern) and (not version or version[0] >> 6 == VERSION):
            return TextDamaged(f"a GCX file changed by a transfer as text: {cause}", offset=0)
    return NotGcx(f"not a GCX file: it begins with {found[:3].hex(' ')}", offset=0)


def take_head(cursor: Cursor, flags: int, limits: Limits) -> Head:
    """The rest of the head. Raises Truncated, NotCanonical, LimitExceeded and what an identity raises."""
    if flags & FLAG_PROGRESSIVE and not flags & FLAG_TABLE:
        raise NotCanonical("a progressive file must have a segment table", offset=3)
    identity = take_identity(cursor)
    start = cursor.at
    sides = bytes(cursor.take(4, "the image size"))
    size = Size(
        width=int.from_bytes(sides[:2], "little") + 1,
        height=int.from_bytes(sides[2:], "little") + 1,
    )
    cursor.note("width, height", start, f"{size.width} x {size.height}")
    extensions = _take_extensions(cursor, limits) if flags & FLAG_EXTENSIONS else None
    table_offset = cursor.at
    table: list[tuple[int, int | None]] = [(registry.MAIN, None)]
    if flags & FLAG_TABLE:
        table = _take_table(cursor, flags, limits)
    return Head(flags, identity, size, extensions, table, table_offset)


def _take_extensions(cursor: Cursor, limits: Limits) -> tuple[int, int]:
    start = cursor.at
    length = cursor.leb128("the length of the extension map")
    if length > limits.header_bytes:
        raise LimitExceeded("header_bytes", length, limits.header_bytes, offset=start)
    cursor.take(length, "the extension map")
    cursor.note("extensions", start, f"map of {length} bytes")
    return cursor.at - length, cursor.at


def _take_table(cursor: Cursor, flags: int, limits: Limits) -> list[tuple[int, int | None]]:
    start = cursor.at
    count = cursor.leb128("the number of segments")
    if count > limits.segments:
        raise LimitExceeded("segments", count, limits.segments, offset=start)
    table: list[tuple[int, int | None]] = []
    for index in range(count):
        type = cursor.leb128("a segment type")
        left_out = index == count - 1 and not flags & FLAG_PROGRESSIVE
        table.append((type, None if left_out else cursor.leb128("a segment length")))
    cursor.note("segment table", start, f"{count} segments")
    return table


def judge(head: Head, view: memoryview, limits: Limits) -> Header:
    """The header, once the checksum holds. Raises LimitExceeded and what extensions and segment types raise."""
    pixels = head.size.height * head.size.width
    if pixels > limits.pixels:
        raise LimitExceeded("pixels", pixels, limits.pixels, offset=4)
    extensions: dict[int, object] = {}
    if head.extensions:
        start, end = head.extensions
        extensions = _extensions.decode(bytes(view[start:end]), head.identity, limits, start)
    progressive = bool(head.flags & FLAG_PROGRESSIVE)
    _rules.check_types(head.types, progressive, bool(head.flags & FLAG_TABLE), head.table_offset)
    return Header(head.identity, head.size, extensions)
