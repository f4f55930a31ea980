"""What is inside a segment: compressed metadata, the alpha plane, a companion embedding.

A compressed part is one Zstandard frame that states its content size and uses no dictionary.
`check_body` looks at frame headers only and is part of reading; the `unpack_*` functions decompress,
into exactly the stated size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import registry
from ._cursor import Cursor, put_identity, take_identity
from ._values import DEFAULT_LIMITS, Identity, Limits, Size
from .errors import (
    BadCompression,
    BadSegment,
    FormatError,
    InvalidArgument,
    LimitExceeded,
    Truncated,
)

if TYPE_CHECKING:
    from zstandard import ZstdDecompressor

_MAGIC = b"\x28\xb5\x2f\xfd"  # skippable frames and legacy formats have another
_LONGEST_FRAME_HEADER = 18
_BLOCK = 1 << 17  # the largest content of one block ...
_SHORTEST_BLOCK = 4  # ... which takes at least so many bytes (header and the byte to repeat)
_COMPRESSED = (registry.ICC, registry.EXIF, registry.XMP)


def pack_metadata(content: bytes) -> bytes:
    """The body of an icc, exif or xmp segment."""
    return _compress(content)


def unpack_metadata(body: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """What `pack_metadata` was given. Raises BadCompression, LimitExceeded."""
    return _decompress(body, _check_expansion(memoryview(body), limits))


def pack_alpha(samples: bytes, size: Size, depth: int) -> bytes:
    """The body of an alpha segment.

    samples: row by row, `depth` 8 or 16 bits each, 16-bit ones big-endian; 0 is transparent, not premultiplied.
    Raises InvalidArgument when the depth or the number of bytes is wrong.
    """
    if depth not in (8, 16):
        raise InvalidArgument(f"alpha depth is 8 or 16 bits, not {depth}")
    if len(samples) != size.height * size.width * depth // 8:
        raise InvalidArgument(f"{len(samples)} bytes do not fill {size} at {depth} bits")
    plane = samples if depth == 8 else samples[0::2] + samples[1::2]
    return bytes([depth]) + _compress(plane)


def unpack_alpha(body: bytes, size: Size) -> tuple[int, bytes]:
    """(depth, samples) as `pack_alpha` takes them. `size` must already be within limits.

    Raises BadSegment, BadCompression.
    """
    expected = _check_alpha(memoryview(body), size)
    depth, plane = body[0], _decompress(body[1:], expected)
    if depth == 8:
        return depth, plane
    samples = bytearray(expected)
    samples[0::2] = plane[: expected // 2]
    samples[1::2] = plane[expected // 2 :]
    return depth, bytes(samples)


def pack_companion(identity: Identity, payload: bytes) -> bytes:
    """The body of a companion segment: a layer of another embedding of the same image. Raises BadName."""
    return put_identity(identity) + payload


def unpack_companion(body: bytes) -> tuple[Identity, bytes]:
    """What `pack_companion` was given. Raises BadSegment, BadName, ReservedEmbedding."""
    identity, end = _companion_identity(memoryview(body))
    return identity, body[end:]


def check_body(type: int, body: memoryview, size: Size, limits: Limits, offset: int | None) -> None:
    """Refuse a malformed body, which begins at byte `offset` of the file, without decompressing it.

    Raises BadSegment, BadCompression, LimitExceeded, BadName, ReservedEmbedding.
    """
    try:
        if type in _COMPRESSED:
            _check_expansion(body, limits)
        elif type == registry.ALPHA:
            _check_alpha(body, size)
        elif type == registry.COMPANION:
            _companion_identity(body)
    except FormatError as error:
        error.offset = offset
        raise


def _check_expansion(body: memoryview, limits: Limits) -> int:
    """Bytes of the content."""
    size = _content_size(body)
    if size > limits.expansion:
        raise LimitExceeded("expansion", size, limits.expansion)
    return size


def _check_alpha(body: memoryview, size: Size) -> int:
    """Bytes of the plane."""
    if not body or body[0] not in (8, 16):
        raise BadSegment(registry.ALPHA, "the alpha depth is not 8 or 16")
    expected = size.height * size.width * body[0] // 8
    content = _content_size(body[1:])
    if content != expected:
        what = f"the alpha plane holds {content} bytes instead of {expected}"
        raise BadSegment(registry.ALPHA, what)
    return expected


def _companion_identity(body: memoryview) -> tuple[Identity, int]:
    """The identity and its length."""
    cursor = Cursor(body, 0, len(body))
    try:
        return take_identity(cursor), cursor.at
    except Truncated:
        what = "the companion ends inside its identity"
        raise BadSegment(registry.COMPANION, what) from None


def _compress(content: bytes) -> bytes:
    import zstandard

    level = 19 if len(content) < 1 << 20 else 6
    return zstandard.ZstdCompressor(level=level).compress(content)


def _content_size(frame: memoryview) -> int:
    """The content size that the frame header states, refused when the frame is too short to hold it."""
    import zstandard

    header = bytes(frame[:_LONGEST_FRAME_HEADER])
    if not header.startswith(_MAGIC):
        raise BadCompression("not a Zstandard frame")
    try:
        parameters = zstandard.get_frame_parameters(header)
    except zstandard.ZstdError as error:
        raise BadCompression(f"bad Zstandard frame header: {error}") from None
    size = int(parameters.content_size)
    if size == zstandard.CONTENTSIZE_UNKNOWN:
        raise BadCompression("the Zstandard frame states no content size")
    if parameters.dict_id:
        raise BadCompression("the Zstandard frame needs a dictionary")
    if size > -(-len(frame) // _SHORTEST_BLOCK) * _BLOCK:
        raise BadCompression(f"a Zstandard frame of {len(frame)} bytes cannot hold {size}")
    return size


def _decompress(frame: bytes, size: int) -> bytes:
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    try:
        if size:
            content = decompressor.decompress(frame, allow_extra_data=False)
        else:
            content = _decompress_nothing(decompressor, frame)
    except zstandard.ZstdError as error:
        raise BadCompression(f"the Zstandard frame does not decode: {error}") from None
    if len(content) != size:
        raise BadCompression(f"the Zstandard frame holds {len(content)} bytes instead of {size}")
    return content


def _decompress_nothing(decompressor: ZstdDecompressor, frame: bytes) -> bytes:
    """The first byte of a frame that states 0 bytes, if it has one. `decompress` would not look at such a frame."""
    import zstandard

    if first := decompressor.stream_reader(frame, read_size=len(frame)).read(1):
        return first
    end = decompressor.decompressobj()
    end.decompress(frame)
    if not end.eof or end.unused_data:
        raise zstandard.ZstdError("the frame and the body do not end together")
    return b""
