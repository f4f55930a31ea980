"""Vectors that a reader refuses: with those of generate.py, one for each refusal (formats/tests/test_refusals.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import zstandard
from parts import (
    SIGNATURE,
    extended,
    frame,
    leb,
    metadata,
    progressive,
    raw,
    stored,
    tabled,
)

from gcodec_formats import FormatError, errors

__all__ = ["further"]

#: Name, summary, error, bytes and further facts.
Refused = tuple[str, str, type[FormatError], bytes, dict[str, Any]]


def further() -> Iterator[Refused]:
    """All of them."""
    yield from _beginnings()
    yield from _heads()
    yield from _maps()
    yield from _endings()
    yield from _bodies()


def _beginnings() -> Iterator[Refused]:
    whole = raw()
    for length in (1, 2, 3, 4):
        yield f"bad-cut-{length}", f"{length} of 19 bytes", errors.Truncated, whole[:length], {}
    damage = {
        "cr": (whole.replace(b"\r\n", b"\r"), "CR LF became CR"),
        "crcr": (whole.replace(b"\n", b"\r"), "LF became CR"),
        "lflf": (whole.replace(b"\r", b"\n"), "CR became LF"),
        "utf8-lf": (b"\xc3\x87\n" + whole[3:], "Latin-1 to UTF-8, CR LF became LF"),
        "replaced": (b"\xef\xbf\xbd" + whole[1:], "what is no UTF-8 replaced"),
        "replaced-lf": (b"\xef\xbf\xbd\n" + whole[3:], "the same, CR LF became LF"),
        "ascii": (b"?" + whole[1:], "what is no ASCII replaced"),
        "short": (b"\xc7\n", "CR LF became LF, and no more"),
    }
    for name, (data, about) in damage.items():
        yield f"bad-text-{name}", about, errors.TextDamaged, data, {}
    other = b"\xc7\n\x80" + whole[4:]
    yield "bad-signature-version", "C7 0A before version 2", errors.NotGcx, other, {}
    yield "bad-signature-byte", "C7 0D 80", errors.NotGcx, b"\xc7\r\x80", {}


def _heads() -> Iterator[Refused]:
    short = SIGNATURE + b"\x48" + bytes(4)
    yield "bad-first-flags", "flag 08 and 8 bytes", errors.ReservedFlags, short, {}
    lone = SIGNATURE + b"\x44\xff"
    yield "bad-first-table", "progressive without a table and id 255", errors.NotCanonical, lone, {}
    name = b"acme/" + 60 * b"b"
    identity = b"\0" + leb(len(name)) + name + b"\1"
    yield "bad-name-long", "65 bytes", errors.BadName, raw(identity=identity), {}
    for what, text in ("case", b"Acme/blob"), ("slashes", b"a/b/c"), ("byte", b"acme/bl\xf6b"):
        identity = b"\0" + leb(len(text)) + text + b"\1"
        yield f"bad-name-{what}", repr(text), errors.BadName, raw(identity=identity), {}
    cut = raw(identity=b"\0\xf0Acme/", rest=b"")
    yield "bad-name-cut", "240 bytes that are not there", errors.Truncated, cut, {}
    bad = progressive("01 00 04", b"base", ending=b"\x00\x00")
    yield "bad-checksum-head", "that of the head", errors.ChecksumMismatch, bad, {}
    limit = {"limits": {"pixels": 512}}
    yield "bad-first-checksum", "and too many pixels", errors.ChecksumMismatch, bad, limit
    long = raw(0x01, leb(1 << 16 | 1) + b"\x81")
    yield "bad-limit-header-first", "65,537 bytes, not there", errors.LimitExceeded, long, {}
    many = tabled("81 20")
    yield "bad-limit-segments-first", "4,097 that are not there", errors.LimitExceeded, many, {}
    cut = progressive("01 00")
    yield "bad-table-cut", "no length of the last layer", errors.Truncated, cut, {}
    yield (
        "bad-leb128-size",
        "9 bytes, the last 00",
        errors.NotCanonical,
        tabled("80" * 8 + "00"),
        {},
    )


def _maps() -> Iterator[Refused]:
    wrong: dict[str, object] = {
        "true-as-a-key": {2: {True: 0}},
        "float-as-a-key": {2: {0.5: 0}},
        "nil-as-a-key": {2: {None: 0}},
        "true": {True: 0},
        "negative": {-1: 0},
        "timestamp": {2: {"t": msgpack.Timestamp(1)}},
        "infinity": {2: {"t": float("inf")}},
    }
    for name, value in wrong.items():
        bad = extended(msgpack.packb(value, use_single_float=True))
        yield f"bad-map-{name}", f"{value}", errors.BadExtensions, bad, {}
    loose = {
        "array-as-a-key": ("81 02 81 90 00", errors.BadExtensions),
        "reserved": ("81 02 c1", errors.BadExtensions),
        "nothing": ("", errors.BadExtensions),
        "surrogate": ("81 02 81 00 a3 ed a0 80", errors.BadExtensions),
        "signed": ("81 02 81 00 d0 05", errors.NotCanonical),
        "text-length": ("81 02 81 00 d9 01 61", errors.NotCanonical),
        "bytes-length": ("81 02 81 00 c5 00 01 61", errors.NotCanonical),
        "array-length": ("81 02 81 00 dc 00 01 00", errors.NotCanonical),
        "map-length": ("81 02 de 00 01 00 00", errors.NotCanonical),
        "keys-in-reverse": ("81 02 82 a1 61 00 01 00", errors.NotCanonical),
        "inner-twice": ("81 02 82 01 00 01 00", errors.NotCanonical),
    }
    for name, (text, error) in loose.items():
        yield f"bad-map-{name}", text, error, extended(bytes.fromhex(text)), {}
    deep = b"\x81\x02\x81\x00" + b"\x91" * 3000 + b"\x00"
    yield "bad-limit-depth-far", "3,003 levels", errors.LimitExceeded, extended(deep), {}
    items = b"\x81\x02\x81\x00\xdc\x0f\xfc" + bytes(4092)
    yield "bad-limit-items-default", "4,097", errors.LimitExceeded, extended(items), {}
    values: dict[str, object] = {
        "seed-true": {0: True},
        "seed-float": {0: 1.5},
        "depth-true": {7: True},
        "depth-zero": {7: 0},
        "channels-true": {3: True},
        "reconstructor-number": {1: 5},
        "reconstructor-name": {1: [5, {}]},
        "reconstructor-empty": {1: ["", {}]},
        "reconstructor-long": {1: [65 * "r", {}]},
        "reconstructor-settings": {1: ["flow", 5]},
        "reconstructor-key": {1: ["flow", {1: 2}]},
        "symbols-text": {5: "12345678"},
        "symbols-long": {5: bytes(9)},
    }
    for name, value in values.items():
        bad = extended(msgpack.packb(value, use_single_float=True))
        yield f"bad-value-{name}", f"{value}", errors.BadExtensionValue, bad, {}
    defaults: dict[str, object] = {"parameters": {2: {}}, "channels": {3: 3}, "depth": {7: 8}}
    for name, value in defaults.items():
        bad = extended(msgpack.packb(value))
        yield f"bad-default-{name}", f"{value}", errors.NotCanonical, bad, {}


def _endings() -> Iterator[Refused]:
    whole = tabled("02 00 64 00", bytes(100) + b"last")
    start = len(whole) - 2 - 104
    yield "bad-cut-segment", "in its first layer", errors.Truncated, whole[: start + 99], {}
    about = "where its last layer begins, whose length nobody knows"
    yield "bad-cut-last", about, errors.ChecksumMismatch, whole[: start + 100], {}
    damaged = bytearray(raw(identity=b"\0\x09acme_blob\x01"))
    damaged[-1] ^= 1
    about = "and a bad name"
    yield "bad-checksum-name", about, errors.ChecksumMismatch, bytes(damaged), {}
    for length in (4096, 4097):
        bad = tabled("02 00 01 00", bytes(length - 16))
        assert len(bad) == length
        about = f"a file of {length} bytes with a table, CRC-16"
        yield f"bad-checksum-{length}", about, errors.ChecksumMismatch, bad, {}
    bad = tabled("02 00 05 00", b"abc")
    yield "bad-truncated-checksum", "a layer that runs into the checksum", errors.Truncated, bad, {}
    bad = progressive("02 01 03 00 01", b"abc", b"a")
    yield "bad-frame-progressive", "no Zstandard frame", errors.BadCompression, bad, {}
    bad = progressive("02 00 01 03 01", b"a", frame(b"x"))
    yield "bad-order-progressive", "exif after main", errors.BadSegmentOrder, bad, {}


def _bodies() -> Iterator[Refused]:
    alpha = b"\x02\x00\x01\x04a"
    yield "bad-alpha-empty", "no body", errors.BadSegment, raw(0x02, alpha), {}
    plane = frame(bytes(768 * 512 * 12 // 8))
    about = "12 bits, and as many bytes as they take"
    yield "bad-alpha-12", about, errors.BadSegment, raw(0x02, alpha + b"\x0c" + plane), {}
    compression = errors.BadCompression
    bad = raw(0x02, alpha + b"\x08" + bytes(20))
    yield "bad-alpha-frame", "no Zstandard frame", compression, bad, {}
    bad = raw(0x02, bytes.fromhex("02 02 03 00 00 01 78"))
    yield "bad-companion-name", "a name of one byte", errors.BadName, bad, {}
    bad = raw(0x02, bytes.fromhex("02 02 01 00 ff"))
    yield "bad-companion-reserved", "embedding 255", errors.ReservedEmbedding, bad, {}
    bad = raw(0x02, bytes.fromhex("02 02 00 00"))
    yield "bad-companion-empty", "no identity", errors.BadSegment, bad, {}

    checked = zstandard.ZstdCompressor(write_checksum=True).compress(b"profile")
    frames = {
        "skippable": b"\x50\x2a\x4d\x18\x07\x00\x00\x00profile",
        "magic": b"\x27" + frame(b"profile")[1:],
        "empty": b"",
        "header": frame(b"profile")[:5],
        "reserved": stored("28 07"),
        "dictionary": stored("21 01 07"),
        "window": stored("80 b0 07 00 00 00"),
    }
    for name, body in frames.items():
        yield f"bad-frame-{name}", body[:20].hex(" "), compression, metadata(body), {}
    contents = {
        "cut": frame(b"a profile")[:-1],
        "two": frame(b"profile") + frame(b""),
        "checksum": checked[:-1] + bytes([checked[-1] ^ 1]),
        "checksum-cut": checked[:-4],
        "block": stored("20 07").replace(b"\x39\0\0", b"\x3f\0\0"),
        "short": stored("20 08"),
        "long": stored("20 06"),
        "nothing-cut": frame(b"")[:-1],
        "nothing-more": frame(b"") + b"x",
        "nothing-two": frame(b"") + frame(b""),
        "nothing-holds": stored("20 00"),
        "nothing-streams": stored("80 38 00 00 00 00"),
    }
    for name, body in contents.items():
        about = body[:20].hex(" ")
        yield f"bad-frame-{name}", about, compression, metadata(body), {"operation": "unpack"}
