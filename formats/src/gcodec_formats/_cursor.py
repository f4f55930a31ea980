"""Reading bytes, LEB128 numbers and identities from a range of the file; writing the same."""

from __future__ import annotations

import re

from . import registry
from ._values import Identity, Row
from .errors import BadName, NotCanonical, ReservedEmbedding, Truncated

_NAME = re.compile(r"[a-z0-9._-]+/[a-z0-9._-]+")
LONGEST_NAME = 64
LONGEST_LEB128 = 9  # so that every number is below 2^63


class Cursor:
    """A position in `view[at:end]` that refuses to pass the end, and notes what it read for `layout`."""

    __slots__ = ("at", "end", "rows", "view")

    def __init__(self, view: memoryview, at: int, end: int) -> None:
        self.view = view
        self.at = at
        self.end = end
        self.rows: list[Row] = []

    def take(self, count: int, what: str) -> memoryview:
        """The next `count` bytes; Truncated when there are fewer."""
        start = self.at
        if count > self.end - start:
            raise Truncated(
                f"{what} needs {count} bytes and {max(self.end - start, 0)} are left", offset=start
            )
        self.at = start + count
        return self.view[start : self.at]

    def byte(self, what: str) -> int:
        """The next byte."""
        return self.take(1, what)[0]

    def leb128(self, what: str) -> int:
        """An unsigned LEB128 number in its shortest form."""
        start = self.at
        value = 0
        for index in range(LONGEST_LEB128):
            byte = self.byte(what)
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if byte == 0 and index:
                    raise NotCanonical(f"{what} is not in its shortest form", offset=start)
                return value
        raise NotCanonical(f"{what} is longer than {LONGEST_LEB128} bytes", offset=start)

    def note(self, name: str, start: int, value: str) -> None:
        """Record what the bytes from `start` to here are."""
        self.rows.append(Row(name, start, self.at - start, value))


def leb128(value: int) -> bytes:
    """`value` >= 0 as the shortest unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def take_identity(cursor: Cursor) -> Identity:
    """Embedding id or name, profile or digest. Raises BadName, ReservedEmbedding, Truncated."""
    start = cursor.at
    id: int | None = cursor.byte("the embedding id")
    name = digest = None
    if id == registry.RESERVED_ID:
        raise ReservedEmbedding(f"embedding id {id} is reserved", offset=start)
    if id:
        row = registry.embedding(id)
        known = row.name if row else "private" if id in registry.PRIVATE else "not registered"
        cursor.note("embedding", start, f"{id} ({known})")
    else:
        id = None
        length = cursor.byte("the length of the embedding name")
        raw = bytes(cursor.take(length, "the embedding name"))
        name = check_name(raw.decode("latin-1"), offset=start + 1)
        cursor.note("embedding", start, name)
    start = cursor.at
    profile: int | None = cursor.byte("the profile id")
    if profile:
        cursor.note("profile", start, str(profile))
    else:
        profile = None
        digest = bytes(cursor.take(8, "the model digest"))
        cursor.note("model digest", start, digest.hex())
    return Identity(id, name, profile, digest)


def put_identity(identity: Identity) -> bytes:
    """The bytes that `take_identity` reads. Raises BadName."""
    if identity.name is None:
        out = bytes([identity.id or 0])
    else:
        name = check_name(identity.name, offset=None).encode("ascii")
        out = bytes([0, len(name)]) + name
    return out + (
        bytes([identity.profile or 0]) if identity.digest is None else b"\0" + identity.digest
    )


def check_name(name: str, kind: str = "embedding", *, offset: int | None = None) -> str:
    """`name` itself. Raises BadName unless it is vendor/name."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise BadName(f"{name!r} is no {kind} name", offset=offset)
    return name
