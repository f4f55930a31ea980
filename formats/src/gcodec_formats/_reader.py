"""Reading. The order of the checks is the order of spec/FORMAT.md section 7."""

from __future__ import annotations

from . import registry
from ._bodies import check_body
from ._checksum import checksum, width
from ._cursor import Cursor
from ._head import FLAG_PROGRESSIVE, FLAG_TABLE, Head, judge, take_head, take_start
from ._values import DEFAULT_LIMITS, File, Header, Limits, Row, Segment
from .errors import ChecksumMismatch, FormatError, TrailingBytes, Truncated

Buffer = bytes | bytearray | memoryview
_SHORTEST = 12


def read(data: Buffer, *, limits: Limits = DEFAULT_LIMITS, partial: bool = False) -> File:
    """The file in `data`, which is the whole file, checked in every respect but the payload's own.

    With `partial`, a progressive file that was cut short gives its whole segments (perhaps none) and the
    types of those `missing`; its header must be whole. A file that is not progressive cannot be read in part.

    Raises a subclass of FormatError (spec/FORMAT.md section 8) and nothing else, whatever the bytes are.
    """
    return _parse(data, limits, partial)[0]


def read_header(prefix: Buffer, *, limits: Limits = DEFAULT_LIMITS) -> Header:
    """The header from the first bytes of a file, without the rest of it.

    Of a file that is not progressive the checksum is at the end, so that damage is not noticed here.
    Raises FormatError; Truncated when `prefix` ends before the header does.
    """
    view = _view(prefix)
    cursor = Cursor(view, 0, len(view))
    flags = take_start(cursor)
    head = take_head(cursor, flags, limits)
    if flags & FLAG_PROGRESSIVE:
        _take_checksum(cursor, 0, "the header checksum")
    return judge(head, view, limits)


def layout(data: Buffer, *, limits: Limits = DEFAULT_LIMITS, partial: bool = False) -> list[Row]:
    """What each byte of the file is for, in order and without gaps. Raises FormatError as `read` does."""
    return _parse(data, limits, partial)[1]


def overhead(rows: list[Row]) -> int:
    """Bytes that the format adds to the segments' bodies."""
    return sum(row.length for row in rows if not row.payload)


def _view(data: Buffer) -> memoryview:
    return memoryview(data).cast("B")


def _parse(data: Buffer, limits: Limits, partial: bool) -> tuple[File, list[Row]]:
    view = _view(data)
    cursor = Cursor(view, 0, len(view))
    flags = take_start(cursor)
    if flags & FLAG_PROGRESSIVE:
        head = take_head(cursor, flags, limits)
        _take_checksum(cursor, 0, "the header checksum")
        header = judge(head, view, limits)
        segments = _progressive_segments(cursor, head, limits, partial)
    else:
        tail = _verify_whole(cursor, flags, limits)
        cursor.end -= tail
        head = take_head(cursor, flags, limits)
        header = judge(head, view, limits)
        segments = [
            _segment(
                cursor, head, type, cursor.end - cursor.at if length is None else length, limits
            )
            for type, length in head.table
        ]
        cursor.end += tail
        start = cursor.at
        cursor.take(tail, "the checksum")
        cursor.note("checksum", start, f"CRC-{8 * tail}")
    missing = head.types[len(segments) :]
    return File(header, segments, bool(flags & FLAG_PROGRESSIVE), missing), cursor.rows


def _verify_whole(cursor: Cursor, flags: int, limits: Limits) -> int:
    """The length of the checksum at the end, which holds. Raises Truncated, ChecksumMismatch."""
    view, size = cursor.view, cursor.end
    if size < _SHORTEST:
        raise Truncated(
            f"a GCX file has at least {_SHORTEST} bytes and this one {size}", offset=size
        )
    table = bool(flags & FLAG_TABLE)
    tail = width(size - 2, table)
    # 4096 or 4097 bytes, with a table, are too many for CRC-16 and too few for CRC-32: never equal.
    computed = checksum([view[: size - tail]], width(size - tail, table))
    stored = bytes(view[size - tail :])
    if stored == computed:
        return tail
    _explain_truncation(view, cursor.at, flags, limits)
    raise ChecksumMismatch(stored, computed, offset=size - tail)


def _explain_truncation(view: memoryview, at: int, flags: int, limits: Limits) -> None:
    """Raise Truncated where the lengths in a head that fails its checksum show that the end is missing."""
    cursor = Cursor(view, at, len(view))
    try:
        head = take_head(cursor, flags, limits)
        known = sum(length or 0 for _, length in head.table)
        cursor.take(known, "the segments")
    except Truncated as error:
        raise Truncated(
            f"{error.what}, and a file that is not progressive cannot be read in part",
            offset=error.offset,
        ) from None
    except FormatError:
        return  # The head is damaged rather than short, and a checksum error says that better.


def _progressive_segments(
    cursor: Cursor, head: Head, limits: Limits, partial: bool
) -> list[Segment]:
    segments: list[Segment] = []
    for type, length in head.table:
        assert length is not None, "a progressive table has all lengths"
        if partial and length + width(length, True) > cursor.end - cursor.at:
            rest = cursor.at
            cursor.take(cursor.end - cursor.at, "the rest")
            if cursor.at > rest:
                cursor.note("incomplete segment", rest, "cut short")
            return segments
        start = cursor.at
        try:
            segment = _segment(cursor, head, type, length, limits, check=False)
            _take_checksum(cursor, start, "the segment checksum")
        except Truncated as error:
            what = f"{error.what}: {len(segments)} of {len(head.table)} segments are whole"
            raise Truncated(f"{what}, which a partial read gives", offset=error.offset) from None
        check_body(type, memoryview(segment.data), head.size, limits, start)
        segments.append(segment)
    if cursor.at < cursor.end:
        raise TrailingBytes(cursor.end - cursor.at, offset=cursor.at)
    return segments


def _segment(
    cursor: Cursor, head: Head, type: int, length: int, limits: Limits, check: bool = True
) -> Segment:
    start = cursor.at
    row = registry.segment(type)
    name = row.name if row else f"type {type}"
    body = cursor.take(length, f"segment {name}")
    cursor.rows.append(
        Row(f"segment {name}", start, length, row.summary if row else "ignored", True)
    )
    if check:
        check_body(type, body, head.size, limits, start)
    return Segment(type, bytes(body))


def _take_checksum(cursor: Cursor, start: int, what: str) -> None:
    """Check the bytes from `start` to here against the checksum that follows."""
    at = cursor.at
    length = width(at - start, True)
    stored = bytes(cursor.take(length, what))
    computed = checksum([cursor.view[start:at]], length)
    if stored != computed:
        raise ChecksumMismatch(stored, computed, offset=at)
    cursor.note("checksum", at, f"CRC-{8 * length} from byte {start}")
