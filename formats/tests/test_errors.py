"""One test per way to refuse a file or a value: what is said, where, and the data that the error carries."""

from __future__ import annotations

import binascii
import pickle
import struct
from typing import TypeVar

import pytest

import gcodec_formats as gcx
from gcodec_formats import errors, registry

WEBP = gcx.Identity(id=2, profile=1)
SIZE = gcx.Size(512, 768)
E = TypeVar("E", bound=errors.FormatError)


def raw(flags: int = 0, rest: bytes = b"payload", identity: bytes = b"\x02\x01") -> bytes:
    """A file with a right checksum from its parts."""
    size = struct.pack("<HH", SIZE.width - 1, SIZE.height - 1)
    covered = b"\xc7\r\n" + bytes([0x40 | flags]) + identity + size + rest
    return covered + binascii.crc_hqx(covered, 0xFFFF).to_bytes(2, "little")


def refuse(kind: type[E], data: bytes, limits: gcx.Limits = gcx.DEFAULT_LIMITS) -> E:
    with pytest.raises(kind) as caught:
        gcx.read(data, limits=limits)
    assert type(caught.value) is kind
    return caught.value


def refuse_write(
    kind: type[E],
    *segments: gcx.Segment,
    identity: gcx.Identity = WEBP,
    size: gcx.Size = SIZE,
    extensions: dict[int, object] | None = None,
) -> E:
    file = gcx.File(
        gcx.Header(identity, size, extensions or {}), segments or [gcx.Segment(gcx.MAIN, b"")]
    )
    with pytest.raises(kind) as caught:
        gcx.write(file)
    assert type(caught.value) is kind
    assert caught.value.offset is None
    return caught.value


def test_not_gcx() -> None:
    error = refuse(errors.NotGcx, b"\xff\xd8\xff\xe0 a JPEG")
    assert str(error).startswith("not a GCX file: it begins with ff d8 ff (byte 0); ")


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda data: data.replace(b"\r\n", b"\n"), "CR LF became LF"),
        (lambda data: data.replace(b"\n", b"\r\n"), "LF became CR LF"),
        (lambda data: data.replace(b"\r\n", b"\r"), "CR LF became CR"),
        (lambda data: data.replace(b"\r", b"\n"), "CR became LF"),
        (lambda data: data.replace(b"\n", b"\r"), "LF became CR"),
        (lambda data: bytes(byte & 127 for byte in data), "high bit"),
        (lambda data: data.decode("latin-1").encode(), "Latin-1"),
        (lambda data: data.decode("utf-8", "replace").encode(), "replaced"),
        (lambda data: data.decode("ascii", "replace").encode("ascii", "replace"), "ASCII"),
    ],
)
def test_text_damaged(damage: object, cause: str) -> None:
    error = refuse(errors.TextDamaged, damage(raw()))  # type: ignore[operator]
    assert cause in str(error)
    assert "as binary" in error.advice


def test_unsupported_version() -> None:
    data = bytearray(raw())
    data[3] = 0xC0
    error = refuse(errors.UnsupportedVersion, bytes(data))
    assert (error.version, error.offset) == (3, 3)


def test_reserved_flags() -> None:
    assert refuse(errors.ReservedFlags, raw(0x30)).flags == 0x30


def test_truncated() -> None:
    assert refuse(errors.Truncated, b"").what == "the file is empty"
    assert refuse(errors.Truncated, raw()[:9]).offset == 9
    whole = gcx.write(gcx.File(gcx.Header(WEBP, SIZE), [gcx.Segment(gcx.MAIN, b"x" * 40)] * 2))
    error = refuse(errors.Truncated, whole[:50])
    assert "cannot be read in part" in str(error)


def test_trailing_bytes() -> None:
    file = gcx.File(gcx.Header(WEBP, SIZE), [gcx.Segment(gcx.MAIN, b"x")], progressive=True)
    data = gcx.write(file)
    error = refuse(errors.TrailingBytes, data + b"ab")
    assert (error.extra, error.offset) == (2, len(data))


def test_checksum_mismatch() -> None:
    data = bytearray(raw())
    data[12] ^= 4
    error = refuse(errors.ChecksumMismatch, bytes(data))
    assert error.stored == bytes(data[-2:]) != error.computed
    assert error.offset == len(data) - 2


def test_not_canonical() -> None:
    assert refuse(errors.NotCanonical, raw(2, b"\x02\x00\x81\x00\x00ab")).offset == 12
    assert refuse(errors.NotCanonical, raw(1, b"\x01\x80")).offset == 11
    assert refuse(errors.NotCanonical, raw(2, b"\x01\x00abc")).offset == 10
    assert refuse(errors.NotCanonical, raw(4)).offset == 3
    refuse_write(errors.NotCanonical, extensions={registry.SEED: 0})
    refuse_write(errors.NotCanonical, extensions={registry.DEPTH: 8})


def test_limit_exceeded() -> None:
    error = refuse(errors.LimitExceeded, raw(), gcx.Limits(pixels=1000))
    assert (error.limit, error.value, error.maximum) == ("pixels", 768 * 512, 1000)
    assert "Limits.pixels" in error.advice
    error = refuse_write(errors.LimitExceeded, size=gcx.Size(1, 65537))
    assert (error.limit, error.value, error.maximum) == ("side", 65537, gcx.MAX_SIDE)
    error = refuse_write(errors.LimitExceeded, size=gcx.Size(65536, 65536))
    assert error.limit == "pixels"
    error = refuse_write(errors.LimitExceeded, *[gcx.Segment(gcx.MAIN, b"")] * 4097)
    assert error.limit == "segments"


def test_reserved_embedding() -> None:
    assert refuse(errors.ReservedEmbedding, raw(identity=b"\xff\x01")).offset == 4


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (gcx.Identity(id=100, profile=1), ["id 100", "upgrade gcodec-formats"]),
        (gcx.Identity(id=200, profile=1), ["id 200", "not registered"]),
        (gcx.Identity(name="acme/blob", profile=1), ["'acme/blob'", "not registered"]),
    ],
)
def test_unknown_embedding(identity: gcx.Identity, words: list[str]) -> None:
    with pytest.raises(errors.UnknownEmbedding) as caught:
        raise registry.unknown_embedding(identity)
    assert all(word in str(caught.value) for word in words)
    assert (caught.value.id, caught.value.name) == (identity.id, identity.name)
    # Where a head says it: after the three bytes of the magic number and that of the flags.
    assert caught.value.offset == 4
    assert identity.id is None or raw(identity=bytes([identity.id, 1]))[4] == identity.id


def test_unknown_embedding_names_the_package_of_a_registered_id() -> None:
    error = registry.unknown_embedding(gcx.Identity(id=2, profile=1))
    assert (error.id, error.name, error.package) == (2, "webp", "gcodec-classic")
    assert "pip install gcodec-classic" in str(error)


def test_nobody_is_told_to_install_what_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    row = registry.Embedding(190, "planned", "gcodec-planned", "reserved", "for this test")
    monkeypatch.setitem(registry._EMBEDDINGS_BY_ID, 190, row)
    error = registry.unknown_embedding(gcx.Identity(id=190, profile=1))
    assert (error.package, error.published) == ("gcodec-planned", False)
    assert "pip install" not in str(error) and "not published yet" in str(error)


@pytest.mark.parametrize(
    "name", [b"", b"webp", b"a/b/c", b"A/b", b"a/", b"a/\xff", b"a/" + b"b" * 63]
)
def test_bad_name(name: bytes) -> None:
    assert refuse(errors.BadName, raw(identity=bytes([0, len(name)]) + name + b"\1")).offset == 5
    if name:
        refuse_write(errors.BadName, identity=gcx.Identity(name=name.decode("latin-1"), profile=1))


def test_bad_extensions() -> None:
    assert refuse(errors.BadExtensions, raw(1, b"\x02\x91\x00")).offset == 11
    refuse_write(errors.BadExtensions, extensions={-1: 5})
    refuse_write(errors.BadExtensions, extensions={2: {"x": float("nan")}})
    refuse_write(errors.BadExtensions, extensions={2: {"x": 1 << 64}})
    refuse_write(errors.BadExtensions, extensions={2: {"x": {1.5: 0}}})
    refuse_write(errors.BadExtensions, extensions={2: {"x": {1}}})
    refuse_write(errors.BadExtensions, extensions={2: {"x": "\ud800"}})


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (registry.SEED, [-1, True, "1", 1.0, None]),
        (
            registry.RECONSTRUCTOR,
            ["flow", ["flow"], ["flow", {}, 1], [1, {}], ["", {}], ["flow", {1: 2}]],
        ),
        (registry.PARAMETERS, [[], 5, None]),
        (registry.CHANNELS, [0, 2, 4, True, "1"]),
        (registry.SYMBOLS_DIGEST, [b"", bytes(7), bytes(9), "12345678", 0]),
        (registry.DEPTH, [0, 33, 16.0, True]),
        (
            registry.PACKAGE,
            ["", 65 * "a", "-x", "x.", "a b", "a\n", "\u00e9", "a;b", b"a", 5, None],
        ),
    ],
)
def test_bad_extension_value(key: int, values: list[object]) -> None:
    identity = gcx.Identity(name="acme/blob", profile=1)
    for value in values:
        error = refuse_write(errors.BadExtensionValue, identity=identity, extensions={key: value})
        assert error.key == key


def test_a_package_stands_beside_a_name_alone() -> None:
    for number in (2, 100, 192):
        identity = gcx.Identity(id=number, profile=1)
        extensions: dict[int, object] = {registry.PACKAGE: "gcodec-acme"}
        error = refuse_write(errors.BadExtensionValue, identity=identity, extensions=extensions)
        assert (error.key, "an embedding with a number" in str(error)) == (registry.PACKAGE, True)


def test_unknown_required_extension() -> None:
    assert refuse(errors.UnknownRequiredExtension, raw(1, b"\x03\x81\x2c\x00")).key == 44
    assert refuse_write(errors.UnknownRequiredExtension, extensions={44: 0}).key == 44


def test_bad_segment_order() -> None:
    main, icc = gcx.Segment(gcx.MAIN, b""), gcx.Segment(gcx.ICC, gcx.pack_metadata(b"x"))
    alpha = gcx.Segment(gcx.ALPHA, gcx.pack_alpha(bytes(768 * 512), SIZE, 8))
    assert "icc comes too late" in refuse_write(errors.BadSegmentOrder, main, icc).what
    assert "icc appears twice" in refuse_write(errors.BadSegmentOrder, icc, icc, main).what
    assert "main comes too late" in refuse_write(errors.BadSegmentOrder, alpha, main).what
    assert "no main segment" in refuse_write(errors.BadSegmentOrder, icc).what
    # What stands behind a segment that nobody knows is looked at as well.
    unknown = gcx.Segment(201, b"")
    assert "icc comes too late" in refuse_write(errors.BadSegmentOrder, unknown, main, icc).what


def test_bad_segment() -> None:
    main = gcx.Segment(gcx.MAIN, b"")
    error = refuse_write(errors.BadSegment, main, gcx.Segment(gcx.ALPHA, b""))
    assert error.type == gcx.ALPHA
    wrong = gcx.pack_alpha(bytes(4), gcx.Size(2, 2), 8)
    error = refuse_write(errors.BadSegment, main, gcx.Segment(gcx.ALPHA, wrong))
    assert "4 bytes instead of 393216" in error.what
    error = refuse_write(errors.BadSegment, gcx.Segment(gcx.COMPANION, b"\x02\x00abc"), main)
    assert error.type == gcx.COMPANION


def test_unknown_required_segment() -> None:
    main = gcx.Segment(gcx.MAIN, b"")
    assert refuse_write(errors.UnknownRequiredSegment, main, gcx.Segment(6, b"")).type == 6
    assert refuse(errors.UnknownRequiredSegment, raw(2, b"\x02\x00\x01\x06a")).type == 6


def test_bad_compression() -> None:
    import zstandard

    main = gcx.Segment(gcx.MAIN, b"")
    error = refuse_write(errors.BadCompression, gcx.Segment(gcx.XMP, b"<xmp/>"), main)
    assert "not a Zstandard frame" in error.what
    dictionary = zstandard.ZstdCompressionDict(b"words and more words " * 20)
    body = zstandard.ZstdCompressor(dict_data=dictionary).compress(b"more words and words")
    with pytest.raises(errors.BadCompression):
        gcx.unpack_metadata(body)
    with pytest.raises(errors.BadCompression, match="does not decode"):
        gcx.unpack_metadata(gcx.pack_metadata(b"a profile " * 9)[:-3])
    nothing = gcx.pack_metadata(b"")
    assert gcx.unpack_metadata(nothing) == b""
    holds = nothing[:6] + (1 | 7 << 3).to_bytes(3, "little") + b"profile"
    for bad in (nothing[:-1], nothing + b"x", nothing + nothing, holds):
        with pytest.raises(errors.BadCompression, match="does not decode"):
            gcx.unpack_metadata(bad)
    with pytest.raises(errors.LimitExceeded, match="expansion is 90"):
        gcx.unpack_metadata(gcx.pack_metadata(b"a profile " * 9), gcx.Limits(expansion=89))


def test_every_error_is_one_line_with_a_code_of_its_own_and_survives_pickling() -> None:
    samples = [
        errors.TextDamaged("what", offset=0),
        errors.UnsupportedVersion(2, offset=3),
        errors.ChecksumMismatch(b"\0\1", b"\2\3", offset=17),
        errors.LimitExceeded("pixels", 2, 1, offset=4),
        errors.UnknownEmbedding(40, "diffc", "gcodec-diffc", offset=4),
        errors.BadExtensionValue(3, "channels", "1"),
        errors.BadSegment(4, "what", offset=15),
    ]
    for error in samples:
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
        assert "\n" not in str(error)
    codes = [found.code for found in below(errors.FormatError)]
    assert len(set(codes)) == len(codes) == 19


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    text = errors.__doc__ or ""
    for found in below(errors.FormatError):
        rows = [
            line for line in text.splitlines() if line.split()[-2:] == [found.__name__, found.code]
        ]
        assert len(rows) == 1, found


def below(base: type[errors.FormatError]) -> list[type[errors.FormatError]]:
    return [found for kind in base.__subclasses__() for found in (kind, *below(kind))]


@pytest.mark.parametrize("size", [gcx.Size(0, 5), gcx.Size(5, 0), gcx.Size(-1, 5)])
def test_a_picture_without_pixels_is_not_written(size: gcx.Size) -> None:
    file = gcx.File(gcx.Header(WEBP, size, {}), [gcx.Segment(gcx.MAIN, b"")])
    with pytest.raises(errors.InvalidArgument, match="at least one pixel"):
        gcx.write(file)
