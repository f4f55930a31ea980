"""The root of all errors of gcodec, and every way in which GCX data can be refused.

`GcodecError` stands here because this package lies below all others; `gcodec.errors` draws the whole tree. The list below
FormatError is closed: spec/FORMAT.md section 8 names the same codes.

    FormatError
    +-- NotGcx                       not-gcx
    |   +-- TextDamaged              text-damaged
    +-- UnsupportedVersion           unsupported-version
    +-- ReservedFlags                reserved-flags
    +-- Truncated                    truncated
    +-- TrailingBytes                trailing-bytes
    +-- ChecksumMismatch             checksum-mismatch
    +-- NotCanonical                 not-canonical
    +-- LimitExceeded                limit-exceeded
    +-- ReservedEmbedding            reserved-embedding
    +-- UnknownEmbedding             unknown-embedding
    +-- BadName                      bad-name
    +-- BadExtensions                bad-extensions
    +-- BadExtensionValue            bad-extension-value
    +-- UnknownRequiredExtension     unknown-required-extension
    +-- BadSegmentOrder              bad-segment-order
    +-- BadSegment                   bad-segment
    +-- UnknownRequiredSegment       unknown-required-segment
    +-- BadCompression               bad-compression

Each carries `code` (stable, for programs), `what` (one sentence), `offset` (byte in the file, or None
when there is no file, as in the writer) and `advice` (what to do next). `str()` is all but the code in
one line.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GcodecError(Exception):
    """Base of all errors that gcodec and its plugins raise on purpose; `exit_status` is what the command ends with."""

    exit_status: ClassVar[int] = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take other arguments, so the default (call the class with `args`) would fail.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[GcodecError], args: tuple[Any, ...], state: dict[str, Any]) -> GcodecError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class InvalidArgument(GcodecError, ValueError):
    """A function was called with a value that it cannot take. One of a wrong type is Python's TypeError."""

    exit_status = 2


class FormatError(GcodecError):
    """GCX data was refused; the base of the errors below."""

    exit_status = 20
    code: ClassVar[str] = "format-error"
    advice: str = ""

    def __init__(self, what: str, *, offset: int | None = None) -> None:
        self.what = what
        self.offset = offset
        super().__init__(what)

    def __str__(self) -> str:
        where = "" if self.offset is None else f" (byte {self.offset})"
        return f"{self.what}{where}" + (f"; {self.advice}" if self.advice else "")


class NotGcx(FormatError):
    """The data does not begin with the signature C7 0D 0A."""

    code = "not-gcx"
    advice = "give a file written by gcodec encode"


class TextDamaged(NotGcx):
    """The signature is there, but changed as a transfer in text mode changes it."""

    code = "text-damaged"
    advice = "transfer the original again, as binary"


class UnsupportedVersion(FormatError):
    """The major version is not 1. Attribute: `version`."""

    code = "unsupported-version"
    advice = "upgrade gcodec-formats"

    def __init__(self, version: int, *, offset: int | None = None) -> None:
        self.version = version
        super().__init__(f"GCX version {version}; this reader knows version 1", offset=offset)


class ReservedFlags(FormatError):
    """A flag bit without a meaning in version 1 is set. Attribute: `flags`, the reserved bits that are set."""

    code = "reserved-flags"
    advice = "the file is damaged or was written by a later version; upgrade gcodec-formats"

    def __init__(self, flags: int, *, offset: int | None = None) -> None:
        self.flags = flags
        super().__init__(f"reserved flag bits 0x{flags:02x} are set", offset=offset)


class Truncated(FormatError):
    """The data ends before a part whose length is known. `offset` is where the part begins."""

    code = "truncated"
    advice = "the file was cut short; fetch it again"


class TrailingBytes(FormatError):
    """A progressive file goes on after its last segment. Attribute: `extra`, the number of bytes."""

    code = "trailing-bytes"
    advice = "the file was appended to or damaged; fetch it again"

    def __init__(self, extra: int, *, offset: int | None = None) -> None:
        self.extra = extra
        super().__init__(
            f"the file goes on after its last segment, for {extra} bytes", offset=offset
        )


class ChecksumMismatch(FormatError):
    """Stored and computed checksums differ. Attributes: `stored`, `computed` (bytes as in the file)."""

    code = "checksum-mismatch"
    advice = "the file was damaged or cut short; fetch it again"

    def __init__(self, stored: bytes, computed: bytes, *, offset: int | None = None) -> None:
        self.stored = stored
        self.computed = computed
        super().__init__(
            f"the checksum is {stored.hex(' ')} but the contents give {computed.hex(' ')}",
            offset=offset,
        )


class NotCanonical(FormatError):
    """A value is written in another form than the only one allowed."""

    code = "not-canonical"
    advice = "the writer is at fault; report it to its author"


class LimitExceeded(FormatError):
    """A size is over the reader's limit. Attributes: `limit` (field of Limits), `value`, `maximum`."""

    code = "limit-exceeded"

    def __init__(self, limit: str, value: int, maximum: int, *, offset: int | None = None) -> None:
        self.limit = limit
        self.value = value
        self.maximum = maximum
        self.advice = f"if the file is trusted, raise Limits.{limit}"
        if limit == "side":
            self.advice = "no GCX file holds a longer side; scale or split the image"
        super().__init__(f"{limit} is {value}, over the limit of {maximum}", offset=offset)


class ReservedEmbedding(FormatError):
    """Embedding id 255, which no version 1 file uses."""

    code = "reserved-embedding"
    advice = "the file was written by a later version; upgrade gcodec-formats"


class UnknownEmbedding(FormatError):
    """No decoder for the embedding. Attributes: `id`, `name` (either may be None), `package` (or None).

    `published` is False for a package whose name is only reserved: nobody is told to install that.
    """

    code = "unknown-embedding"

    def __init__(
        self,
        id: int | None,
        name: str | None,
        package: str | None = None,
        *,
        published: bool = True,
        offset: int | None = None,
    ) -> None:
        self.published = published
        self.id = id
        self.name = name
        self.package = package
        if package and published:
            self.advice = f"install it: pip install {package}"
        elif package:
            self.advice = f"it is reserved for {package}, which is not published yet"
        elif id is not None and not 192 <= id <= 254:
            self.advice = "it is not in this version's registry; upgrade gcodec-formats"
        else:
            self.advice = "it is not registered; ask the sender which plugin wrote the file"
        label = ([] if id is None else [f"id {id}"]) + ([] if name is None else [repr(name)])
        super().__init__(f"unknown embedding {' '.join(label)}", offset=offset)


class BadName(FormatError):
    """A name, of an embedding or a channel, that is not of the form vendor/name."""

    code = "bad-name"
    advice = "a name is vendor/name in a-z 0-9 . _ -, 3 to 64 bytes"


class BadExtensions(FormatError):
    """The extension map is not a msgpack map of the allowed kinds."""

    code = "bad-extensions"
    advice = "the writer is at fault; report it to its author"


class BadExtensionValue(FormatError):
    """The value of a known extension key has the wrong type or range. Attribute: `key`."""

    code = "bad-extension-value"
    advice = "the writer is at fault; report it to its author"

    def __init__(self, key: int, name: str, wanted: str, *, offset: int | None = None) -> None:
        self.key = key
        super().__init__(f"extension {key} ({name}) must be {wanted}", offset=offset)


class UnknownRequiredExtension(FormatError):
    """An even extension key that this version does not know. Attribute: `key`."""

    code = "unknown-required-extension"
    advice = "upgrade gcodec-formats"

    def __init__(self, key: int, *, offset: int | None = None) -> None:
        self.key = key
        super().__init__(f"the file needs extension {key}, which is unknown here", offset=offset)


class BadSegmentOrder(FormatError):
    """The segments are not in the required order, one appears twice, or there is no main segment."""

    code = "bad-segment-order"
    advice = "the writer is at fault; report it to its author"


class BadSegment(FormatError):
    """The body of a segment is malformed. Attribute: `type`."""

    code = "bad-segment"
    advice = "the writer is at fault; report it to its author"

    def __init__(self, type: int, what: str, *, offset: int | None = None) -> None:
        self.type = type
        super().__init__(what, offset=offset)


class UnknownRequiredSegment(FormatError):
    """An even segment type that this version does not know. Attribute: `type`."""

    code = "unknown-required-segment"
    advice = "upgrade gcodec-formats"

    def __init__(self, type: int, *, offset: int | None = None) -> None:
        self.type = type
        super().__init__(
            f"the file needs segment type {type}, which is unknown here", offset=offset
        )


class BadCompression(FormatError):
    """A part is not one Zstandard frame with its content size that decodes to that size."""

    code = "bad-compression"
    advice = "the writer is at fault; report it to its author"
