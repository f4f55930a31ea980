"""What a GCX file says, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .errors import InvalidArgument

#: The longest side of an image in a GCX file, in pixels.
MAX_SIDE: Final = 1 << 16


class Size(NamedTuple):
    """Image size in pixels. Both are 1 to 65536 in a file."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Which embedding wrote the payload, and with which weights.

    Exactly one of `id` (1..254) and `name` ("vendor/name"), and exactly one of `profile` (1..255) and
    `digest` (the first 8 bytes of the model's SHA-256). A profile pins the weights in the registry; a
    digest names them itself.

    Raises InvalidArgument when that does not hold.
    """

    id: int | None = None
    name: str | None = None
    profile: int | None = None
    digest: bytes | None = None

    def __post_init__(self) -> None:
        if (self.id is None) == (self.name is None):
            raise InvalidArgument("an identity has either an id or a name")
        if (self.profile is None) == (self.digest is None):
            raise InvalidArgument("an identity has either a profile or a digest")
        if self.id is not None and not 1 <= self.id <= 254:
            raise InvalidArgument(f"embedding id {self.id} is not in 1..254")
        if self.profile is not None and not 1 <= self.profile <= 255:
            raise InvalidArgument(f"profile {self.profile} is not in 1..255")
        if self.digest is not None and len(self.digest) != 8:
            raise InvalidArgument("a digest is the first 8 bytes of a SHA-256")


@dataclass(frozen=True, slots=True)
class Header:
    """Everything before the segments. `extensions` maps keys (gcodec_formats.registry.EXTENSIONS) to values."""

    identity: Identity
    size: Size
    extensions: Mapping[int, object] = field(default_factory=dict)


class Segment(NamedTuple):
    """One typed part of the file; `data` is the body exactly as it is stored."""

    type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class File:
    """A whole GCX file.

    `missing` are the types of the segments lost at the end of a progressive file that was cut short, in order.
    """

    header: Header
    segments: Sequence[Segment]
    progressive: bool = False
    missing: Sequence[int] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.segments))
        object.__setattr__(self, "missing", tuple(self.missing))

    def bodies(self, type: int) -> tuple[bytes, ...]:
        """The bodies of all segments of one type, in order."""
        return tuple(segment.data for segment in self.segments if segment.type == type)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader accepts; each is checked before the memory it bounds is allocated.

    pixels         width times height
    segments       entries of the segment table
    header_bytes   length of the extension map
    depth          nesting of the extension map; the map itself is 1
    items          keys and values in the extension map, nested ones too
    expansion      bytes that one compressed metadata segment becomes; an alpha plane is bounded by `pixels`
    """

    pixels: int = 1 << 28
    segments: int = 4096
    header_bytes: int = 1 << 16
    depth: int = 8
    items: int = 4096
    expansion: int = 1 << 26


DEFAULT_LIMITS = Limits()


class Row(NamedTuple):
    """One line of `layout`: `length` bytes at `offset`; `payload` is False for what the format adds."""

    name: str
    offset: int
    length: int
    value: str
    payload: bool = False
