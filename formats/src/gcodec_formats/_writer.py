"""Writing. What the writer accepts, a reader with the same limits accepts, and gives back."""

from __future__ import annotations

from collections.abc import Sequence

from . import _extensions, _rules
from ._bodies import check_body
from ._checksum import checksum, width
from ._cursor import leb128, put_identity
from ._head import (
    FLAG_EXTENSIONS,
    FLAG_PROGRESSIVE,
    FLAG_TABLE,
    SIGNATURE,
    VERSION,
)
from ._values import DEFAULT_LIMITS, MAX_SIDE, File, Limits, Segment, Size
from .errors import InvalidArgument, LimitExceeded


def write(file: File, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a GCX file.

    Raises FormatError for what a reader with these limits would refuse, with `offset` None (LimitExceeded, BadName,
    BadExtensions, BadExtensionValue, UnknownRequiredExtension, NotCanonical for an extension at its default,
    BadSegmentOrder, BadSegment, UnknownRequiredSegment, BadCompression); InvalidArgument for an incomplete file (`missing`).
    """
    if file.missing:
        raise InvalidArgument(
            f"{len(file.missing)} segments are missing; drop them by missing=() to write the rest"
        )
    segments = file.segments
    _check_size(file.header.size, limits)
    types = [segment.type for segment in segments]
    _rules.check_types(types, file.progressive, False, None)
    if len(segments) > limits.segments:
        raise LimitExceeded("segments", len(segments), limits.segments)
    for type, data in segments:
        check_body(type, memoryview(data), file.header.size, limits, None)
    table = _rules.needs_table(types, file.progressive)
    head = _head(file, table, limits)
    if not file.progressive:
        parts: list[bytes] = [head, *(segment.data for segment in segments)]
        covered = sum(map(len, parts))
        parts.append(checksum(parts, width(covered, table)))
    else:
        parts = []
        for part in (head, *(segment.data for segment in segments)):
            parts += [part, checksum([part], width(len(part), True))]
    return b"".join(parts)


def _check_size(size: Size, limits: Limits) -> None:
    for side in size:
        if side < 1:
            raise InvalidArgument(f"an image has at least one pixel, not {size}")
        if side > MAX_SIDE:
            raise LimitExceeded("side", side, MAX_SIDE)
    if size.height * size.width > limits.pixels:
        raise LimitExceeded("pixels", size.height * size.width, limits.pixels)


def _head(file: File, table: bool, limits: Limits) -> bytes:
    header = file.header
    flags = (
        (FLAG_EXTENSIONS if header.extensions else 0)
        | (FLAG_TABLE if table else 0)
        | (FLAG_PROGRESSIVE if file.progressive else 0)
    )
    parts = [
        SIGNATURE,
        bytes([VERSION << 6 | flags]),
        put_identity(header.identity),
        (header.size.width - 1).to_bytes(2, "little"),
        (header.size.height - 1).to_bytes(2, "little"),
    ]
    if header.extensions:
        packed = _extensions.encode(header.extensions, header.identity, limits)
        parts += [leb128(len(packed)), packed]
    if table:
        parts.append(_table(file.segments, file.progressive))
    return b"".join(parts)


def _table(segments: Sequence[Segment], progressive: bool) -> bytes:
    parts = [leb128(len(segments))]
    for index, segment in enumerate(segments):
        parts.append(leb128(segment.type))
        if progressive or index < len(segments) - 1:
            parts.append(leb128(len(segment.data)))
    return b"".join(parts)
